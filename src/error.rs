//! The one error type. Its kind says what the caller can do; its message names the thing, what was expected and what was
//! found; advice stands apart, in the hint.
//!
//! Much of a message comes from outside: names, ids, the vendor's words. It is made fit to be shown ([`crate::visible`]) when the error is made, so that whoever
//! tells it, logs it or reports it can do so as it is.

use std::fmt;

use crate::visible;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Wrong usage, configuration or declaration: nothing was started.
    Config,
    /// The vendor refuses the token: no table of this connection can be read.
    Auth,
    /// The vendor refuses or lacks what a table asks for (400, 403, 404).
    Refused,
    /// The vendor answers with something that is not a page, or the data breaks a rule of the table.
    Data,
    /// A read would take more rows from the lake than its bound lets pass.
    Shrink,
    /// The vendor could not be reached, or went on failing after every retry.
    Network,
    /// The lake cannot be read or written.
    Store,
    /// Another run committed the same version of the table first.
    Conflict,
    /// The run was asked to stop.
    Stopped,
    /// A defect of this program.
    Defect,
}

/// An error of any part of the program: `kind`, what happened, and what to do about it.
#[derive(Clone)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
}

/// The result of anything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this kind; the message is one sentence without a full stop, on one line.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: visible::message(&message.into()),
            hint: None,
        }
    }

    /// The same of several lines, each of which may come from outside; where one ends is ours to say.
    pub fn of_lines(kind: Kind, lines: &[&str]) -> Self {
        let lines: Vec<String> = lines.iter().map(|line| visible::message(line)).collect();
        Self {
            kind,
            message: visible::cut(&lines.join("\n"), visible::LONGEST_MESSAGE).into_owned(),
            hint: None,
        }
    }

    /// Wrong usage, configuration or declaration.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    /// The lake cannot be read or written.
    pub fn store(message: impl Into<String>) -> Self {
        Self::new(Kind::Store, message)
    }

    /// A defect of this program.
    pub fn defect(message: impl Into<String>) -> Self {
        Self::new(Kind::Defect, message).hint("this is a defect of afluente: please report it")
    }

    /// Adds what the user can do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(visible::message(&hint.into()));
        self
    }

    /// Puts what was attempted before the message: `attempt: message`.
    pub fn context(mut self, attempt: impl fmt::Display) -> Self {
        let message = format!("{}: {}", visible::message(&attempt.to_string()), self.message);
        self.message = visible::cut(&message, visible::LONGEST_MESSAGE).into_owned();
        self
    }

    /// What the caller can do.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the user can do, if there is something.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " (hint: {hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

/// A thread that panicked. What it was at stands in the panic's own message.
impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::defect(format!("a thread ended unexpectedly: {error}"))
    }
}
