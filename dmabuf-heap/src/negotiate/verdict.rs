use std::fmt;

use crate::Refusal;

/// What an importer made of a real frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes the frame, and with it frames of the same layout and allocator.
    Accepted,
    /// It does not, and says why.
    Refused(Refusal),
    /// It could not be asked. Excludes no memory.
    Unknown(Why),
}

impl From<Result<(), Refusal>> for Verdict {
    fn from(result: Result<(), Refusal>) -> Self {
        match result {
            Ok(()) => Self::Accepted,
            Err(refusal) => Self::Refused(refusal),
        }
    }
}

/// Why an importer could not be asked: busy, gone, no permission; one clause, as in
/// `its queue is streaming for another process (EBUSY)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why(pub String);

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
