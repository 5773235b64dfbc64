//! Personal data: which columns can hold it, of what kind, and what becomes of it.

use serde::Deserialize;

use super::column::ColumnType;
use crate::hash_key::HashKey;

/// What a column can hold of a person: a customer, somebody at a customer, an employee of the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Personal {
    /// A name: of a person, or where persons and companies share a column. A company can bear its owner's name.
    Name,
    /// An e-mail address, or several.
    Email,
    /// A telephone number, or several.
    Phone,
    /// The number of a document: CPF, CNPJ, RG, a passport. A CNPJ can be one person's firm.
    Document,
    /// An address or a part of it.
    Address,
    /// Where somebody is or was: coordinates.
    Location,
    /// A day of birth.
    Birth,
    /// A profile in a network, an account of a messenger.
    Social,
    /// A picture of somebody, or where it lies.
    Photo,
    /// What a user logs in with.
    Login,
    /// Somebody's office or occupation.
    Job,
    /// An address in the web that leads to somebody's site, document, record or voice.
    Link,
    /// A text that a person wrote about persons: notes, subjects, titles, names of files.
    FreeText,
    /// The value of a custom field: the account alone knows what it holds.
    Custom,
}

impl Personal {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Name,
        Self::Email,
        Self::Phone,
        Self::Document,
        Self::Address,
        Self::Location,
        Self::Birth,
        Self::Social,
        Self::Photo,
        Self::Login,
        Self::Job,
        Self::Link,
        Self::FreeText,
        Self::Custom,
    ];

    /// The word in declarations, configurations and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Document => "document",
            Self::Address => "address",
            Self::Location => "location",
            Self::Birth => "birth",
            Self::Social => "social",
            Self::Photo => "photo",
            Self::Login => "login",
            Self::Job => "job",
            Self::Link => "link",
            Self::FreeText => "free_text",
            Self::Custom => "custom",
        }
    }

    /// The kind of this word.
    pub fn from_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == word)
    }

    /// What a column or field of this name is likely to hold, in Portuguese or English; nothing if the name says nothing of persons. Case and accents do not matter.
    ///
    /// | part of the name | kind |
    /// |---|---|
    /// | `mail` | email |
    /// | `telefone`, `telephone`, `phone`, `celular`, `whatsapp`, `fax` | phone |
    /// | `cpf`, `cnpj`, `passaporte`, `passport`, `identitydocument`; the word `rg`, `cnh`, `register` | document |
    /// | `nascimento`, `birth`, `aniversario` | birth |
    /// | `latitude`, `longitude` | location |
    /// | `facebook`, `linkedin`, `twitter`, `instagram`, `skype` | social |
    /// | `avatar`, `foto`, `photo` | photo |
    /// | `login`, `username` | login |
    /// | `endereco`, `address`, `logradouro`, `bairro`, `street`, `neighborhood`, `zipcode`, `complement`; the word `rua`, `cep`, `zip`, `district`, `city`, `cidade` | address |
    /// | `cargo`, `jobtitle`, `occupation`, `profissao` | job |
    /// | `observac`, `anotac`, `coment`, `comment`; a word that ends in `note`, `notes`, `notas`, `description`, `descricao`, `titulo`, `assunto`, `subject`; the word `title`, `content`, `obs`, `filename` | free_text |
    /// | a word that ends in `name`, `nome`, `nickname`, `apelido`, `razaosocial`; `razao_social`; the word `salesperson`, `vendedor` | name |
    /// | `website`; a word that ends in `url`, `link`; the word `site` | link |
    ///
    /// Words are what `_`, blanks and marks part, without digits at their end; letters that stand alone are one word: `C.P.F.` is `cpf`. The first line that fits counts.
    pub fn suggested_by(name: &str) -> Option<Self> {
        let name = parted(name);
        let words: Vec<&str> = name
            .split('_')
            .map(|word| word.trim_end_matches(|c: char| c.is_ascii_digit()))
            .collect();
        SUGGESTIONS
            .iter()
            .find(|suggestion| {
                suggestion.parts.iter().any(|part| name.contains(part))
                    || words
                        .iter()
                        .any(|word| suggestion.ends.iter().any(|end| word.ends_with(end)) || suggestion.words.contains(word))
            })
            .map(|suggestion| suggestion.kind)
    }
}

/// Names that suggest a kind.
struct Suggestion {
    kind: Personal,
    /// Anywhere in the name.
    parts: &'static [&'static str],
    /// At the end of a word.
    ends: &'static [&'static str],
    /// A whole word.
    words: &'static [&'static str],
}

