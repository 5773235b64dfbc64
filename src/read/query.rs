//! The query of a request: fixed parameters, range, order, slice and page, in this order.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;

use crate::schema::{CursorFormat, Fetch, Mode, Origin, Pagination, Replication, Source, Step, Table};

use super::ReadOptions;
use super::pagination::Pager;

/// The parameter whose values are conditions, all of which must hold.
const FILTER: &str = "$filter";

/// The parameter that names the members wanted.
const SELECT: &str = "$select";

/// The parameter that asks for what hangs on the records: of no use where keys alone are wanted.
const EXPAND: &str = "$expand";

/// How a vendor that speaks OData is asked for a page's size; no declaration is needed to tell that it takes `$select`.
const TOP: &str = "$top";

/// The parameters that stay the same from page to page.
#[derive(Debug, Clone, Default)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    order: Option<(String, String)>,
}

impl Query {
    /// Fixed parameters and the range of the cursor.
    ///
    /// A bound that the vendor cannot be asked for is not sent, and dates are coarser than times: what comes back may hold
    /// rows outside the range, never lacks one inside it.
    pub fn new(source: &Source, table: &Table, fetch: &Fetch, options: &ReadOptions) -> Self {
        let (from, until) = (options.from, options.until);
        let mut query = Self::default();
        let members = key_members(table, fetch).filter(|_| options.keys_only);
        for (name, value) in fetch.params.iter().filter(|(name, _)| members.is_none() || *name != EXPAND) {
            query.add(name, value.clone());
        }
        let replication = &table.replication;
        let zone = zone(source, table, replication);
        let from = match from {
            Some(from) => Some(lower(from, replication.format, zone)),
            None => replication.always.then(|| beginning(replication.format)),
        };
        if let (Some(parameter), Some(from)) = (replication.from.as_ref().filter(|_| is_sent(replication)), from) {
            query.add(&parameter.param, parameter.value.replace("{from}", &from));
        }
        if let (Some(parameter), Some(until)) = (&replication.until, until) {
            let until = upper(until, replication.format, zone);
            query.add(&parameter.param, parameter.value.replace("{until}", &until));
        }
        if let Some(members) = members {
            query.add(SELECT, members.join(","));
        }
        query.order = replication.order.as_ref().map(|order| (order.param.clone(), order.value.clone()));
        query
    }

    /// The whole query of a page.
    pub fn page(&self, slice: Option<(&str, &str)>, pager: &Pager<'_>) -> Vec<(String, String)> {
        let mut query = self.clone();
        // Two orders would fight, and paging by key or offset stands and falls with its own.
        if let Some((name, value)) = query.order.take().filter(|_| !pager.ordered()) {
            query.add(&name, value);
        }
        if let Some((name, value)) = slice {
            query.add(name, value.to_owned());
        }
        for (name, value) in pager.params() {
            query.add(name, value);
        }
        query.pairs
    }

    /// Conditions add up; of anything else the later value counts.
    fn add(&mut self, name: &str, value: String) {
        match self.pairs.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) if name.eq_ignore_ascii_case(FILTER) => *known = format!("{known} and {value}"),
            Some((_, known)) => *known = value,
            None => self.pairs.push((name.to_owned(), value)),
        }
    }
}

/// Whether `from` is sent where there is one. A filter that may mean "on this day" would lose every later one.
pub(super) fn is_sent(replication: &Replication) -> bool {
    !(replication.on_trust && replication.mode == Mode::Full)
}

/// The members that hold the primary key, where the vendor can be asked for them alone and it is certain where they lie.
///
/// Not for an optional table: the vendor's no to `$select` would pass for the table's absence, and a sweep would take all its rows for deleted.
pub(super) fn key_members<'a>(table: &'a Table, fetch: &'a Fetch) -> Option<Vec<&'a str>> {
    let (Pagination::Keyset { size_param, .. } | Pagination::Offset { size_param, .. }) = &fetch.pagination else {
        return None;
    };
    if size_param != TOP || fetch.optional || fetch.unnest.is_some() {
        return None;
    }
    let mut members: Vec<&str> = Vec::new();
    for column in &table.primary_key {
        let Origin::Path(paths) = &table.column(column)?.origin else {
            return None;
        };
        match &paths[..] {
            [path] => match &path.0[..] {
                [Step::Member(member)] => members.push(member),
                _ => return None,
            },
            _ => return None,
        }
    }
    // The paging reads its own key.
    if let Pagination::Keyset { key, .. } = &fetch.pagination
        && !members.iter().any(|member| member == key)
    {
        members.push(key);
    }
    Some(members)
}

