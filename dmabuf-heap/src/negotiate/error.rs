use std::fmt::Write;

use crate::{Conflict, Explanation, Refusal, SolveError};

use super::advice::advice;

/// Devices that found no common memory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NegotiateError {
    /// An importer takes no such frames, whatever memory they are in.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Two importers contradict each other.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// They do not, and still no layout meets all conditions.
    #[error(transparent)]
    Solve(#[from] SolveError),
    /// Every candidate was refused, or made no memory.
    #[error("{}", none_worked(.0))]
    NoneWorked(Box<Explanation>),
}

/// Each candidate with its reason, what could not be asked, and what can be done.
fn none_worked(story: &Explanation) -> String {
    let mut text = format!("no memory suits {}", story.subject());
    for step in story.steps() {
        _ = write!(text, "; {}", step.to_line());
    }
    if story.steps().is_empty() {
        text.push_str("; no allocator is registered");
    }
    for one in story.unavailable() {
        _ = write!(text, "; not available: {one}");
    }
    if let Some(advice) = advice(story) {
        _ = write!(text, "; {advice}");
    }
    text
}
