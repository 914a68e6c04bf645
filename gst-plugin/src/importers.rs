//! The importers of a path, as ALLOCATION queries carry them upstream.

use std::sync::Arc;

use dmabuf_heap::{FrameSpec, Importer};

/// Devices that will import the frames of a query, each with the picture it was asked about.
///
/// An element between a device and the allocator may change the picture and hand metas on all the same. So every entry
/// says which frames it speaks of, and those of other pictures are left alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Importers {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    picture: FrameSpec,
    importer: Arc<dyn Importer>,
}

impl Importers {
    /// Adds an importer of frames of `picture`; a second time changes nothing.
    pub(crate) fn add(&mut self, picture: FrameSpec, importer: Arc<dyn Importer>) {
        self.insert(Entry { picture, importer });
    }

    /// Adds those of `other`, as a `tee` has to for its branches.
    pub(crate) fn extend(&mut self, other: &Self) {
        for entry in &other.entries {
            self.insert(entry.clone());
        }
    }

    /// Those that import frames of `picture`.
    pub(crate) fn of(&self, picture: &FrameSpec) -> Vec<Arc<dyn Importer>> {
        let matching = self.entries.iter().filter(|it| it.picture == *picture);
        matching.map(|it| Arc::clone(&it.importer)).collect()
    }

    fn insert(&mut self, entry: Entry) {
        let is_known = self.entries.iter().any(|known| {
            known.picture == entry.picture && Arc::ptr_eq(&known.importer, &entry.importer)
        });
        if !is_known {
            self.entries.push(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use dmabuf_heap::Fourcc;

    use super::*;
    use crate::testing::Device;

    const SMALL: FrameSpec = FrameSpec::new(Fourcc::NV12, 64, 48);
    const LARGE: FrameSpec = FrameSpec::new(Fourcc::NV12, 640, 480);

    #[test]
    fn importers_of_other_pictures_are_left_alone() {
        let mut importers = Importers::default();
        importers.add(SMALL, Device::willing("small"));
        importers.add(LARGE, Device::willing("large"));
        let found = importers.of(&SMALL);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name(), "small");
    }

    #[test]
    fn an_importer_that_is_reached_twice_counts_once() {
        let shared: Arc<dyn Importer> = Device::willing("shared");
        let mut importers = Importers::default();
        importers.add(SMALL, Arc::clone(&shared));
        let mut branch = Importers::default();
        branch.add(SMALL, shared);
        branch.add(SMALL, Device::willing("another"));
        importers.extend(&branch);
        assert_eq!(importers.of(&SMALL).len(), 2);
    }
}
