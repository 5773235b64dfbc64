pub mod error;
pub mod page;
pub mod schema;
pub mod secret;
