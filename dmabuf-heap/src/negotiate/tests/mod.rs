mod choice;
mod late;
mod luck;
mod memory;
mod order;
mod story;
mod streaming;
mod suitability;
mod world;

use std::sync::Arc;

use crate::{Allocation, Explanation, NegotiateError, Verdict};

pub(super) fn chosen(allocation: &Allocation) -> String {
    allocation.allocator().name().to_owned()
}

/// The names of the candidates in the order in which they were looked at.
pub(super) fn looked_at(story: &Explanation) -> Vec<&str> {
    story.steps().iter().map(|step| &*step.allocator).collect()
}

pub(super) fn none_worked(error: NegotiateError) -> Explanation {
    match error {
        NegotiateError::NoneWorked(story) => *story,
        other => panic!("another error: {other}"),
    }
}

#[test]
fn negotiations_go_between_threads_and_importers_are_objects() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<crate::Negotiation>();
    is_shared::<Allocation>();
    is_shared::<Explanation>();
    is_shared::<NegotiateError>();
    is_shared::<Arc<dyn crate::Importer>>();
    is_shared::<Verdict>();
}
