//! Masks: what a person still recognises who knows the value, and nobody else learns it from.

use crate::schema::Personal;

/// Stands for what is not shown.
const STARS: &str = "***";

/// Digits that are left of a phone or a document; of a number with fewer than twice as many, none are.
const LAST: usize = 2;

/// The mask of a text that is not empty.
///
/// | kind | text | mask |
/// |---|---|---|
/// | email | `ana.souza@b.com` | `a***@b.com` |
/// | | `a@b.com, c@d.com.br` | `a***@b.com,c***@d.com.br` |
/// | | `Ana <ana@b.com>` | `A***@b.com` |
/// | | `ana` | `***` |
/// | phone | `+55 (11) 98888-7766` | `***66` |
/// | | `1198887766;1133224455` | `***66,***55` |
/// | | `190` | `***` |
/// | document | `123.456.789-09` | `***09` |
/// | | `12345678000195` | `***95` |
/// | name | `Maria  da Silva` | `M*** d*** S***` |
/// | | `Ágape` | `Á***` |
/// | any other | whatever | `***` |
pub(super) fn mask(kind: Option<Personal>, text: &str) -> String {
    match kind {
        Some(Personal::Email) => each(text, email),
        Some(Personal::Phone | Personal::Document) => each(text, number),
        Some(Personal::Name) => {
            let words: Vec<String> = text.split_whitespace().map(initial).collect();
            words.join(" ")
        }
        _ => STARS.to_owned(),
    }
}

fn each(text: &str, mask: fn(&str) -> String) -> String {
    let masks: Vec<String> = text.split([',', ';']).map(mask).collect();
    masks.join(",")
}

fn email(text: &str) -> String {
    let Some((name, domain)) = text.rsplit_once('@') else {
        return STARS.to_owned();
    };
    let end = domain
        .find(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '-'))
        .unwrap_or(domain.len());
    format!("{}@{}", initial(name.trim_start()), domain.get(..end).unwrap_or_default())
}

fn number(text: &str) -> String {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        length if length < 2 * LAST => STARS.to_owned(),
        length => format!("{STARS}{}", digits.iter().skip(length - LAST).collect::<String>()),
    }
}

fn initial(word: &str) -> String {
    match word.chars().next().filter(|first| first.is_alphanumeric()) {
        Some(first) => format!("{first}{STARS}"),
        None => STARS.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn masks_follow_their_table() {
        for (kind, text, expected) in [
            (Personal::Email, "ana.souza@b.com", "a***@b.com"),
            (Personal::Email, "a@b.com, c@d.com.br", "a***@b.com,c***@d.com.br"),
            (Personal::Email, "Ana <ana@b.com>", "A***@b.com"),
            (Personal::Email, "ana", "***"),
            (Personal::Email, "@b.com", "***@b.com"),
            (Personal::Phone, "+55 (11) 98888-7766", "***66"),
            (Personal::Phone, "1198887766;1133224455", "***66,***55"),
            (Personal::Phone, "190", "***"),
            (Personal::Document, "123.456.789-09", "***09"),
            (Personal::Document, "12345678000195", "***95"),
            (Personal::Name, "Maria  da Silva", "M*** d*** S***"),
            (Personal::Name, "Ágape", "Á***"),
            (Personal::Name, "  ", ""),
            (Personal::Address, "Rua A, 10", "***"),
            (Personal::FreeText, "x", "***"),
        ] {
            assert_eq!(mask(Some(kind), text), expected, "{text}");
        }
        assert_eq!(mask(None, "x"), "***");
    }

    proptest! {
        #[test]
        fn a_mask_of_any_text_shows_no_two_of_its_letters_together(text in any::<String>()) {
            for kind in Personal::ALL {
                let mask = mask(Some(kind), &text);
                if kind != Personal::Email {
                    let letters = mask.chars().collect::<Vec<_>>();
                    prop_assert!(!letters.windows(2).any(|pair| pair.iter().all(|c| c.is_alphabetic())), "{kind:?} {mask}");
                }
            }
        }
    }
}
