//! The sandbox's own routes, under `/_sandbox/`: what was counted, and changes of the account.

use hyper::Method;

use super::{Server, locked};
use crate::sandbox::ask::{Answer, Ask};
use crate::sandbox::churn::Change;
use crate::sandbox::json::{At, Object};
use crate::sandbox::row_counts;

const CONTROLS: &str = "the sandbox has GET /_sandbox/row_counts, /_sandbox/requests and /_sandbox/now, \
    POST /_sandbox/churn?seed=S&changes=N[&tables=a,b][&bulk=true] and POST /_sandbox/change?table=T&what=insert|update|delete[&id=ID], \
    and POST /_sandbox/fields with a JSON body";

/// Bytes of the body of a control route.
pub(super) const LONGEST_BODY: usize = 1 << 16;

impl Server {
    pub(super) fn control(&self, method: &Method, ask: &Ask, body: &[u8]) -> Answer {
        let done = match (method.as_str(), ask.path) {
            ("GET", "row_counts") => Ok(object(|all| {
                for (table, rows) in row_counts(&self.world()) {
                    all.set(&table, rows);
                }
            })),
            ("GET", "requests") => Ok(object(|all| {
                for desk in &self.desks {
                    let meter = locked(&desk.meter);
                    all.object(desk.vendor.source, |one| {
                        one.set("requests", meter.requests)
                            .set("answered_429", meter.answered_429)
                            .set("max_in_window", meter.max_in_window as u64)
                            .set("limit", meter.limit.most as u64)
                            .set("window_secs", meter.limit.window.as_secs());
                    });
                }
            })),
            ("GET", "now") => Ok(object(|o| {
                o.set("now", At(self.world().now, 7, "Z"));
            })),
            ("POST", "churn") => self.churned(ask),
            ("POST", "change") => self.changed(ask),
            ("POST", "fields") => self.field_changed(body),
            _ => return Answer::text(404, CONTROLS),
        };
        match done {
            Ok(told) => Answer::json(200, told),
            Err(why) => Answer::text(400, why),
        }
    }

    fn churned(&self, ask: &Ask) -> Result<Vec<u8>, String> {
        let tables: Vec<&str> = ask.param("tables").map_or_else(Vec::new, |names| names.split(',').collect());
        let bulk = ask.param("bulk").is_some_and(|bulk| bulk != "false");
        let (seed, changes) = (number(ask, "seed")?, number(ask, "changes")?);
        let changed = self.world_mut().churn(seed, changes, &tables, bulk)?;
        Ok(object(|all| {
            for (table, counts) in changed {
                all.object(&table, |one| {
                    one.set("inserted", counts.inserted)
                        .set("updated", counts.updated)
                        .set("deleted", counts.deleted);
                });
            }
        }))
    }

    fn changed(&self, ask: &Ask) -> Result<Vec<u8>, String> {
        let change = match ask.param("what") {
            Some("insert") => Change::Insert,
            Some("update") => Change::Update(number(ask, "id")?),
            Some("delete") => Change::Delete(number(ask, "id")?),
            _ => return Err("`what`: expected insert, update or delete".to_owned()),
        };
        let id = self.world_mut().change(ask.param("table").unwrap_or(""), change)?;
        Ok(object(|o| {
            o.set("id", id);
        }))
    }

    fn field_changed(&self, body: &[u8]) -> Result<Vec<u8>, String> {
        let change = serde_json::from_slice(body).map_err(|error| format!("the body is no change of a custom field: {error}"))?;
        self.world_mut().change_field(&change)
    }
}

fn object(fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
    let mut body = Vec::new();
    Object::push(&mut body, fill);
    body
}

