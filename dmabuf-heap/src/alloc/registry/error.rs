use std::fmt;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;

use crate::OpenError;
use crate::alloc::discover::Missing;

/// An allocator that this machine has and this process cannot use.
#[derive(Clone, Debug)]
pub struct Unavailable {
    /// The name it would have.
    pub name: String,
    /// Its device node.
    pub path: PathBuf,
    /// Why, and what can be done.
    pub error: Arc<OpenError>,
    pub(super) rank: u8,
}

impl Unavailable {
    pub(super) fn new(missing: Missing) -> Self {
        let Missing { rank, name, error } = missing;
        Self {
            name,
            path: error.path().to_owned(),
            error: Arc::new(error),
            rank,
        }
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// No allocator answers to the name.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// Neither a name nor an alias.
    #[error(
        "there is no allocator {name}; there are: {known}{}",
        also(unavailable)
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
        /// What there would be.
        unavailable: Vec<Unavailable>,
    },
    /// It could not be opened.
    #[error("{0}")]
    Unavailable(Unavailable),
}

/// The name is taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an allocator named {name} is registered already; names and aliases are unique")]
pub struct RegisterError {
    /// The name.
    pub name: String,
}

pub(super) fn also<'a>(unavailable: impl IntoIterator<Item = &'a Unavailable>) -> String {
    let mut text = String::new();
    for one in unavailable {
        _ = write!(text, "; not available: {one}");
    }
    text
}
