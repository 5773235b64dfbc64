//! Exact Sales (Exact Spotter) v3: OData v4 behind `token_exact`. Simulated oddities: pages of 500 and an error above,
//! `@odata.nextLink` even on the empty page, entity names in any case, no `id` in some sets, a hidden window on `/Boxes`,
//! a `Z` there that is no UTC, meeting times that are text, 4 to 7 fraction digits, `0001-01-01` for no date, and nested
//! people whose members are all null.

mod agenda;
mod history;
mod leads;
mod row;
mod small;
mod sold;

use super::Sandbox;
use super::ask::{Answer, Ask};
use super::churn::{Cursor, RECENT, Subject};
use super::json::{Json, Object};
use super::odata::{Dialect, Query, Refusal, Rows, Set, next_link, read};
use super::stamp::{DAY, HOUR, text};
use super::world::World;

/// Answers a request below `/exactsales/v3`.
pub(crate) fn answer(world: &World, ask: &Ask) -> Answer {
    if ask.header("token_exact") != Some(Sandbox::token("exactsales")) {
        return Answer::json(401, r#"{"message":"Authorization has been denied for this request."}"#);
    }
    let path = ask.path.trim_matches('/');
    let (name, rest) = path.split_once('/').map_or((path, None), |(name, rest)| (name, Some(rest)));
    // The obvious name for the stages a lead went through exists, ignores every option and has no rows.
    if path.eq_ignore_ascii_case("StagesLead") {
        return Answer::json(
            200,
            envelope("StagesLead", None, |_| {}, &next_link(&address("StagesLead"), ask, PAGE)),
        );
    }
    let found = sets().find(|set| set.path.eq_ignore_ascii_case(name));
    let answered = match (found, rest) {
        (Some(set), None) => page(world, set, ask),
        (Some(set), Some("$count")) => count(world, set, ask),
        _ => return Answer::json(404, r#"{"Message":"No HTTP resource was found that matches the request URI."}"#),
    };
    answered.unwrap_or_else(|Refusal(message)| error(&message))
}

/// The rows of the documented tables, exploded ones too.
pub(crate) fn row_counts(world: &World) -> Vec<(&'static str, u64)> {
    let fetched = sets().map(|set| (set.table, set.live(world)));
    let exploded = [
        agenda::task_contacts(world),
        leads::persons(world),
        sold::products(world),
        history::question_answers(world),
        small::sub_sources(world),
    ];
    fetched.chain(exploded).collect()
}

/// The tables that change. Some have no time of the last change: what happened stays as it is but for a while, and what is to
/// happen changes while it is near.
pub(crate) fn churning(world: &World) -> Vec<Subject> {
    let cursor = |set: &Set| match set.table {
        "exactsales.leads" | "exactsales.sources" | "exactsales.sdrs" | "exactsales.sellers" => Some(Cursor::Updated),
        "exactsales.qualifications" | "exactsales.callshistory" => Some(Cursor::Event { open: RECENT }),
        // Sales have a day, not a moment.
        "exactsales.leadssold" => Some(Cursor::Event { open: 20 * DAY }),
        "exactsales.tasks" | "exactsales.meetings" | "exactsales.boxes" => Some(Cursor::Appointment),
        _ => None,
    };
    let mut subjects: Vec<Subject> = sets().filter_map(|set| set.subject(world, cursor(set)?)).collect();
    if let Some(leads) = subjects.iter_mut().find(|one| one.table == "exactsales.leads") {
        leads.after = Some(leads::changed);
        leads.along = &["exactsales.leadspersons"];
    }
    subjects
}

const DIALECT: Dialect = Dialect {
    any_case: true,
    bare_dates: true,
};

/// Rows of a page when `$top` is not given, and the most that may be asked for.
const PAGE: u64 = 500;

fn sets() -> impl Iterator<Item = &'static Set> {
    let all = [&agenda::SETS[..], &leads::SETS, &history::SETS, &sold::SETS, &small::SETS];
    all.into_iter().flatten()
}

fn query(rows: &Rows, ask: &Ask) -> Result<Query, Refusal> {
    // Without a filter the calendar shows about four weeks back, and nothing says so. Wall clock, as the column.
    let window = format!("start ge {}", text(rows.world.now - 3 * HOUR - 28 * DAY, 0, "Z"));
    let hidden = (rows.set.path == "Boxes").then_some(window.as_str());
    Query::read(rows, ask, DIALECT, hidden)
}

fn page(world: &World, set: &'static Set, ask: &Ask) -> Result<Answer, Refusal> {
    let rows = Rows::of(world, set);
    let query = query(&rows, ask)?;
    let top = query.top.unwrap_or(PAGE);
    if top > PAGE {
        let message = format!("The limit of '{PAGE}' for Top query has been exceeded. The value from the incoming request is '{top}'.");
        return Err(Refusal(message));
    }
    let page = read(&rows, &query, top);
    let next = next_link(&address(set.path), ask, query.skip + PAGE);
    Ok(Answer::json(
        200,
        envelope(set.path, page.count, |out| page.push(&rows, &query, out), &next),
    ))
}

/// `/<Set>/$count`: the bare number.
fn count(world: &World, set: &'static Set, ask: &Ask) -> Result<Answer, Refusal> {
    let rows = Rows::of(world, set);
    let mut query = query(&rows, ask)?;
    query.count = true;
    let count = read(&rows, &query, 0).count.unwrap_or(0);
    Ok(Answer::text(200, count.to_string()))
}

fn address(path: &str) -> String {
    format!("https://api.exactspotter.com/v3/{path}")
}

fn envelope(path: &str, count: Option<u64>, rows: impl FnOnce(&mut Vec<u8>), next: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 << 16);
    out.extend_from_slice(b"{\"@odata.context\":");
    // A host of the vendor's own network.
    format!("http://apiv3.exactspotter.com:81/api/v3/$metadata#{path}").push_to(&mut out);
    if let Some(count) = count {
        out.extend_from_slice(b",\"@odata.count\":");
        count.push_to(&mut out);
    }
    out.extend_from_slice(b",\"value\":[");
    rows(&mut out);
    out.extend_from_slice(b"],\"@odata.nextLink\":");
    next.push_to(&mut out);
    out.push(b'}');
    out
}

