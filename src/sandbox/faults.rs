//! Faults a user asks for: which request goes wrong and how. What a fault looks like on the wire is the server's part.
//! Drawn from the seed and a request counter, so a sequence of requests meets the same faults every time.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use super::world::mix;

/// How often each fault happens, as a share of requests from 0 to 1.
///
/// Read from text such as `429=0.1,500=0.05,cut=0.02`; words not named are 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Faults {
    /// `429`: too many requests, with `Retry-After`.
    pub too_many: f64,
    /// `429-bare`: too many requests, without `Retry-After`.
    pub too_many_bare: f64,
    /// `500`: 500 or 503.
    pub server_error: f64,
    /// `cut`: the body ends in the middle and the connection closes.
    pub cut: f64,
    /// `slow`: the body comes in drips.
    pub slow: f64,
    /// `html`: an HTML page with status 200.
    pub html: f64,
    /// `401`: the token expires; once drawn it stays expired for that source.
    pub expired: f64,
    /// `error-200`: an error body with status 200.
    pub error_200: f64,
    /// `empty`: Ploomes' silent throttle, an empty page with status 200. Other sources never draw it.
    pub empty: f64,
}

/// Why a text is no [`Faults`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultsError(String);

impl fmt::Display for FaultsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultsError {}

impl FromStr for Faults {
    type Err = FaultsError;

    fn from_str(text: &str) -> Result<Faults, FaultsError> {
        let mut faults = Faults::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some((word, rate)) = part.split_once('=') else {
                return Err(FaultsError(format!(
                    "fault `{part}`: expected WORD=RATE, for example 429=0.1; {}",
                    allowed()
                )));
            };
            let (word, rate) = (word.trim(), rate.trim());
            let value = rate.parse::<f64>().ok().filter(|value| (0.0..=1.0).contains(value));
            let Some(value) = value else {
                return Err(FaultsError(format!("fault `{word}`: expected a rate from 0 to 1, found `{rate}`")));
            };
            let slot = match word {
                "429" => &mut faults.too_many,
                "429-bare" => &mut faults.too_many_bare,
                "500" => &mut faults.server_error,
                "cut" => &mut faults.cut,
                "slow" => &mut faults.slow,
                "html" => &mut faults.html,
                "401" => &mut faults.expired,
                "error-200" => &mut faults.error_200,
                "empty" => &mut faults.empty,
                _ => return Err(FaultsError(format!("fault `{word}` is unknown; {}", allowed()))),
            };
            *slot = value;
        }
        let sum: f64 = faults.rates().iter().map(|(_, rate)| rate).sum();
        if sum > 1.0 {
            return Err(FaultsError(format!("the rates of all faults together are {sum}, more than 1")));
        }
        Ok(faults)
    }
}

/// The words [`Faults`] are read from.
pub const WORDS: [&str; 9] = ["429", "429-bare", "500", "cut", "slow", "html", "401", "error-200", "empty"];

fn allowed() -> String {
    format!("allowed: {}", WORDS.join(", "))
}

impl Faults {
    fn rates(&self) -> [(Fault, f64); 9] {
        [
            (Fault::TooMany, self.too_many),
            (Fault::TooManyBare, self.too_many_bare),
            (Fault::ServerError, self.server_error),
            (Fault::Cut, self.cut),
            (Fault::Slow, self.slow),
            (Fault::Html, self.html),
            (Fault::Expired, self.expired),
            (Fault::Error200, self.error_200),
            (Fault::Empty, self.empty),
        ]
    }
}

/// One thing that goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    TooMany,
    TooManyBare,
    ServerError,
    Cut,
    Slow,
    Html,
    Expired,
    Error200,
    Empty,
}

/// Decides, request by request of one source, what goes wrong.
#[derive(Debug)]
pub(crate) struct Dice {
    seed: u64,
    counter: u64,
    expired: bool,
    /// The faults each address met in a row; an address leaves when a request goes well, so the map stays small.
    streaks: HashMap<String, (Fault, u32)>,
}

