//! The vendor: three tables, each read in another way.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;
use serde_json::{Value, json};
use url::Url;

use crate::config::Connection;
use crate::http::scripted::{Answer, Scripted};
use crate::schema::demo;

const NOTES: &str = r#"
title = "Notas"
description = "Uma linha por nota."
endpoint = "/notes"
primary_key = ["id"]
pagination = { type = "keyset", key = "id", filter_param = "above", filter = "{key}", order_param = "order", order = "id", size_param = "size", size = 3 }
[columns]
id   = { type = "int", path = "id", description = "Identificador." }
name = { type = "text", path = "name", description = "Nome." }
n    = { type = "int", path = "n", description = "Número." }
"#;

const MARKS: &str = r#"
title = "Marcas"
description = "Uma linha por marca."
explode = { table = "notes", path = "marks" }
primary_key = ["note_id", "mark"]
[columns]
note_id = { type = "int", parent = "id", description = "Nota." }
mark    = { type = "int", path = "mark", description = "Marca." }
"#;

const PASSAGES: &str = r#"
title = "Passagens"
description = "Uma linha por passagem."
endpoint = "/passages"
primary_key = ["lead", "at", "stage"]
nullable_key = ["at", "stage"]
partition = { column = "at", by = "month" }
pagination = { type = "offset", offset_param = "skip", size_param = "size", size = 5, count = { params = { count = "true" }, member = "count" } }
[columns]
lead  = { type = "float", path = "lead", description = "Lead." }
at    = { type = "timestamp", path = "at", description = "Momento." }
stage = { type = "text", path = "stage", description = "Fase." }
score = { type = "float", path = "score", description = "Nota." }
"#;

const EVENTS: &str = r#"
title = "Eventos"
description = "Uma linha por evento."
endpoint = "/events"
primary_key = ["lead", "kind"]
nullable_key = ["kind"]
pagination = { type = "offset", offset_param = "skip", size_param = "size", size = 4 }
[replication]
mode = "incremental"
cursor = "at"
from = { param = "from", value = "{from}" }
[columns]
lead  = { type = "float", path = "lead", description = "Lead." }
kind  = { type = "text", path = "kind", description = "Tipo." }
at    = { type = "timestamp", path = "at", description = "Alteração." }
score = { type = "float", path = "score", description = "Nota." }
"#;

/// Beyond the year 9999 in UTC.
const FAR: &str = "9999-12-31T23:30:00-03:00";

#[derive(Debug)]
struct State {
    notes: BTreeMap<i64, Value>,
    passages: Vec<Value>,
    /// By lead and kind, and when each was changed.
    events: Vec<(Option<DateTime<Utc>>, Value)>,
    /// Rows without a cursor come with every answer.
    sends_nulls: bool,
    /// The first key of the notes.
    first: i64,
    now: DateTime<Utc>,
}

/// The vendors of all histories, by their number: a server each would be a thread each.
static STATES: Mutex<Option<HashMap<u64, Arc<Mutex<State>>>>> = Mutex::new(None);

pub struct Vendor {
    seed: u64,
    state: Arc<Mutex<State>>,
}

impl Vendor {
    pub fn new(seed: u64, rng: &mut Rng) -> Self {
        let mut state = State {
            notes: BTreeMap::new(),
            passages: Vec::new(),
            events: Vec::new(),
            sends_nulls: rng.bool(),
            first: [1, -20, 9_007_199_254_740_985, i64::MAX - 400][rng.usize(..4)],
            now: Utc::now(),
        };
        for _ in 0..rng.usize(..40) {
            state.insert(rng, false);
        }
        let state = Arc::new(Mutex::new(state));
        STATES.lock().unwrap().get_or_insert_default().insert(seed, state.clone());
        Self { seed, state }
    }

    pub fn connection(&self) -> Connection {
        static SERVER: OnceLock<Scripted> = OnceLock::new();
        let server = SERVER.get_or_init(|| Scripted::answering(answer));
        let mut source = demo::source(&[
            ("notes", NOTES),
            ("notes__marks", MARKS),
            ("passages", PASSAGES),
            ("events", EVENTS),
        ]);
        source.decl.retry.backoff = Duration::from_millis(1);
        let address = server.url().join(&self.seed.to_string()).unwrap();
        Connection::to_sandbox(&source, address.as_str(), "token").unwrap()
    }

