//! Days and instants as text, for every value that Arrow can hold (chrono ends at the year 262,143).

/// Microseconds of a day.
const DAY_MICROS: i64 = 86_400_000_000;

/// The UTC day of an instant, counted from 1970-01-01.
pub(super) fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY_MICROS)
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar.
pub(super) fn civil(day: i64) -> (i64, i64, i64) {
    // Eras of 400 years that begin on 1 March, so that the leap day comes last.
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `2026`; four digits at least: `0024`, `-0005`, `12026`.
pub(super) fn year_text(year: i64) -> String {
    if year < 0 { format!("-{:04}", -year) } else { format!("{year:04}") }
}

/// `2026-01-31`.
pub(super) fn day_text(day: i64) -> String {
    let (year, month, day) = civil(day);
    format!("{}-{month:02}-{day:02}", year_text(year))
}

/// `2026-01-31T12:00:00Z`, with as many digits of the second as there are: `12:00:00.5Z`.
pub(super) fn instant_text(micros: i64) -> String {
    let of_day = micros.rem_euclid(DAY_MICROS);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let fraction = match fraction {
        0 => String::new(),
        _ => format!(".{fraction:06}").trim_end_matches('0').to_owned(),
    };
    format!(
        "{}T{:02}:{:02}:{:02}{fraction}Z",
        day_text(day_of(micros)),
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Days, NaiveDate};

    use super::*;
    use crate::store::bound::instant;

    #[test]
    fn days_agree_with_chrono() {
        let epoch = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
        for day in (0..1_500_000).step_by(13) {
            assert_eq!(day_text(day), (epoch + Days::new(day as u64)).to_string());
            if day <= 719_000 {
                assert_eq!(day_text(-day), (epoch - Days::new(day as u64)).to_string());
            }
        }
    }

    #[test]
    fn a_bound_is_read_as_it_was_written() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let micros = rng.i64(..) >> rng.u32(..40);
            assert_eq!(instant(&instant_text(micros)), Some(micros), "{}", instant_text(micros));
            let day = rng.i32(..) >> rng.u32(..20);
            let midnight = i64::from(day).checked_mul(DAY_MICROS);
            assert_eq!(instant(&day_text(i64::from(day))), midnight, "{}", day_text(i64::from(day)));
        }
        assert_eq!(instant_text(253_402_309_800_000_000), "10000-01-01T02:30:00Z");
    }

    #[test]
    fn instants_have_the_digits_they_need() {
        for (text, expected) in [
            ("2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:00.500Z", "2026-01-31T12:00:00.5Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2024-02-29T00:00:00-03:00", "2024-02-29T03:00:00Z"),
        ] {
            let micros = DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros();
            assert_eq!(instant_text(micros), expected);
        }
    }

    #[test]
    fn extremes_have_a_text() {
        assert_eq!(year_text(civil(day_of(i64::MIN)).0), "-290308");
        assert_eq!(year_text(civil(day_of(i64::MAX)).0), "294247");
        assert_eq!(day_text(-719_529), "-0001-12-31");
    }
}