/// An address meets at most this many faults in a row, all different from the one before, so a client that tries four
/// times always gets through (but for an expired token).
const LONGEST_STREAK: u32 = 2;

impl Dice {
    pub(crate) fn new(seed: u64, source: &str) -> Dice {
        let source = source.bytes().fold(seed, |hash, byte| mix(hash ^ u64::from(byte)));
        Dice {
            seed: source,
            counter: 0,
            expired: false,
            streaks: HashMap::new(),
        }
    }

    /// The fault of the next request, if any.
    pub(crate) fn throw(&mut self, faults: &Faults, address: &str) -> Option<Fault> {
        if self.expired {
            return Some(Fault::Expired);
        }
        self.counter += 1;
        let bits = mix(self.seed.wrapping_add(self.counter.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        // 53 bits fill an f64 exactly: a share from 0 to below 1.
        let mut share = (bits >> 11) as f64 / (1_u64 << 53) as f64;
        let mut drawn = None;
        for (fault, rate) in faults.rates() {
            if share < rate {
                drawn = Some(fault);
                break;
            }
            share -= rate;
        }
        let streak = self.streaks.get(address).copied();
        let spared = streak.is_some_and(|(last, length)| drawn == Some(last) || length >= LONGEST_STREAK);
        match drawn {
            Some(Fault::Expired) => self.expired = true,
            Some(fault) if !spared => {
                let length = streak.map_or(1, |(_, length)| length + 1);
                self.streaks.insert(address.to_owned(), (fault, length));
            }
            _ => {
                self.streaks.remove(address);
                return None;
            }
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_to_rates() {
        let faults: Faults = "429=0.1, 500=0.05,cut=0.02,".parse().unwrap();
        let expected = Faults {
            too_many: 0.1,
            server_error: 0.05,
            cut: 0.02,
            ..Faults::default()
        };
        assert_eq!(faults, expected);
        assert_eq!("".parse::<Faults>().unwrap(), Faults::default());
        for word in WORDS {
            assert_ne!(format!("{word}=1").parse::<Faults>().unwrap(), Faults::default());
        }
        for wrong in ["404=0.1", "429", "429=2", "429=x", "cut=-1", "429=0.6,500=0.6"] {
            assert!(wrong.parse::<Faults>().is_err(), "{wrong}");
        }
        assert!("404=1".parse::<Faults>().unwrap_err().to_string().contains("429-bare"));
    }

    #[test]
    fn a_bounded_retry_gets_through() {
        let faults: Faults = "429=0.3,500=0.3,cut=0.3".parse().unwrap();
        let mut dice = Dice::new(3, "ploomes");
        for page in 0..500 {
            let address = format!("/p?{page}");
            let mut last = None;
            let tries = (0..9).take_while(|_| {
                let fault = dice.throw(&faults, &address);
                assert!(fault.is_none() || fault != last);
                last = fault;
                fault.is_some()
            });
            assert!(tries.count() <= 2);
        }
        assert!(dice.streaks.is_empty());
    }

    #[test]
    fn rates_are_met_and_repeatable_and_expiry_is_for_ever() {
        let faults: Faults = "500=0.25".parse().unwrap();
        let count = |seed| {
            let mut dice = Dice::new(seed, "x");
            (0..4000).map(|n| dice.throw(&faults, &n.to_string()).is_some()).collect::<Vec<_>>()
        };
        let hits = count(1).iter().filter(|hit| **hit).count();
        assert!((850..1150).contains(&hits), "{hits}");
        assert_eq!(count(1), count(1));
        assert_ne!(count(1), count(2));
        let mut dice = Dice::new(1, "x");
        assert_eq!(dice.throw(&"401=1".parse().unwrap(), "a"), Some(Fault::Expired));
        assert_eq!(dice.throw(&Faults::default(), "a"), Some(Fault::Expired));
    }
}
