use std::sync::Arc;

use crate::{Constraints, Importer};

/// An importer whose verdict counts.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) importer: Arc<dyn Importer>,
    /// It said beforehand that it wants contiguous memory, so that its silence is no consent to any other.
    pub(super) wants_contiguous: bool,
}

impl Member {
    pub(super) fn new(importer: Arc<dyn Importer>, constraints: &Constraints) -> Self {
        Self {
            importer,
            wants_contiguous: constraints.needs().contiguous,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.importer.name()
    }
}
