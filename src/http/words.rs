//! The vendor's own words in a body that is not a page.

use serde_json::Value;

use super::structure;
use crate::secret::Secret;

/// How much of a text from outside an error may quote.
const QUOTED: usize = 200;

/// Larger bodies are not error messages.
const LARGEST: usize = 64 * 1024;

/// What may be repeated of a body that is not understood.
#[derive(Debug, PartialEq)]
pub(super) enum Words {
    /// The vendor's message.
    Said(String),
    /// The beginning of what is no JSON: a page of HTML, a sentence.
    Begins(String),
    /// Of JSON that is no error object, what it is made of: it may be a page, and its values are those of records.
    Structure(String),
    /// It is empty.
    None,
}

/// What may be repeated of this body.
///
/// | body | words |
/// |---|---|
/// | an error object, a bare text of JSON | `Said`, see [`said`] |
/// | other JSON, whole or not | `Structure` |
/// | `<html>…`, `Not found.` | `Begins` |
/// | anything else that has what looks like members of JSON | `Structure`: the number of its bytes |
pub(super) fn of(body: &[u8], secret: &Secret) -> Words {
    if let Some(said) = said(body, secret) {
        return Words::Said(said);
    }
    if let Some(structure) = structure::of(body) {
        return Words::Structure(secret.redact(&structure));
    }
    let beginning = beginning(body, secret);
    let is_markup = beginning.starts_with('<');
    // The rest of a page that lost its beginning, or a page that is wrapped in something.
    let is_data = !is_markup && (beginning.contains('{') || beginning.contains("\":") || beginning.contains("\" :"));
    match beginning.is_empty() {
        true => Words::None,
        false if is_data => Words::Structure(format!("{} bytes that are neither JSON nor HTML", body.len())),
        false => Words::Begins(beginning),
    }
}

/// The message in a body of one of the shapes that vendors use for errors.
///
/// | body | words |
/// |---|---|
/// | `{"error": {"code": "", "message": "words"}}` | words |
/// | `{"error": "words", "value": [...]}`, also `erro`, `errors`, `erros`, whatever stands beside | words |
/// | `{"message": "words"}`, also `Message`, `mensagem`, `detail`, beside members that only errors have | words |
/// | `{"value": "words"}`, beside `@odata.context` alone; also `data`, `items`, `results`, `records`: a text where the records would be | words |
/// | `"words"` | words |
/// | `{"value": [{"message": "words"}]}`, `{"id": 1, "message": "words"}`: a record has them | none |
/// | anything else | none |
fn said(body: &[u8], secret: &Secret) -> Option<String> {
    let value = (body.len() <= LARGEST)
        .then(|| serde_json::from_slice::<Value>(body).ok())
        .flatten()?;
    let words = match &value {
        Value::String(text) => Some(text.clone()),
        Value::Object(members) => match member(members, &ERRORS) {
            Some(error) => message(error),
            None if members.keys().all(|name| is_one_of(name, &MESSAGES) || is_one_of(name, &BESIDE)) => message(&value),
            None => match member(members, &LISTS) {
                Some(Value::String(text)) if members.keys().all(|name| is_one_of(name, &LISTS) || name.starts_with("@odata.")) => {
                    Some(text.clone())
                }
                _ => None,
            },
        },
        _ => None,
    };
    words.filter(|words| !words.trim().is_empty()).map(|words| quote(&words, secret))
}

/// The first 200 characters of a body.
fn beginning(body: &[u8], secret: &Secret) -> String {
    quote(&String::from_utf8_lossy(body), secret)
}

/// A text from outside, fit to stand in an error: one line, at most 200 characters, without the token.
pub(super) fn quote(text: &str, secret: &Secret) -> String {
    // In this order: dropping a character, or cutting, after the search would let a token or a part of it through.
    let text: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    let text = secret.redact(&text);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A bare sentence that says that the token is bad: one vendor sends it, status unknown.
pub(super) fn refuses_token(body: &[u8]) -> bool {
    if body.len() > QUOTED {
        return false;
    }
    let text = String::from_utf8_lossy(body).to_lowercase();
    let text = text.trim().trim_matches('"');
    !text.starts_with(['{', '[', '<'])
        && ["invalid token", "token inválido", "token invalido"]
            .iter()
            .any(|words| text.contains(words))
}

/// Members that hold an error, whatever stands beside them.
const ERRORS: [&str; 4] = ["error", "erro", "errors", "erros"];

/// Members that hold the records of a page, and in place of them a text.
const LISTS: [&str; 5] = ["value", "data", "items", "results", "records"];

/// Members that hold a message. Records have such members, too.
const MESSAGES: [&str; 4] = ["message", "mensagem", "detail", "details"];

/// Members that stand beside a message and in no record.
const BESIDE: [&str; 19] = [
    "code",
    "codigo",
    "status",
    "statuscode",
    "success",
    "sucesso",
    "type",
    "title",
    "timestamp",
    "path",
    "instance",
    "traceid",
    "requestid",
    "messagedetail",
    "modelstate",
    "exceptionmessage",
    "exceptiontype",
    "stacktrace",
    "@odata.context",
];

/// The words of what an error's member holds.
fn message(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let words: Vec<String> = values.iter().filter_map(message).collect();
            (!words.is_empty()).then(|| words.join("; "))
        }
        Value::Object(members) => member(members, &ERRORS).or_else(|| member(members, &MESSAGES)).and_then(message),
        _ => None,
    }
    .filter(|words| !words.trim().is_empty())
}