/// The cursor's own zone, which is the source's unless its column says otherwise: the vendor compares in it.
fn zone(source: &Source, table: &Table, replication: &Replication) -> Tz {
    let cursor = replication.cursor.as_ref().and_then(|cursor| table.column(cursor));
    cursor.map_or(source.timezone, |column| column.zone)
}

fn beginning(format: CursorFormat) -> String {
    match format {
        CursorFormat::Rfc3339 => "1900-01-01T00:00:00Z",
        CursorFormat::Date => "1900-01-01",
        CursorFormat::Dmy => "01/01/1900",
    }
    .to_owned()
}

/// Rounded down to what the format can say.
fn lower(time: DateTime<Utc>, format: CursorFormat, zone: Tz) -> String {
    match format {
        CursorFormat::Rfc3339 => rfc3339(time),
        CursorFormat::Date | CursorFormat::Dmy => date(time.with_timezone(&zone).date_naive(), format),
    }
}

/// Rounded up: whether the vendor takes the bound itself in or leaves it out, what lies before it is there.
fn upper(time: DateTime<Utc>, format: CursorFormat, zone: Tz) -> String {
    match format {
        CursorFormat::Rfc3339 if time.timestamp_subsec_nanos() > 0 => rfc3339(time + chrono::Duration::seconds(1)),
        CursorFormat::Rfc3339 => rfc3339(time),
        CursorFormat::Date | CursorFormat::Dmy => {
            let local = time.with_timezone(&zone);
            let midnight = local.time() == NaiveTime::MIN;
            let day = local.date_naive();
            date(
                if midnight {
                    day
                } else {
                    day.checked_add_days(Days::new(1)).unwrap_or(day)
                },
                format,
            )
        }
    }
}

