use std::sync::Arc;

mod builder;
mod conflict;
mod contradiction;
mod merge;
mod need;
mod needs;
mod solve;
mod solve_error;
mod solver;
mod wish;

pub use conflict::Conflict;
pub use need::Need;
pub use needs::Needs;
pub use solve_error::SolveError;
pub use wish::Wish;

/// What importers need of memory and layout, and who needs what.
///
/// ```
/// use dmabuf_heap::Constraints;
///
/// let camera = Constraints::of("camera vivid (/dev/video0)").stride_min(0, 1280).contiguous();
/// assert!(camera.needs().contiguous);
/// let wishes: Vec<_> = camera.wishes().map(|wish| wish.to_string()).collect();
/// assert_eq!(
///     wishes,
///     [
///         "camera vivid (/dev/video0) wants contiguous memory",
///         "camera vivid (/dev/video0) wants a stride of at least 1280 bytes for plane 0",
///     ]
/// );
/// ```
#[derive(Clone, Debug, Default)]
pub struct Constraints {
    /// In rising order, each once.
    parties: Vec<Arc<Party>>,
    /// What meets all of them, or [`Needs::impossible`]; kept up so that merging need not start over.
    needs: Needs,
}

/// Who needs what no importer asked for.
const CALLER: &str = "the caller";

/// One importer and what it needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Party {
    importer: Arc<str>,
    needs: Needs,
}

impl Constraints {
    /// Nobody needs anything.
    pub fn none() -> Self {
        Self::default()
    }

    /// Nothing yet; all builder calls are what this importer needs.
    pub fn of(importer: impl Into<Arc<str>>) -> Self {
        Self {
            parties: vec![Arc::new(Party::new(importer.into()))],
            needs: Needs::default(),
        }
    }

    /// What all need together. If an importer contradicts itself, no topology is left in it.
    pub fn needs(&self) -> &Needs {
        &self.needs
    }

    /// Who was asked, in alphabetical order, also those that need nothing.
    pub fn importers(&self) -> impl Iterator<Item = &str> {
        self.parties.iter().map(|party| &*party.importer)
    }

    /// Everything that is needed, with the importer that needs it. Two that need the same are both listed.
    pub fn wishes(&self) -> impl Iterator<Item = Wish> {
        self.parties.iter().flat_map(|party| {
            let importer = &party.importer;
            party.needs.list().into_iter().map(move |need| Wish {
                importer: importer.clone(),
                need,
            })
        })
    }
}

impl Party {
    fn new(importer: Arc<str>) -> Self {
        Self {
            importer,
            needs: Needs::default(),
        }
    }
}

/// The same needs of the same importers.
impl PartialEq for Constraints {
    fn eq(&self, other: &Self) -> bool {
        self.parties == other.parties
    }
}

impl Eq for Constraints {}

#[cfg(test)]
mod tests {
    use crate::{CpuUse, MAX_PLANES, Modifier, Topology};

    use super::*;

    #[test]
    fn nothing_is_needed_unless_it_is_said() {
        assert_eq!(Constraints::none().wishes().count(), 0);
        let silent = Constraints::of("a display");
        assert_eq!(silent.wishes().count(), 0);
        assert_eq!(silent.importers().collect::<Vec<_>>(), ["a display"]);
        assert_eq!(*silent.needs(), Needs::default());
    }

    #[test]
    fn every_builder_call_becomes_one_wish_and_one_value() {
        let all = Constraints::of("x")
            .contiguous()
            .address_bits(32)
            .stride_align(64)
            .stride_min(1, 100)
            .stride_max(4096)
            .stride(0, 1280)
            .derived_strides()
            .offset_align(4096)
            .offset_max(1 << 20)
            .packed_planes()
            .row_align(16)
            .rows_min(1088)
            .tail(64)
            .min_len(0, 1 << 21)
            .topology(Topology::ONE)
            .modifiers([Modifier(2), Modifier::LINEAR, Modifier(2)])
            .cpu(CpuUse::Read)
            .protected(false)
            .min_buffers(4);
        assert_eq!(all.wishes().count(), 19);
        assert!(all.wishes().all(|wish| &*wish.importer == "x"));
        let needs = all.needs();
        assert_eq!((needs.strides[0], needs.stride_min[1]), (Some(1280), 100));
        assert_eq!(
            needs.modifiers.as_deref(),
            Some(&[Modifier::LINEAR, Modifier(2)][..])
        );
    }

    #[test]
    fn a_second_call_replaces_the_first() {
        let constraints = Constraints::of("x").stride_align(64).stride_align(4);
        assert_eq!(constraints.needs().stride_align, 4);
        assert_eq!(constraints.wishes().count(), 1);
    }

    #[test]
    fn zero_and_planes_beyond_the_last_ask_for_nothing() {
        let constraints = Constraints::of("x")
            .stride_align(0)
            .offset_align(0)
            .row_align(0)
            .stride(0, 0)
            .stride(MAX_PLANES, 64)
            .stride_min(MAX_PLANES, 64)
            .min_len(MAX_PLANES, 64);
        assert_eq!(constraints.wishes().count(), 0);
    }

    #[test]
    fn who_names_no_importer_is_called_the_caller() {
        let constraints = Constraints::none().min_buffers(4);
        let wishes: Vec<_> = constraints.wishes().map(|wish| wish.to_string()).collect();
        assert_eq!(wishes, ["the caller wants at least 4 frames"]);
    }
}
