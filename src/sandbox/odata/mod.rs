//! OData as Ploomes and Exact Sales speak it: `$top $skip $filter $orderby $count $select` over sets whose rows are made on
//! request. A bound or an order by a set's id or time column costs one page at any size; every other filter or order is a
//! scan in bounded memory. Page limits, envelopes and error bodies are the vendors' own.

mod eval;
mod filter;
mod marks;
mod query;
mod schema;
mod set;
mod text;
mod walk;

use super::ask::Ask;

pub(crate) use marks::Marks;
pub(crate) use query::{Dialect, Query};
pub(crate) use set::{Id, Rows, Set, Time};
pub(crate) use walk::{Page, read};

/// Why a request is a bad one (400), in the words of the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub String);

/// The address of the next page: the request's own options with another `$skip`.
pub(crate) fn next_link(address: &str, ask: &Ask, skip: u64) -> String {
    let mut others = url::form_urlencoded::Serializer::new(String::new());
    others.extend_pairs(ask.query.iter().filter(|(name, _)| name != "$skip"));
    let others = others.finish();
    let and = if others.is_empty() { "" } else { "&" };
    format!("{address}?{others}{and}$skip={skip}")
}