fn error(message: &str) -> Answer {
    let mut body = Vec::new();
    Object::push(&mut body, |o| {
        o.object("error", |o| {
            o.set("code", "").set("message", message);
        });
    });
    Answer::json(400, body)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::Value;

    use super::*;
    use crate::sandbox::stamp;

    const TOKEN: &[(&str, &str)] = &[("token_exact", "sandbox-exactsales-token-not-a-secret")];

    fn get(world: &World, path: &str, query: &str) -> Answer {
        answer(world, &Ask::of(path, query, TOKEN))
    }

    fn list(world: &World, path: &str, query: &str) -> Vec<Value> {
        let answer = get(world, path, query);
        assert_eq!(answer.status, 200, "{path}?{query}: {}", String::from_utf8_lossy(&answer.body));
        answer.value()["value"].as_array().unwrap().clone()
    }

    fn all(world: &World, path: &str, query: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = list(world, path, &format!("{query}&$top=500&$skip={}", all.len()));
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    /// What an exporter has to ask: everything, past the hidden window.
    fn everything(world: &World, set: &Set) -> Vec<Value> {
        let query = if set.path == "Boxes" { "$filter=start+ge+2000-01-01" } else { "" };
        all(world, set.path, query)
    }

    #[test]
    fn every_table_reads_to_its_count() {
        check_counts(&World::new(1, 1100, &[]));
        check_counts(&World::churned(1, 1100));
    }

    fn check_counts(world: &World) {
        let counts = row_counts(world);
        assert_eq!(counts.len(), 17 + 5);
        let count = |table: &str| counts.iter().find(|(name, _)| *name == table).unwrap().1;
        for set in sets() {
            let rows = everything(world, set);
            assert!(!rows.is_empty());
            assert_eq!(rows.len() as u64, count(set.table), "{}", set.table);
            let unique: HashSet<String> = rows.iter().map(Value::to_string).collect();
            assert_eq!(unique.len(), rows.len(), "{}", set.table);
            let exploded = match set.path {
                "Tasks" => ("contacts", "tasks__contacts"),
                "LeadsSold" => ("products", "leadssold__products"),
                "LeadsAndPersons" => ("persons", "leadspersons__persons"),
                "QualificationHistories" => ("questionAnswers", "qualifications__questionanswers"),
                "Sources" => ("subSources", "sources__subsources"),
                _ => continue,
            };
            let items: usize = rows.iter().map(|row| row[exploded.0].as_array().unwrap().len()).sum();
            assert_eq!(items as u64, count(&format!("exactsales.{}", exploded.1)));
            assert!(items > 0);
        }
    }

    #[test]
    fn exact_row_counts_are_kept() {
        for rows in [0, 1, 500] {
            let wanted: Vec<(String, u64)> = sets().map(|set| (set.table.to_owned(), rows)).collect();
            let world = World::new(1, 700, &wanted);
            for set in sets() {
                assert_eq!(everything(&world, set).len() as u64, rows, "{}", set.table);
            }
        }
        let world = World::new(1, 20, &[("exactsales.leadspersons__persons".to_owned(), 7)]);
        let persons = |row: &Value| row["persons"].as_array().unwrap().len();
        assert_eq!(all(&world, "LeadsAndPersons", "").iter().map(persons).sum::<usize>(), 7);
    }

    #[test]
    fn keys_are_unique() {
        check_keys(&World::new(1, 900, &[]));
        check_keys(&World::churned(1, 900));
    }

    fn check_keys(world: &World) {
        let keys: [(&str, &[&str]); 5] = [
            ("LeadStages", &["leadId", "createdAt", "destinationStage"]),
            ("Losts", &["leadId", "date"]),
            ("QualificationHistories", &["leadId", "qualificationDate"]),
            ("LeadsCustomFields", &["leadId", "id"]),
            ("LeadsSold", &["id"]),
        ];
        for (path, key) in keys {
            let rows = all(world, path, "");
            let key = |row: &Value| key.iter().map(|name| row[name].to_string()).collect::<Vec<_>>();
            assert_eq!(rows.iter().map(key).collect::<HashSet<_>>().len(), rows.len(), "{path}");
        }
        let pains = all(world, "PainPoints", "");
        let flat = |row: &Value| match row["painPoints"][0]["id"].as_u64() {
            Some(id) => (row["leadId"].as_u64(), Some(id)),
            None => (row["leadId"].as_u64(), row["painPointId"].as_u64()),
        };
        let unique: HashSet<_> = pains.iter().map(flat).collect();
        assert!(unique.len() == pains.len() && unique.iter().all(|(_, id)| id.is_some()));
        let nested = pains.iter().filter(|row| row["painPoints"].is_array()).count();
        assert!(nested > 0 && nested < pains.len());
    }

    #[test]
    fn the_first_row_is_full() {
        let world = World::new(1, 100, &[]);
        for set in sets() {
            let query = if set.path == "Boxes" { "$top=1&$filter=id+gt+0" } else { "$top=1" };
            let row = &list(&world, set.path, query)[0];
            for (name, value) in row.as_object().unwrap() {
                assert!(!value.is_null() || name == "ddiPhone", "{}.{name}", set.table);
                if let Some(inner) = value.as_object() {
                    assert!(inner.values().all(|value| !value.is_null()), "{}.{name}", set.table);
                }
            }
        }
        let second = &list(&world, "Leads", "$top=2")[1];
        assert!(second["salesRep"]["id"].is_null() && second["salesRep"]["active"] == false);
    }

    #[test]
    fn pages_end_only_by_being_empty() {
        let world = World::new(1, 1000, &[]);
        let page = get(&world, "Leads", "").value();
        assert_eq!(page["value"].as_array().unwrap().len(), 500);
        assert!(page["@odata.nextLink"].as_str().unwrap().ends_with("$skip=500"));
        let past = get(&world, "Leads", "$filter=id+lt+0").value();
        assert!(past["value"].as_array().unwrap().is_empty());
        assert!(past["@odata.nextLink"].as_str().unwrap().contains("$skip=500"));
        let greedy = get(&world, "Leads", "$top=501");
        assert_eq!(greedy.status, 400);
        assert!(greedy.value().get("value").is_none() && greedy.value()["error"]["message"].is_string());
    }

    #[test]
    fn paths_and_tokens() {
        let world = World::new(1, 100, &[]);
        assert_eq!(list(&world, "/leads", "$top=3"), list(&world, "/Leads", "$top=3"));
        assert_eq!(list(&world, "/callsHistory", "").len(), 100);
        assert_eq!(get(&world, "/Leads/$count", "").body, b"100");
        assert_eq!(get(&world, "/Leads", "$count=true&$top=1").value()["@odata.count"], 100);
        assert!(list(&world, "/StagesLead", "$filter=anything").is_empty());
        assert_eq!(get(&world, "/LeadsDiscarded", "").status, 404);
        assert_eq!(answer(&world, &Ask::of("/Leads", "", &[])).status, 401);
    }

    #[test]
    fn boxes_hide_what_is_old() {
        let world = World::new(1, 2000, &[]);
        let shown = all(&world, "Boxes", "");
        let edge = stamp::text(stamp::NOW - 28 * DAY, 0, "Z");
        assert!(shown.len() < 1000 && !shown.is_empty());
        assert!(
            shown
                .iter()
                .all(|row| row["start"].as_str().unwrap() > edge[..10].to_owned().as_str())
        );
        assert_eq!(all(&world, "Boxes", "$filter=start+ge+2000-01-01").len(), 1000);
        assert!(shown.iter().any(|row| row["leadId"] == 0));
    }

    #[test]
    fn meeting_times_are_text() {
        let world = World::new(1, 1000, &[]);
        assert_eq!(get(&world, "Meetings", "$filter=startTime+ge+2026-08-29").status, 400);
        assert_eq!(get(&world, "Meetings", "$filter=startTime+ge+2026-08-29T00:00:00Z").status, 400);
        let (from, to) = ("2026-08-29", "2026-12-01");
        let window = format!("$filter=startTime+ge+'{from}'+and+startTime+le+'{to}'");
        let found = all(&world, "Meetings", &window);
        let inside = |row: &&Value| (from..=to).contains(&row["startTime"].as_str().unwrap());
        let whole = all(&world, "Meetings", "");
        let expected: Vec<&Value> = whole.iter().filter(inside).collect();
        assert!(!expected.is_empty() && found.iter().eq(expected.iter().copied()));
        let mut ordered = expected.clone();
        ordered.sort_by_key(|row| (row["startTime"].as_str().unwrap(), row["id"].as_u64()));
        assert!(
            all(&world, "Meetings", &format!("{window}&$orderby=startTime"))
                .iter()
                .eq(ordered.iter().copied())
        );
        assert_eq!(get(&world, "Meetings", "$filter=registerDate+ge+2026-01-01").status, 200);
        let lead = &whole[0]["lead"]["id"];
        let of_lead = all(&world, "Meetings", &format!("$filter=lead/id+eq+{lead}"));
        assert!(of_lead.iter().all(|row| row["lead"]["id"] == *lead) && !of_lead.is_empty());
        assert!(whole[0]["startTime"].as_str().unwrap().ends_with(":00.0000000"));
    }

    #[test]
    fn times_have_four_to_seven_digits_and_a_sentinel() {
        let world = World::new(1, 2000, &[]);
        let leads = all(&world, "Leads", "");
        let digits = |row: &Value| row["updateDate"].as_str().unwrap().len() - "2026-01-01T00:00:00.Z".len();
        let lengths: Vec<usize> = leads.iter().map(digits).collect();
        let seven = lengths.iter().filter(|length| **length == 7).count();
        assert!(lengths.iter().all(|length| (4..=7).contains(length)));
        assert!(seven * 100 / lengths.len() >= 75 && seven < lengths.len());
        let histories = all(&world, "QualificationHistories", "");
        assert!(histories.iter().any(|row| row["meetingDate"] == "0001-01-01T00:00:00Z"));
        let answers = |row: &Value| row["questionAnswers"].as_array().unwrap().clone();
        let answers: Vec<Value> = histories.iter().flat_map(answers).collect();
        let first = |answer: &Value| answer["answers"][0].clone();
        assert!(answers.iter().any(|answer| first(answer).is_string()));
        assert!(answers.iter().any(|answer| first(answer)["text"].is_string()));
        assert!(histories.iter().all(|row| row.get("id").is_none()));
        assert_eq!(
            list(&world, "QualificationHistories", "$orderby=id desc&$top=1")[0],
            histories[histories.len() - 1]
        );
        assert_eq!(get(&world, "LeadStages", "$orderby=id").status, 400);
        assert_eq!(list(&world, "LeadStages", "$top=1")[0].as_object().unwrap().len(), 9);
    }

    #[test]
    fn a_cursor_read_meets_every_lead() {
        check_leads(&World::new(1, 3000, &[]));
        check_leads(&World::churned(1, 3000));
    }

    fn check_leads(world: &World) {
        let read = all(
            world,
            "Leads",
            "$filter=updateDate+ge+2024-01-01T00:00:00.0000000Z&$orderby=updateDate",
        );
        let mut expected = all(world, "leads", "$filter=updateDate+ge+2024-01-01");
        assert!(read.len() > 500 && read.len() < 3000);
        assert!(
            read.windows(2)
                .all(|pair| pair[0]["updateDate"].as_str() <= pair[1]["updateDate"].as_str())
        );
        expected.sort_by_key(|row| {
            let when = stamp::read(row["updateDate"].as_str().unwrap()).unwrap().ticks;
            (when, row["id"].as_u64())
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn odd_values() {
        let world = World::new(1, 1000, &[]);
        let leads = all(&world, "Leads", "");
        assert!(leads.iter().any(|row| row["stage"] == "Descartado"));
        assert!(leads.iter().any(|row| row["sdr"].is_null()));
        assert!(leads.iter().any(|row| row["sdr"]["active"] == false && row["sdr"]["id"].is_null()));
        assert!(
            leads
                .iter()
                .all(|row| row["cnpj"].is_null() || row["cnpj"].as_str().unwrap().len() == 14)
        );
        assert!(
            leads
                .iter()
                .all(|row| row["phone1"].is_null() || row["phone1"].as_str().unwrap().starts_with("55"))
        );
        assert!(
            list(&world, "Stages", "")
                .iter()
                .any(|row| row["value"].as_str().unwrap().starts_with(' '))
        );
        let calls = all(&world, "CallsHistory", "");
        assert!(calls.iter().any(|row| row["endDate"] == "") && calls.iter().any(|row| row["endDate"].is_null()));
        assert!(calls.iter().any(|row| row["price"].is_string()) && calls.iter().any(|row| row["price"].is_number()));
        let year = list(&world, "callsHistory", "$filter=year(startDate)+eq+2025+and+month(startDate)+eq+3");
        assert!(!year.is_empty());
        let joined = all(&world, "LeadsAndPersons", "");
        for name in ["id", "lead", "stage", "phone1", "registerDate", "updateDate"] {
            assert!(leads.iter().zip(&joined).all(|(lead, row)| lead[name] == row[name]), "{name}");
        }
        assert_eq!(
            get(&world, "Leads", "$top=2").body,
            get(&World::new(1, 1000, &[]), "leads", "$top=2").body
        );
    }
}