    pub fn text(&self) -> String {
        let state = self.state.lock().unwrap();
        format!(
            "{} notes from {}, {} passages, {} events, sends nulls {}",
            state.notes.len(),
            state.first,
            state.passages.len(),
            state.events.len(),
            state.sends_nulls
        )
    }

    /// Changes some rows, in ways that a refresh can see.
    pub fn change(&self, rng: &mut Rng) -> String {
        let mut state = self.state.lock().unwrap();
        let mut steps = Vec::new();
        for _ in 0..rng.usize(1..6) {
            state.now += TimeDelta::seconds(1);
            steps.push(match rng.u8(..4) {
                0 => state.delete(rng),
                1 => state.update(rng),
                _ => state.insert(rng, true),
            });
        }
        steps.join(", ")
    }

    /// Rows that have a key, each key once.
    pub fn rows(&self) -> [(&'static str, u64); 3] {
        let state = self.state.lock().unwrap();
        let distinct = |rows: &mut dyn Iterator<Item = &Value>, key: &[&str]| {
            let keys = rows.filter(|row| row["lead"].is_number());
            keys.map(|row| key.iter().map(|name| row[*name].to_string()).collect::<Vec<_>>())
                .collect::<BTreeSet<_>>()
                .len() as u64
        };
        [
            ("notes", state.notes.len() as u64),
            ("passages", distinct(&mut state.passages.iter(), &["lead", "at", "stage"])),
            ("events", distinct(&mut state.events.iter().map(|(_, row)| row), &["lead", "kind"])),
        ]
    }

    pub fn is_incremental(&self, table: &str) -> bool {
        table == "events"
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        STATES.lock().unwrap().get_or_insert_default().remove(&self.seed);
    }
}

impl State {
    fn insert(&mut self, rng: &mut Rng, is_change: bool) -> String {
        match rng.u8(..3) {
            0 => {
                let last = self.notes.keys().next_back().map_or(self.first, |last| last + rng.i64(1..3));
                self.notes.insert(last, note(rng, last));
                format!("note {last}")
            }
            1 => {
                let passage = passage(rng);
                let same = |other: &&Value| ["lead", "at", "stage"].iter().all(|name| other[name] == passage[name]);
                let there = self.passages.iter().filter(same).count();
                // A row may be there twice.
                let times = (1 + usize::from(rng.u8(..4) == 0)).min(2_usize.saturating_sub(there));
                self.passages.extend(std::iter::repeat_n(passage.clone(), times));
                // Rows of one key stand together, as they do in the order of any of its members.
                self.passages.sort_by_key(Value::to_string);
                format!("{times} passages {passage}")
            }
            _ => {
                let at = match rng.u8(..8) {
                    0 => None,
                    _ if is_change => Some(self.now),
                    _ => Some(self.now - TimeDelta::hours(rng.i64(1..2_000))),
                };
                if at.is_none() && is_change && !self.sends_nulls {
                    return "nothing that can be seen".to_owned();
                }
                let lead = rng.u8(..40);
                let event = event(rng, lead, at);
                let same = |other: &(_, Value)| other.1["lead"] == event["lead"] && other.1["kind"] == event["kind"];
                if self.events.iter().any(same) {
                    return "nothing".to_owned();
                }
                self.events.push((at, event.clone()));
                format!("event {event}")
            }
        }
    }

    fn update(&mut self, rng: &mut Rng) -> String {
        match rng.u8(..3) {
            0 if !self.notes.is_empty() => {
                let at = rng.usize(..self.notes.len());
                let id = *self.notes.keys().nth(at).unwrap();
                self.notes.insert(id, note(rng, id));
                format!("note {id} anew")
            }
            1 if !self.passages.is_empty() => {
                let at = rng.usize(..self.passages.len());
                self.passages[at]["score"] = score(rng);
                self.passages.sort_by_key(Value::to_string);
                format!("passage {at} anew")
            }
            _ if !self.events.is_empty() => {
                let at = rng.usize(..self.events.len());
                if self.events[at].0.is_some() || self.sends_nulls {
                    let (lead, kind) = (self.events[at].1["lead"].clone(), self.events[at].1["kind"].clone());
                    self.events[at] = (Some(self.now), event(rng, 0, Some(self.now)));
                    (self.events[at].1["lead"], self.events[at].1["kind"]) = (lead, kind);
                }
                format!("event {at} anew")
            }
            _ => "nothing".to_owned(),
        }
    }