fn rfc3339(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn date(date: NaiveDate, format: CursorFormat) -> String {
    date.format(if format == CursorFormat::Dmy { "%d/%m/%Y" } else { "%Y-%m-%d" })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::super::memory::Memory;
    use super::super::resume::Place;
    use super::*;
    use crate::schema::Catalog;

    /// The first page of an embedded table.
    fn first(table: &str, from: Option<&str>, until: Option<&str>, slice: Option<(&str, &str)>) -> String {
        asked(&Catalog::from_files(files()).unwrap(), table, from, until, slice, false)
    }

    fn asked(
        catalog: &Catalog,
        table: &str,
        from: Option<&str>,
        until: Option<&str>,
        slice: Option<(&str, &str)>,
        keys_only: bool,
    ) -> String {
        let (source, table) = table.split_once('.').unwrap();
        let source = catalog.source(source).unwrap();
        let table = &source.tables[table];
        let fetch = table.fetch().unwrap();
        let time = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        let mut options = ReadOptions::all(Memory::new(1), 1);
        (options.from, options.until, options.keys_only) = (time(from), time(until), keys_only);
        let query = Query::new(source, table, fetch, &options);
        let pairs = query.page(slice, &Pager::new(&fetch.pagination, Place::Nowhere, None));
        pairs
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    }

    fn files() -> Vec<(String, String)> {
        let source = |id: &str, pagination: &str| {
            let text = format!(
                r#"title = "A"
                description = "A."
                base_url = "https://a.example"
                token_env = "A"
                auth = {{ type = "header", name = "K" }}
                timezone = "America/Sao_Paulo"
                records = ["value"]
                rate_limit = {{ requests = 1, per = "1s" }}
                pagination = {pagination}"#
            );
            (format!("{id}/source.toml"), text)
        };
        let table = |id: &str, keys: &str, replication: &str, zone: &str| {
            let text = format!(
                r#"title = "T"
                description = "T."
                endpoint = "/T"
                primary_key = ["id"]
                {keys}
                [replication]
                cursor = "at"
                {replication}
                [columns]
                id = {{ type = "int", path = "id", description = "I." }}
                at = {{ type = "timestamp", path = "at", description = "A." {zone} }}"#
            );
            (format!("{id}.toml"), text)
        };
        let odata = r#"mode = "full"
            from = { param = "$filter", value = "At ge {from}" }
            until = { param = "$filter", value = "At lt {until}" }
            order = { param = "$orderby", value = "At,Id" }"#;
        vec![
            source(
                "key",
                r#"{ type = "keyset", key = "id", filter_param = "$filter", filter = "Id gt {key}", order_param = "$orderby", order = "Id", size_param = "$top", size = 300 }"#,
            ),
            table("key/plain", "", odata, ""),
            table("key/fixed", r#"params = { "$filter" = "X eq 1" }"#, odata, ""),
            source("page", r#"{ type = "page", page_param = "page" }"#),
            table(
                "page/dmy",
                "params = { sort = \"asc\", page = \"9\" }",
                r#"mode = "full"
                format = "dmy"
                from = { param = "start", value = "{from}" }
                until = { param = "end", value = "{until}" }
                order = { param = "order_by", value = "at" }"#,
                "",
            ),
            table(
                "page/on_trust",
                "",
                r#"mode = "full"
                format = "date"
                on_trust = true
                from = { param = "updated_at", value = "{from}" }"#,
                "",
            ),
            table(
                "page/always",
                "",
                &format!("{odata}\nformat = \"date\"\nalways = true"),
                r#", zone = "Asia/Tokyo""#,
            ),
        ]
    }

    #[test]
    fn conditions_add_up_and_the_pagings_order_wins() {
        assert_eq!(first("key.plain", None, None, None), "$orderby=Id&$top=300");
        assert_eq!(
            first("key.plain", Some("2026-01-02T03:04:05.9Z"), Some("2026-02-01T00:00:00.1Z"), None),
            "$filter=At ge 2026-01-02T03:04:05Z and At lt 2026-02-01T00:00:01Z&$orderby=Id&$top=300"
        );
        assert_eq!(
            first("key.fixed", Some("2026-01-02T03:04:05Z"), None, Some(("status", "2"))),
            "$filter=X eq 1 and At ge 2026-01-02T03:04:05Z&status=2&$orderby=Id&$top=300"
        );
    }

    #[test]
    fn dates_are_rounded_outwards_in_the_cursors_zone() {
        // 01:00 UTC is the day before in São Paulo.
        assert_eq!(
            first("page.dmy", Some("2026-01-02T01:00:00Z"), Some("2026-02-01T03:00:00Z"), None),
            "sort=asc&page=1&start=01/01/2026&end=01/02/2026&order_by=at"
        );
        assert_eq!(
            first("page.dmy", None, Some("2026-02-01T03:00:00.001Z"), None),
            "sort=asc&page=1&end=02/02/2026&order_by=at"
        );
        // 20:00 UTC is the day after in Tokyo.
        assert_eq!(
            first("page.always", Some("2026-01-02T20:00:00Z"), None, None),
            "$filter=At ge 2026-01-03&$orderby=At,Id&page=1"
        );
        assert_eq!(
            first("page.always", None, None, None),
            "$filter=At ge 1900-01-01&$orderby=At,Id&page=1"
        );
    }

    #[test]
    fn a_filter_that_is_not_known_is_sent_where_a_mode_asks_for_it_only() {
        let day = Some("2026-01-02T12:00:00Z");
        assert_eq!(first("page.on_trust", day, None, None), "page=1");
        let catalog = Catalog::from_files(files()).unwrap();
        let source = catalog.source("page").unwrap();
        let mut table = source.tables["on_trust"].clone();
        table.replication.mode = Mode::Incremental;
        let mut options = ReadOptions::all(Memory::new(1), 1);
        options.from = day.map(|day| day.parse().unwrap());
        let query = Query::new(source, &table, table.fetch().unwrap(), &options);
        let pager = Pager::new(&table.fetch().unwrap().pagination, Place::Nowhere, None);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(query.page(None, &pager), [pair("updated_at", "2026-01-02"), pair("page", "1")]);
    }

    #[test]
    fn keys_alone_are_asked_for_where_the_vendor_can_be_asked() {
        let catalog = Catalog::embedded().unwrap();
        for (table, expected) in [
            ("ploomes.deals", "$select=Id&$orderby=Id&$top=300&$count=true"),
            ("exactsales.callshistory", "$select=id&$orderby=id&$top=500&$skip=0"),
            ("exactsales.losts", "$select=leadId,date&$orderby=date&$top=500&$skip=0"),
            ("exactsales.painpoints", "$top=500&$skip=0"),
            ("sensedata.users", "page=1&limit=1000"),
            ("nectarcrm.tarefas", "page=1&displayLength=50"),
            ("customerx.clients", "page=1&per_page=20"),
        ] {
            assert_eq!(asked(&catalog, table, None, None, None, true), expected, "{table}");
        }
    }
}
