//! The vendor's own words in a body that is not a page.

use serde_json::Value;

use crate::secret::Secret;

/// How much of a text from outside an error may quote.
const QUOTED: usize = 200;

/// Larger bodies are not error messages.
const LARGEST: usize = 64 * 1024;

/// The message in a body of one of the shapes that vendors use for errors.
///
/// | body | words |
/// |---|---|
/// | `{"error": {"code": "", "message": "words"}}` | words |
/// | `{"error": "words"}`, also `message`, `Message`, `mensagem`, `erro`, `detail`, `errors` | words |
/// | `{"value": "words"}` | words |
/// | `"words"` | words |
/// | anything else | none |
pub(super) fn said(body: &[u8], secret: &Secret) -> Option<String> {
    let value = (body.len() <= LARGEST)
        .then(|| serde_json::from_slice::<Value>(body).ok())
        .flatten()?;
    Some(quote(&message(&value)?, secret))
}

/// The first 200 characters of a body.
pub(super) fn beginning(body: &[u8], secret: &Secret) -> String {
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

fn message(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => {
            let words: Vec<String> = values.iter().filter_map(message).collect();
            (!words.is_empty()).then(|| words.join("; "))
        }
        Value::Object(members) => ["error", "message", "mensagem", "erro", "detail", "errors", "value"]
            .iter()
            .find_map(|name| members.iter().find(|(member, _)| member.eq_ignore_ascii_case(name)))
            .and_then(|(_, value)| message(value)),
        _ => None,
    }
    .filter(|words| !words.trim().is_empty())
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
            (r#"{"message":"s3\u0063r3t"}"#, "REDACTED"),
        ] {
            assert_eq!(said(body.as_bytes(), &secret).as_deref(), Some(words));
        }
        for body in [r#"{"error":{"code":5}}"#, r#"{"value":[]}"#, "<html>", "", r#"{"message":" "}"#] {
            assert_eq!(said(body.as_bytes(), &secret), None, "{body}");
        }
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
