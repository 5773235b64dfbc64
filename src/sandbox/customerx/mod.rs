//! CustomerX, simulated: a bare array at the root of every list but one, pages of twenty rows at most whose number, size and total are in the
//! headers, dates as `DD/MM/YYYY`, money as text. The vendor publishes no examples: shapes that are not known are spelled in every way
//! that was seen.
//! This file knows the token and the routes; the lists are the files beside it.

mod accounts;
mod board;
mod contacts;
mod contracts;
mod list;
mod small;

use super::Vendor;
use super::ask::{Answer, Ask};
use super::churn::Subject;
use super::world::World;

use accounts::{CLIENTS, JOURNEYS};
use board::{NPS, TASKS, TICKETS, TIMELINE};
use contacts::CONTACTS;
use contracts::{ADDITIVES, CONTRACTS, FINANCIALS, PLANS};
use list::{List, refused};
use small::{GROUPS, KINDS_OF_CONTACTS, SEGMENTS, SERVICES, STEPS, USERS};

/// Answers a request. A slash at the end makes no difference.
pub(crate) fn answer(world: &World, ask: &Ask) -> Answer {
    if !admitted(ask) {
        return refused(401, "Unauthorized");
    }
    match LISTS.iter().find(|list| ask.path.trim_matches('/') == list.path) {
        Some(list) => list.page(world, ask),
        None => refused(404, "Not found"),
    }
}

/// The rows of every table, those exploded from arrays too.
pub(crate) fn row_counts(world: &World) -> Vec<(&'static str, u64)> {
    let items = |list: &List, child: (&'static str, u64)| (child.0, list.all_children(world, child));
    let lists = LISTS.iter().map(|list| (list.ids.table, list.live(world)));
    lists
        .chain([
            items(&CLIENTS, accounts::ATTRIBUTES),
            items(&CLIENTS, accounts::PHONES),
            items(&CONTACTS, contacts::ATTRIBUTES),
            items(&CONTACTS, contacts::PHONES),
        ])
        .collect()
}

/// The tables that change.
pub(crate) fn churning(world: &World) -> Vec<Subject> {
    let lists = [
        &CLIENTS,
        &CONTACTS,
        &CONTRACTS,
        &ADDITIVES,
        &TASKS,
        &TICKETS,
        &FINANCIALS,
        &NPS,
        &JOURNEYS,
        &TIMELINE,
    ];
    lists.into_iter().map(|list| list.subject(world)).collect()
}

static LISTS: [&List; 17] = [
    &CLIENTS,
    &CONTACTS,
    &CONTRACTS,
    &ADDITIVES,
    &PLANS,
    &TASKS,
    &TICKETS,
    &FINANCIALS,
    &NPS,
    &JOURNEYS,
    &GROUPS,
    &TIMELINE,
    &SEGMENTS,
    &SERVICES,
    &KINDS_OF_CONTACTS,
    &USERS,
    &STEPS,
];

/// The token as it is, in one of the headers `Authorization`: the same client may talk to other vendors, too.
fn admitted(ask: &Ask) -> bool {
    let token = Vendor::named("customerx").map(|vendor| vendor.token);
    let mut sent = ask.headers.iter().filter(|(name, _)| name == "authorization");
    token.is_some_and(|token| sent.any(|(_, value)| value == token))
}

#[cfg(test)]
mod tests;