/// A whole number that a control route needs.
fn number(ask: &Ask, name: &str) -> Result<u64, String> {
    let text = ask.param(name).unwrap_or("");
    text.parse()
        .map_err(|_| format!("`{name}`: expected a whole number, found `{text}`"))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::super::tests::{Reply, date, deals, exchange, get, with};
    use crate::sandbox::stamp::SECOND;
    use crate::sandbox::{Options, Sandbox};

    /// A control route that changes something.
    fn post(url: &str, route: &str) -> Reply {
        exchange("POST", &format!("{url}/_sandbox/{route}"), "Content-Length: 0\r\n")
    }

    #[test]
    fn the_account_is_changed_by_routes_and_the_date_follows() {
        with(Options::default(), |sandbox| {
            let url = sandbox.url();
            let now = || get(&format!("{url}/_sandbox/now"), "").json()["now"].as_str().unwrap().to_owned();
            assert_eq!(now(), "2026-11-01T12:00:00.0000000Z");
            let today = date(&deals(sandbox));
            let changed = post(&url, "churn?seed=7&changes=40&tables=ploomes.deals,exactsales.leads").json();
            let changed = changed.as_object().unwrap();
            assert!(changed.keys().eq(["exactsales.leads", "exactsales.leadspersons", "ploomes.deals"]));
            let of = |table: &str, what: &str| changed[table][what].as_u64().unwrap();
            let all = |table: &str| of(table, "inserted") + of(table, "updated") + of(table, "deleted");
            assert_eq!(all("ploomes.deals") + all("exactsales.leads"), 40);
            let counts = get(&format!("{url}/_sandbox/row_counts"), "").json();
            let rows = 1000 + of("ploomes.deals", "inserted") - of("ploomes.deals", "deleted");
            assert_eq!(counts["ploomes.deals"], rows);
            let present = now();
            assert!(present.as_str() > "2026-11-01T12:00:01" && present == sandbox.now());
            let seconds = crate::sandbox::stamp::read(&present).unwrap().ticks / SECOND;
            let simulated = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()));
            assert_eq!(date(&deals(sandbox)), format!("date: {}", simulated.to_lowercase()));
            assert_ne!(date(&deals(sandbox)), today);
            let id = post(&url, "change?table=ploomes.deals&what=insert").json()["id"].as_u64().unwrap();
            assert!(id > 700_000_000 && now() > present);
            let same = format!("change?table=ploomes.deals&id={id}&what=");
            assert_eq!(post(&url, &format!("{same}update")).json()["id"], id);
            assert_eq!(post(&url, &format!("{same}delete")).status, 200);
            for wrong in [
                format!("{same}update"),
                format!("{same}vanish"),
                "churn?seed=1".to_owned(),
                "churn?seed=1&changes=1&tables=x".to_owned(),
            ] {
                let reply = post(&url, &wrong);
                assert_eq!(reply.status, 400, "{wrong}");
                assert!(!reply.body.is_empty());
            }
            assert_eq!(get(&format!("{url}/_sandbox/churn?seed=1&changes=1"), "").status, 404);
        });
    }

    #[test]
    fn custom_fields_change_between_requests() {
        let options = Options {
            custom_fields: 2,
            refuse_custom_fields: vec![("ploomes.deals".to_owned(), 403)],
            ..Options::default()
        };
        with(options, |sandbox| {
            let url = sandbox.url();
            let post = |body: &str| {
                let head = format!("Content-Length: {}\r\n\r\n{body}", body.len());
                exchange("POST", &format!("{url}/_sandbox/fields"), &head)
            };
            let reply = post(r#"{"action": "add", "entity": 2, "name": "Novo campo", "type": "date_time"}"#);
            assert_eq!((reply.status, reply.json()["Name"].as_str()), (200, Some("Novo campo")));
            let headers = format!("User-Key: {}\r\n", Sandbox::token("ploomes"));
            let fields = get(&format!("{}/Fields?$filter=EntityId+eq+2", sandbox.base_url("ploomes")), &headers).json();
            assert_eq!(fields["value"].as_array().unwrap().last().unwrap()["Key"], reply.json()["Key"]);
            let expand = format!("{}/Deals?$expand=OtherProperties&$top=1", sandbox.base_url("ploomes"));
            assert_eq!(get(&expand, &headers).status, 403);
            assert_eq!(post(r#"{"action": "allow", "table": "ploomes.deals"}"#).status, 200);
            assert_eq!(get(&expand, &headers).status, 200);
            for wrong in ["", "{}", r#"{"action": "remove", "entity": 2, "field": 9}"#] {
                let reply = post(wrong);
                assert!(reply.status == 400 && !reply.body.is_empty(), "{wrong}");
            }
        });
    }
}