const fn suggestion(
    kind: Personal,
    parts: &'static [&'static str],
    ends: &'static [&'static str],
    words: &'static [&'static str],
) -> Suggestion {
    Suggestion { kind, parts, ends, words }
}

const SUGGESTIONS: [Suggestion; 13] = [
    suggestion(Personal::Email, &["mail"], &[], &[]),
    suggestion(
        Personal::Phone,
        &["telefone", "telephone", "phone", "celular", "whatsapp", "fax"],
        &[],
        &[],
    ),
    suggestion(
        Personal::Document,
        &["cpf", "cnpj", "passaporte", "passport", "identitydocument"],
        &[],
        &["rg", "cnh", "register"],
    ),
    suggestion(Personal::Birth, &["nascimento", "birth", "aniversario"], &[], &[]),
    suggestion(Personal::Location, &["latitude", "longitude"], &[], &[]),
    suggestion(
        Personal::Social,
        &["facebook", "linkedin", "twitter", "instagram", "skype"],
        &[],
        &[],
    ),
    suggestion(Personal::Photo, &["avatar", "foto", "photo"], &[], &[]),
    suggestion(Personal::Login, &["login", "username"], &[], &[]),
    suggestion(
        Personal::Address,
        &[
            "endereco",
            "address",
            "logradouro",
            "bairro",
            "street",
            "neighborhood",
            "zipcode",
            "complement",
        ],
        &[],
        &["rua", "cep", "zip", "district", "city", "cidade"],
    ),
    suggestion(Personal::Job, &["cargo", "jobtitle", "occupation", "profissao"], &[], &[]),
    suggestion(
        Personal::FreeText,
        &["observac", "anotac", "coment", "comment"],
        &["note", "notes", "notas", "description", "descricao", "titulo", "assunto", "subject"],
        &["title", "content", "obs", "filename"],
    ),
    suggestion(
        Personal::Name,
        &["razao_social"],
        &["name", "nome", "apelido", "razaosocial"],
        &["salesperson", "vendedor"],
    ),
    suggestion(Personal::Link, &["website"], &["url", "link"], &["site"]),
];

/// Words in lower case without accents, parted by `_`.
fn parted(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for c in name.to_lowercase().chars() {
        match unaccented(c) {
            "" => plain.push(c),
            letters => plain.push_str(letters),
        }
    }
    let mut parted = String::with_capacity(plain.len());
    let mut was_letter = false;
    for word in plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let is_letter = word.chars().count() == 1;
        if !(parted.is_empty() || is_letter && was_letter) {
            parted.push('_');
        }
        parted.push_str(word);
        was_letter = is_letter;
    }
    parted
}

/// A letter without its accent; nothing for what is no accented letter of Latin.
pub(crate) fn unaccented(c: char) -> &'static str {
    match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' | 'ā' => "a",
        'ç' | 'ć' | 'č' => "c",
        'è' | 'é' | 'ê' | 'ë' | 'ē' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ī' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' | 'ō' => "o",
        'ù' | 'ú' | 'û' | 'ü' | 'ū' => "u",
        'ý' | 'ÿ' => "y",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        _ => "",
    }
}

/// What becomes of the values of a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// They are kept as they are.
    #[default]
    Keep,
    /// The table is without the column.
    Drop,
    /// The column is there, and null in every row.
    Null,
    /// Their keyed hash: equal values stay equal in every table.
    Hash,
    /// As much of them as a person needs to recognise what is meant.
    Mask,
}

impl Policy {
    /// The word in configurations and manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Null => "null",
            Self::Hash => "hash",
            Self::Mask => "mask",
        }
    }

    /// The policy of this word.
    pub fn from_name(word: &str) -> Option<Self> {
        [Self::Keep, Self::Drop, Self::Null, Self::Hash, Self::Mask]
            .into_iter()
            .find(|policy| policy.name() == word)
    }
}

