//! How values of other modules are spelled in a manifest.

/// `2026-01-31T12:00:00.123456Z`, with as many digits as needed.
pub(super) mod instant {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::commit) fn serialize<S: Serializer>(instant: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(instant))
    }

    pub(in crate::commit) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        parse(&String::deserialize(deserializer)?)
    }

    pub(super) fn text(instant: &DateTime<Utc>) -> String {
        instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }

    pub(super) fn parse<E: de::Error>(text: &str) -> Result<DateTime<Utc>, E> {
        let instant = DateTime::parse_from_rfc3339(text).map_err(|error| E::custom(format!("`{text}` is not a time: {error}")))?;
        Ok(instant.to_utc())
    }
}

/// The same, or null.
pub(super) mod optional_instant {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::instant;

    pub(in crate::commit) fn serialize<S: Serializer>(instant: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        instant.as_ref().map(instant::text).serialize(serializer)
    }

    pub(in crate::commit) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.as_deref().map(instant::parse).transpose()
    }
}

/// `full`, `incremental` or `windowed`.
pub(super) mod mode {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::schema::Mode;

    pub(in crate::commit) fn serialize<S: Serializer>(mode: &Mode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(mode.name())
    }

    pub(in crate::commit) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
        Mode::deserialize(deserializer)
    }
}

/// `{"column": "duedate", "by": "month"}`, or null.
pub(super) mod partition {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::schema::Partition;

    #[derive(Serialize)]
    struct Words<'a> {
        column: &'a str,
        by: &'a str,
    }

    pub(in crate::commit) fn serialize<S: Serializer>(partition: &Option<Partition>, serializer: S) -> Result<S::Ok, S::Error> {
        let words = partition.as_ref().map(|partition| Words {
            column: &partition.column,
            by: partition.by.name(),
        });
        words.serialize(serializer)
    }

    pub(in crate::commit) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Partition>, D::Error> {
        Option::deserialize(deserializer)
    }
}
