//! CPF and CNPJ: what a person typed, as the digits that name somebody, or why not.
//!
//! | text | document |
//! |---|---|
//! | `529.982.247-25` | CPF 52998224725 |
//! | ` 529 982 247 25 ` | CPF 52998224725 |
//! | `11.222.333/0001-81` | CNPJ 11222333000181 |
//! | `12.ABC.345/01DE-35` | CNPJ 12ABC34501DE35 |
//! | `12.abc.345/01de-35` | CNPJ 12ABC34501DE35 |
//! | `` | nothing |
//! | `.-/` | nothing |
//! | `529.982.247-26` | bad: the check digits of this CPF are not right |
//! | `11.222.333/0001-82` | bad: the check digits of this CNPJ are not right |
//! | `12.ABC.345/01DE-53` | bad: the check digits of this CNPJ are not right |
//! | `111.111.111-11` | bad: one digit repeated is nobody's CPF |
//! | `00.000.000/0000-00` | bad: one digit repeated is nobody's CNPJ |
//! | `9982247250` | bad: expected the 11 digits of a CPF or the 14 characters of a CNPJ |
//! | `12.ABC.345/01DE-3X` | bad: expected the 11 digits of a CPF or the 14 characters of a CNPJ |
//! | `5299822472A` | bad: expected the 11 digits of a CPF or the 14 characters of a CNPJ |
//! | `isento` | bad: expected the 11 digits of a CPF or the 14 characters of a CNPJ |
//!
//! The letters of a CNPJ are those of Receita Federal's IN 2.229/2024, valid from July 2026: in the first twelve places, each counted as its ASCII code less 48. A CPF
//! that lost its leading zeros is told and not mended: ten digits may as well be a typing mistake.

/// Whose document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person's.
    Cpf,
    /// A company's.
    Cnpj,
}

impl Kind {
    /// The word in `document_type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpf => "cpf",
            Self::Cnpj => "cnpj",
        }
    }
}

const LENGTH: &str = "expected the 11 digits of a CPF or the 14 characters of a CNPJ";

/// The document in a text: without punctuation and spaces, its check digits verified; nothing where there is nothing but these.
///
/// # Errors
/// Why it is none.
pub fn document(text: &str) -> Result<Option<(String, Kind)>, &'static str> {
    let bare: String = text
        .chars()
        .filter(|char| !char.is_whitespace() && !char.is_ascii_punctuation())
        .map(|char| char.to_ascii_uppercase())
        .collect();
    if bare.is_empty() {
        return Ok(None);
    }
    let values: Option<Vec<u32>> = bare.bytes().map(value).collect();
    let Some(values) = values else { return Err(LENGTH) };
    let is_digit = |value: &u32| *value < 10;
    let kind = match values.len() {
        11 if values.iter().all(is_digit) => Kind::Cpf,
        14 if values.iter().skip(12).all(is_digit) => Kind::Cnpj,
        _ => return Err(LENGTH),
    };
    let is_repeated = values.iter().all(|value| values.first() == Some(value));
    // Weights run from the right: 2, 3, 4 ... in a CPF, and in a CNPJ from 2 to 9 again and again.
    let highest = if kind == Kind::Cpf { 11 } else { 9 };
    let first = values.len() - 2;
    let is_right = (first..values.len()).all(|at| {
        let (before, check) = values.split_at(at);
        let sum: u32 = before
            .iter()
            .rev()
            .zip((2..=highest).cycle())
            .map(|(value, weight)| value * weight)
            .sum();
        let expected = match sum % 11 {
            0 | 1 => 0,
            rest => 11 - rest,
        };
        check.first() == Some(&expected)
    });
    match (kind, is_repeated, is_right) {
        (Kind::Cpf, true, _) => Err("one digit repeated is nobody's CPF"),
        (Kind::Cnpj, true, _) => Err("one digit repeated is nobody's CNPJ"),
        (Kind::Cpf, false, false) => Err("the check digits of this CPF are not right"),
        (Kind::Cnpj, false, false) => Err("the check digits of this CNPJ are not right"),
        (_, false, true) => Ok(Some((bare, kind))),
    }
}

/// What a character counts.
fn value(byte: u8) -> Option<u32> {
    (byte.is_ascii_digit() || byte.is_ascii_uppercase()).then(|| u32::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table above is the test.
    #[test]
    fn documents_follow_their_table() {
        let rows: Vec<(&str, &str)> = include_str!("document.rs")
            .lines()
            .filter_map(|line| line.strip_prefix("//! | `")?.strip_suffix(" |")?.split_once("` | "))
            .collect();
        assert_eq!(rows.len(), 16);
        for (text, expected) in rows {
            let found = match document(text) {
                Ok(None) => "nothing".to_owned(),
                Ok(Some((digits, Kind::Cpf))) => format!("CPF {digits}"),
                Ok(Some((digits, Kind::Cnpj))) => format!("CNPJ {digits}"),
                Err(reason) => format!("bad: {reason}"),
            };
            assert_eq!(found, expected, "`{text}`");
        }
    }

    #[test]
    fn every_single_wrong_digit_is_found() {
        // Of letters this is not so: A and 6 count the same in a sum of elevenths.
        for right in ["52998224725", "11222333000181"] {
            assert!(document(right).unwrap().is_some());
            for at in 0..right.len() {
                let mut wrong: Vec<u8> = right.bytes().collect();
                for digit in b'0'..=b'9' {
                    wrong[at] = digit;
                    let text = String::from_utf8(wrong.clone()).unwrap();
                    assert_eq!(document(&text).is_ok(), text == right, "{text}");
                }
            }
        }
    }
}