/// How the values of a column that is neither kept nor dropped are read and changed.
#[derive(Debug, Clone)]
pub struct Treatment {
    /// `Null`, `Hash` or `Mask`.
    pub policy: Policy,
    /// The documented type, which a value must fit; the column's own is what is made of it.
    pub read_as: ColumnType,
    /// What hashes, where something is hashed.
    pub key: Option<HashKey>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Catalog, Origin};

    #[test]
    fn suggestions_follow_their_table() {
        for (names, kind) in [
            (
                &["email", "cs__email", "useremail", "e_mail", "emailrecipients"][..],
                Some(Personal::Email),
            ),
            (
                &["telefone", "persons_phone2", "Celular", "whatsapp", "user_phone"],
                Some(Personal::Phone),
            ),
            (
                &[
                    "cpf",
                    "cliente_cnpj",
                    "C.P.F. do sócio",
                    "Nº do R. G.",
                    "rg",
                    "cnh",
                    "register",
                    "passaporte",
                    "identitydocument",
                ],
                Some(Personal::Document),
            ),
            (&["data_nascimento", "birthday", "Aniversário"], Some(Personal::Birth)),
            (&["latitude", "geo_longitude"], Some(Personal::Location)),
            (&["facebook", "linkedin", "perfil_instagram"], Some(Personal::Social)),
            (&["avatarurl", "foto", "photo1"], Some(Personal::Photo)),
            (&["autor_login", "username"], Some(Personal::Login)),
            (
                &["endereço", "rua", "cep", "streetaddress", "city", "bairro", "complemento"],
                Some(Personal::Address),
            ),
            (&["cargo", "persons_jobtitle", "profissão"], Some(Personal::Job)),
            (
                &[
                    "note",
                    "notes",
                    "observações",
                    "internalcomments",
                    "descricao",
                    "description",
                    "title",
                    "filename",
                    "assunto",
                ],
                Some(Personal::FreeText),
            ),
            (
                &[
                    "name",
                    "nome",
                    "leadname",
                    "legalname",
                    "razaosocial",
                    "Razão Social",
                    "Nome do cônjuge (se houver)",
                    "nickname",
                    "apelido",
                ],
                Some(Personal::Name),
            ),
            (&["website", "documenturl", "publiclink", "site"], Some(Personal::Link)),
            (
                &[
                    "id",
                    "contactid",
                    "amount",
                    "registerdate",
                    "argentina",
                    "noted",
                    "situation",
                    "last_update_date",
                ],
                None,
            ),
        ] {
            for name in names {
                assert_eq!(Personal::suggested_by(name), kind, "{name}");
            }
        }
    }

    #[test]
    fn words_name_kinds_and_policies() {
        for kind in Personal::ALL {
            assert_eq!(Personal::from_name(kind.name()), Some(kind));
        }
        for word in ["keep", "drop", "null", "hash", "mask"] {
            assert_eq!(Policy::from_name(word).map(Policy::name), Some(word));
        }
        assert!(Personal::from_name("none").is_none() && Policy::from_name("").is_none());
    }

    /// Whether a declaration says anything of a column, `none` included.
    fn declares(source: &str, table: &str, column: &str) -> bool {
        let path = format!("{}/schemas/{source}/{table}.toml", env!("CARGO_MANIFEST_DIR"));
        let file: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        file["columns"][column].get("personal").is_some()
    }

    /// A boolean tells of a person, but names nobody; a time does if it is a birthday.
    #[test]
    fn a_column_whose_name_suggests_personal_data_is_marked_or_says_none() {
        let catalog = Catalog::embedded().unwrap();
        let mut unmarked = Vec::new();
        let mut pointless = Vec::new();
        for source in catalog.sources() {
            for table in source.tables.values() {
                // Of an object whose members the account names, nobody else knows what they hold.
                let is_custom = table.columns.iter().any(|column| column.origin == Origin::Member);
                for column in &table.columns {
                    let suggested = Personal::suggested_by(&column.name).filter(|kind| match column.kind {
                        ColumnType::Boolean => false,
                        ColumnType::Timestamp | ColumnType::Date => *kind == Personal::Birth,
                        ColumnType::Text | ColumnType::Int | ColumnType::Float => true,
                    });
                    let suggested = suggested.or((is_custom && matches!(column.origin, Origin::Path(_))).then_some(Personal::Custom));
                    let declared = declares(&source.id, &table.id, &column.name);
                    let name = format!("{}.{}.{}", source.id, table.id, column.name);
                    match (suggested, declared, column.personal) {
                        (Some(kind), false, _) => unmarked.push(format!("{name}: {}", kind.name())),
                        (None, true, None) => pointless.push(name),
                        _ => {}
                    }
                }
            }
        }
        assert!(
            unmarked.is_empty(),
            "their names suggest personal data: mark them, or say `personal = \"none\"` and why:\n{}",
            unmarked.join("\n")
        );
        assert!(
            pointless.is_empty(),
            "`personal = \"none\"` is for names that suggest otherwise:\n{}",
            pointless.join("\n")
        );
    }
}
