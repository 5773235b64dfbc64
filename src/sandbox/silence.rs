//! A vendor that is silent: replies that are well-formed, say 200, and hold nothing, or that say 404 for each row of another table. From outside nothing tells
//! them from an account that was emptied.

use serde_json::Value;

use super::ask::Answer;

/// What is withheld, from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// The records of every reply, and the vendor's own count with them.
    Empty,
    /// The rows of each row of another table: 404.
    Missing,
    /// The rows of the row of another table that has this id: 404.
    MissingOf(u64),
}

impl Silence {
    /// The answer as it is sent for this address.
    pub(crate) fn over(self, address: &str, mut answer: Answer) -> Answer {
        match self {
            Self::Missing if address.contains("/proposta/") => not_found(),
            Self::MissingOf(id)
                if address
                    .split('?')
                    .next()
                    .is_some_and(|path| path.ends_with(&format!("/proposta/opportunity/{id}"))) =>
            {
                not_found()
            }
            // The list of custom fields is no table: without it no table is read.
            Self::Empty if answer.status == 200 && !address.contains("/Fields") => {
                if let Ok(body) = serde_json::from_slice(&answer.body) {
                    answer.body = emptied(body).to_string().into_bytes();
                    answer.headers.retain(|(name, _)| *name == "Content-Type");
                }
                answer
            }
            _ => answer,
        }
    }
}

fn not_found() -> Answer {
    Answer::json(404, r#"{"message":"Not found"}"#)
}

fn emptied(body: Value) -> Value {
    match body {
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .filter(|(_, value)| !value.is_number())
                .map(|(name, value)| (name, if value.is_array() { Value::Array(Vec::new()) } else { value }))
                .collect(),
        ),
        other => other,
    }
}
