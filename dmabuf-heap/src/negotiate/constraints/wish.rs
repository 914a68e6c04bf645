use std::fmt;
use std::sync::Arc;

use crate::Need;

/// Something that is needed, and by whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    /// [`Importer::name`](crate::Importer::name).
    pub importer: Arc<str>,
    /// What it needs.
    pub need: Need,
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wants {}", self.importer, self.need)
    }
}