fn member<'v>(members: &'v serde_json::Map<String, Value>, names: &[&str]) -> Option<&'v Value> {
    names
        .iter()
        .find_map(|name| {
            members
                .iter()
                .find(|(member, value)| member.eq_ignore_ascii_case(name) && !value.is_null())
        })
        .map(|(_, value)| value)
}

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| name.eq_ignore_ascii_case(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_follow_their_table() {
        let secret = Secret::new("s3cr3t").unwrap();
        for (body, words) in [
            (r#"{"error":{"code":"","message":"bad s3cr3t"}}"#, "bad REDACTED"),
            (
                r#"{"@odata.context":"x","value":"Usuário não autenticado"}"#,
                "Usuário não autenticado",
            ),
            (r#"{"Message":"no"}"#, "no"),
            (r#"{"erro":"não"}"#, "não"),
            (r#"{"errors":[{"message":"a"},"b"]}"#, "a; b"),
            (r#""Erro""#, "Erro"),
            (r#"{"error":"no","value":[{"Name":"Ana","message":"Ana"}]}"#, "no"),
            (r#"{"StatusCode":404,"message":"nada","success":false}"#, "nada"),
            (r#"{"message":"s3\u0063r3t"}"#, "REDACTED"),
        ] {
            assert_eq!(said(body.as_bytes(), &secret).as_deref(), Some(words));
        }
        for body in [
            r#"{"error":{"code":5}}"#,
            r#"{"value":[]}"#,
            r#"{"value":[{"message":"Ana"}]}"#,
            r#"{"id":1,"message":"Ana"}"#,
            r#"{"message":"Ana","contato":{"nome":"Ana"}}"#,
            r#"{"value":"Ana","nome":"Ana"}"#,
            r#"["Ana"]"#,
            "<html>",
            "",
            r#"{"message":" "}"#,
        ] {
            assert_eq!(said(body.as_bytes(), &secret), None, "{body}");
        }
    }

    #[test]
    fn no_value_of_a_record_is_repeated() {
        let secret = Secret::new("s3cr3t").unwrap();
        for body in [
            r#"{"value":[{"Id":1,"Name":"Fulana"}]}"#,
            r#"{"value":[{"Id":1,"Name":"Fulana"},{"Id":2,"Na"#,
            r#"{"value":[{"Id":1,"Name":"Fulana \t	"}]}"#,
            r#"{"error":"no","value":[{"Name":"Fulana"}]}"#,
            r#"{"error":{"message":"no","record":{"Name":"Fulana"}}}"#,
            r#"{"message":"Fulana","id":1}"#,
            r#"callback({"value":[{"Name":"Fulana"}]})"#,
            r#"e":"Fulana"},{"Name":"x"}]}"#,
            r#"[{"message":"Fulana"}]"#,
            r#"{"Name":NaN,"Fulana"#,
        ] {
            for body in [body.as_bytes().to_vec(), [body.as_bytes(), b"\xff"].concat()] {
                let words = of(&body, &secret);
                assert!(!format!("{words:?}").contains("Fulana"), "{words:?}");
            }
        }
        assert_eq!(of(b"", &secret), Words::None);
        assert_eq!(of(b"Not found.", &secret), Words::Begins("Not found.".to_owned()));
    }

    #[test]
    fn a_token_is_not_let_through_in_parts() {
        let secret = Secret::new("s3cr3t").unwrap();
        let body = format!("{}s3cr3t", "x".repeat(197));
        assert!(!beginning(body.as_bytes(), &secret).contains("s3c"));
        assert_eq!(beginning(&[0xff, b'a'], &secret), "\u{fffd}a");
        assert_eq!(beginning(b"<html>\n<b>no</b>\0 s3cr3t", &secret), "<html> <b>no</b> REDACTED");
        assert_eq!(beginning("é".repeat(300).as_bytes(), &secret).chars().count(), 201);
    }

    #[test]
    fn only_a_bare_sentence_refuses_the_token() {
        for (body, refuses) in [
            ("Invalid token", true),
            ("\"Invalid token\"\n", true),
            ("Token inválido.", true),
            (r#"[{"nome":"Invalid token"}]"#, false),
            (r#"{"value":"x"}"#, false),
            ("", false),
        ] {
            assert_eq!(refuses_token(body.as_bytes()), refuses, "{body}");
        }
    }
}
