//! What the headers of a reply tell of the table, where a vendor says it there and not in the page.

use reqwest::header::HeaderMap;

use crate::schema::Pagination;

/// What was told, where the declaration names the header and the reply has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    /// Rows in all.
    pub count: Option<u64>,
    /// Pages in all, of the size that was asked for.
    pub pages: Option<u64>,
    /// Rows of a full page.
    pub size: Option<u64>,
}

impl Told {
    /// | header | told |
    /// |---|---|
    /// | `47`, ` 47 ` | 47 |
    /// | absent, `x`, `-1`, `4.5` | nothing |
    pub fn of(headers: &HeaderMap, pagination: &Pagination) -> Self {
        let number = |name: &Option<String>| headers.get(name.as_deref()?)?.to_str().ok()?.trim().parse().ok();
        let count = pagination.count().and_then(|count| number(&count.header));
        match pagination {
            Pagination::Page {
                pages_header, size_header, ..
            } => Self {
                count,
                pages: number(pages_header),
                size: number(size_header),
            },
            _ => Self { count, ..Self::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_follow_their_table() {
        let pagination: Pagination = toml::from_str(
            r#"type = "page"
            page_param = "page"
            size_param = "per_page"
            size = 20
            pages_header = "X-Pages"
            size_header = "X-Per-Page"
            count = { header = "X-Total" }"#,
        )
        .unwrap();
        for (text, told) in [
            (Some("47"), Some(47)),
            (Some(" 47 "), Some(47)),
            (None, None),
            (Some("x"), None),
            (Some("-1"), None),
            (Some("4.5"), None),
        ] {
            for name in ["x-pages", "x-per-page", "x-total"] {
                let mut headers = HeaderMap::new();
                if let Some(text) = text {
                    headers.insert(name, text.parse().unwrap());
                }
                let found = Told::of(&headers, &pagination);
                let of = |header: &str| told.filter(|_| header == name);
                let expected = Told {
                    count: of("x-total"),
                    pages: of("x-pages"),
                    size: of("x-per-page"),
                };
                assert_eq!(found, expected, "{name}: {text:?}");
            }
        }
        let plain: Pagination = toml::from_str("type = \"page\"\npage_param = \"page\"").unwrap();
        let headers = [("x-pages", "3"), ("x-total", "47")]
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .into_iter()
            .collect();
        assert_eq!(Told::of(&headers, &plain), Told::default(), "only headers that are declared count");
    }
}