    fn delete(&mut self, rng: &mut Rng) -> String {
        if rng.bool() && !self.notes.is_empty() {
            let at = rng.usize(..self.notes.len());
            let id = *self.notes.keys().nth(at).unwrap();
            self.notes.remove(&id);
            return format!("note {id} gone");
        }
        if !self.passages.is_empty() {
            let at = rng.usize(..self.passages.len());
            self.passages.remove(at);
            return format!("passage {at} gone");
        }
        "nothing".to_owned()
    }

    fn answer(&self, path: &str, query: &HashMap<String, String>) -> Value {
        let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
        let page = |rows: Vec<&Value>| {
            rows.into_iter()
                .skip(number("skip"))
                .take(number("size"))
                .cloned()
                .collect::<Vec<_>>()
        };
        match path {
            "notes" => {
                let above = query.get("above").and_then(|text| text.parse::<i64>().ok());
                let rows = self.notes.iter().filter(|(id, _)| above.is_none_or(|above| **id > above));
                json!({ "value": page(rows.map(|(_, row)| row).collect()) })
            }
            "passages" => json!({ "value": page(self.passages.iter().collect()), "count": self.passages.len() }),
            _ => {
                let from = query.get("from").and_then(|text| text.parse::<DateTime<Utc>>().ok());
                let is_asked_for = |at: &Option<DateTime<Utc>>, row: &Value| match (from, at) {
                    (None, _) => true,
                    // What is beyond all times is after any of them.
                    (Some(_), _) if row["at"] == FAR => true,
                    (Some(from), Some(at)) => *at >= from,
                    (Some(_), None) => self.sends_nulls,
                };
                json!({ "value": page(self.events.iter().filter(|(at, row)| is_asked_for(at, row)).map(|(_, row)| row).collect()) })
            }
        }
    }
}

fn answer(target: &str) -> Answer {
    let url = Url::parse(&format!("http://vendor{target}")).unwrap();
    let mut path = url.path().trim_start_matches('/').split('/');
    let (seed, table) = (path.next().unwrap_or_default(), path.next().unwrap_or_default());
    let state = STATES.lock().unwrap().get_or_insert_default().get(&seed.parse().unwrap()).cloned();
    let query = url.query_pairs().into_owned().collect();
    match state {
        Some(state) => Answer::ok(state.lock().unwrap().answer(table, &query).to_string()),
        // A history that is over.
        None => Answer::new(404, "{}"),
    }
}

fn note(rng: &mut Rng, id: i64) -> Value {
    let n = if rng.u8(..5) == 0 {
        json!(format!("bad {}", rng.u8(..3)))
    } else {
        json!(rng.u8(..))
    };
    let marks: BTreeSet<u8> = (0..rng.u8(..4)).map(|_| rng.u8(..20)).collect();
    let mark = |mark: u8| match mark {
        0 => json!({ "mark": null }),
        1 => json!({ "mark": "bad" }),
        mark => json!({ "mark": mark }),
    };
    json!({ "id": id, "name": rng.u8(..).to_string(), "n": n, "marks": marks.into_iter().map(mark).collect::<Vec<_>>() })
}

fn passage(rng: &mut Rng) -> Value {
    let lead = if rng.u8(..10) == 0 { Value::Null } else { json!(rng.u8(..5)) };
    let at = match rng.u8(..6) {
        0 => Value::Null,
        1 => json!(FAR),
        month => json!(format!("2026-0{month}-01T00:00:00Z")),
    };
    let stage = match rng.u8(..4) {
        0 => Value::Null,
        1 => json!(""),
        2 => json!("null"),
        _ => json!("Qualificação"),
    };
    // The same key tells the same row: its content follows from it.
    let told = format!("{lead}{at}{stage}").bytes().map(u32::from).sum::<u32>();
    json!({ "lead": lead, "at": at, "stage": stage, "score": if told % 5 == 0 { json!("bad") } else { json!(told) } })
}

fn event(rng: &mut Rng, lead: u8, at: Option<DateTime<Utc>>) -> Value {
    let lead = if lead == 39 { Value::Null } else { json!(lead) };
    let kind = [Value::Null, json!("a"), json!("b")][rng.usize(..3)].clone();
    let at = match at {
        Some(_) if rng.u8(..8) == 0 => json!(FAR),
        Some(at) => json!(at.to_rfc3339()),
        None => Value::Null,
    };
    json!({ "lead": lead, "kind": kind, "at": at, "score": score(rng) })
}

fn score(rng: &mut Rng) -> Value {
    if rng.u8(..5) == 0 {
        json!(format!("bad {}", rng.u8(..3)))
    } else {
        json!(rng.u8(..))
    }
}
