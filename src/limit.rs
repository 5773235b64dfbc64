//! How much may be rejected, or may go, before a table fails.

use std::str::FromStr;

/// `N` or `P%`: a bound on rejected records, bad cells, or rows that go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many.
    Count(u64),
    /// So many of a hundred.
    Percent(f64),
    /// So many of a hundred, but at least ten are let pass: a small table must not fail for one record. All of them are never let pass: nothing would be
    /// left.
    PercentOrTen(f64),
    /// So many of a hundred, but at least a hundred are let pass.
    PercentOrHundred(f64),
}

impl Limit {
    /// The bound on rejected records unless one is given.
    pub const DEFAULT_REJECTED: Self = Self::PercentOrTen(1.0);

    /// The bound on rows that a read takes from the lake, unless one is given.
    pub const DEFAULT_SHRINK: Self = Self::PercentOrHundred(50.0);

    /// Whether all of them are let pass, however many there are.
    pub fn lets_all_pass(self) -> bool {
        matches!(self, Self::Percent(percent) if percent >= 100.0)
    }

    /// Whether so many of so many are too many where they are a part of the table. All of a few rows say nothing of the others: the newest record may be the
    /// only one that a refresh reads, hour by hour.
    pub fn is_passed_by_part(self, rejected: u64, of: u64) -> bool {
        self.is_passed(rejected, of) && !(matches!(self, Self::PercentOrTen(_)) && rejected <= 10)
    }

    /// Whether so many of so many are too many.
    pub fn is_passed(self, rejected: u64, of: u64) -> bool {
        // Counts beyond 2^53 are out of reach of any API.
        let share = |percent: f64| rejected as f64 > of as f64 * percent / 100.0;
        match self {
            Self::Count(count) => rejected > count,
            Self::Percent(percent) => share(percent),
            Self::PercentOrTen(percent) => rejected > 0 && rejected == of || rejected > 10 && share(percent),
            Self::PercentOrHundred(percent) => rejected > 100 && share(percent),
        }
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a limit, expected a number such as `100` or a share such as `0.5%`");
        match text.strip_suffix('%') {
            Some(percent) => {
                let percent: f64 = percent.parse().map_err(|_| wrong())?;
                if (0.0..=100.0).contains(&percent) {
                    Ok(Self::Percent(percent))
                } else {
                    Err(wrong())
                }
            }
            None => text.parse().map(Self::Count).map_err(|_| wrong()),
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::PercentOrTen(percent) => write!(f, "{percent}%, at least 10"),
            Self::PercentOrHundred(percent) => write!(f, "{percent}%, at least 100"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_counts_or_shares() {
        for (text, limit) in [("0", Limit::Count(0)), ("100", Limit::Count(100)), ("0.5%", Limit::Percent(0.5))] {
            assert_eq!(text.parse(), Ok(limit));
        }
        for text in ["", "-1", "%", "101%", "NaN%", "ten"] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }

    #[test]
    fn all_of_a_few_rows_are_no_table() {
        let limit = Limit::DEFAULT_REJECTED;
        for (rejected, of, whole, part) in [
            (1, 1, true, false),
            (10, 10, true, false),
            (11, 11, true, true),
            (11, 2_000, false, false),
        ] {
            assert_eq!(
                (limit.is_passed(rejected, of), limit.is_passed_by_part(rejected, of)),
                (whole, part),
                "{rejected} of {of}"
            );
        }
        assert!(Limit::Count(0).is_passed_by_part(1, 1));
    }

    #[test]
    fn a_bound_is_passed_above_it() {
        assert!(!Limit::Count(5).is_passed(5, 5) && Limit::Count(5).is_passed(6, 1_000));
        assert!(!Limit::Percent(1.0).is_passed(1, 100) && Limit::Percent(1.0).is_passed(2, 100));
        assert!(!Limit::DEFAULT_REJECTED.is_passed(10, 11) && Limit::DEFAULT_REJECTED.is_passed(11, 100));
        assert!(!Limit::DEFAULT_REJECTED.is_passed(0, 0) && Limit::DEFAULT_REJECTED.is_passed(6, 6));
        assert!(!Limit::DEFAULT_REJECTED.is_passed(11, 1_100));
        assert!(!Limit::DEFAULT_SHRINK.is_passed(100, 100) && Limit::DEFAULT_SHRINK.is_passed(101, 201));
        assert!(!Limit::DEFAULT_SHRINK.is_passed(101, 202));
        assert!(Limit::Percent(100.0).lets_all_pass() && !Limit::Percent(99.9).lets_all_pass() && !Limit::Count(u64::MAX).lets_all_pass());
    }
}
