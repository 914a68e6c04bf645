use std::ops::Range;

use super::region::Region;
use crate::uapi::SyncFlags;
use crate::{DmaBuf, Frame, MapError};

/// Finds out whether a device that imports a frame was given the frame's memory or a copy of it.
///
/// Where memory lies beyond the addresses of a device without an IOMMU, the kernel's DMA layer maps a bounce buffer in its
/// place (`Documentation/core-api/swiotlb.rst`). It copies when the mapping begins, and back when the mapping of a device
/// that writes ends; in between an importer that never synchronises, as V4L2's, has old pixels. So: mark every page before the
/// import, [`change`](Self::change) the marks during it, end the import, and see whether the old marks
/// [came back](Self::saw_a_copy).
///
/// The marks are changed in a bracket of reading access, which tells a bounce buffer nothing. Caches are therefore written
/// back here, where they must be, and not by the exporter: x86 is coherent, 64-bit ARM has an instruction for it, elsewhere
/// there is no witness. A copy stays unseen if the exporter ends the mapping without copying back
/// ([`is_blind_to`](Self::is_blind_to)), or maps the memory for a device that only reads. And where the exporter itself keeps
/// a copy for the CPU, old marks come back whatever the device was given; that is found out by doing the same without a device.
///
/// One word in each page is overwritten and put back on drop. Not for frames that somebody shows or fills.
#[derive(Debug)]
pub struct Witness {
    regions: Vec<Marked>,
}

/// A mapped dma-buf and the words that its marks replaced.
#[derive(Debug)]
struct Marked {
    region: Region,
    originals: Vec<Word>,
}

type Word = [u8; 8];

/// The smallest page of any machine: larger pages get several marks.
const PAGE: usize = 4096;

impl Witness {
    /// Marks the memory of a frame. `None` where it cannot be mapped for writing, and on architectures where the answer could
    /// be wrong.
    pub fn of(frame: &Frame) -> Option<Self> {
        const IS_SOUND: bool = cfg!(any(
            target_arch = "x86",
            target_arch = "x86_64",
            target_arch = "aarch64"
        ));
        if !IS_SOUND {
            return None;
        }
        let marked = frame.dmabufs().map(Marked::new);
        match marked.collect::<Result<Option<Vec<_>>, _>>() {
            Ok(regions) => regions.map(|regions| Self { regions }),
            Err(error) => {
                tracing::debug!(%error, "no witness for a frame");
                None
            }
        }
    }

    /// Whether no copy of this frame would be seen: since Linux 7.1, and in stable kernels, udmabuf maps its pages without
    /// copying in either direction.
    pub fn is_blind_to(frame: &Frame) -> bool {
        let mut exporters = frame.dmabufs().map(|dmabuf| dmabuf.exporter());
        exporters.any(|exporter| exporter.as_deref() == Some("udmabuf"))
    }

    /// Changes the marks without a word to the device that has the frame mapped.
    pub fn change(&mut self) {
        for marked in &self.regions {
            if let Err(error) = marked.change() {
                tracing::debug!(%error, "the marks of a frame cannot be changed");
            }
        }
    }

    /// Whether old marks came back. Asked when the device has let go of the frame. `None` if they come back without a device,
    /// too, so that nothing can be told.
    pub fn saw_a_copy(self) -> Option<bool> {
        let mut suspects = self
            .regions
            .iter()
            .filter(|marked| marked.has_first_marks().unwrap_or(false))
            .peekable();
        if suspects.peek().is_none() {
            return Some(false);
        }
        let is_proof = suspects.any(|marked| matches!(marked.loses_changes(), Ok(false)));
        is_proof.then_some(true)
    }
}

impl Marked {
    fn new(dmabuf: &std::sync::Arc<DmaBuf>) -> Result<Option<Self>, MapError> {
        let region = Region::map(dmabuf)?;
        if !region.is_writable() {
            return Ok(None);
        }
        let pages = region.len() / PAGE;
        let mut marked = Self {
            region,
            originals: Vec::new(),
        };
        // No device has the memory yet, so that one bracket does for both.
        let originals = marked.bracket(SyncFlags::READ | SyncFlags::WRITE, |marked| {
            let originals: Vec<_> = (0..pages).map(|page| marked.read(page)).collect();
            for page in 0..pages {
                marked.region.copy_in(page * PAGE, &first_mark(page));
            }
            originals
        })?;
        marked.originals = originals;
        Ok(Some(marked))
    }

    /// Runs `access` between START and END of one direction.
    fn bracket<T>(
        &self,
        direction: SyncFlags,
        access: impl FnOnce(&Self) -> T,
    ) -> Result<T, MapError> {
        self.region.sync(direction)?;
        let value = access(self);
        self.region.sync(direction | SyncFlags::END)?;
        Ok(value)
    }

    fn change(&self) -> Result<(), MapError> {
        self.bracket(SyncFlags::READ, |marked| {
            marked.write_all(changed_mark);
            marked.write_back();
        })
    }

    fn has_first_marks(&self) -> Result<bool, MapError> {
        self.bracket(SyncFlags::READ, |marked| {
            (0..marked.originals.len()).any(|page| marked.read(page) == first_mark(page))
        })
    }

    /// Whether first marks come back although no device has the memory.
    fn loses_changes(&self) -> Result<bool, MapError> {
        self.bracket(SyncFlags::WRITE, |marked| marked.write_all(first_mark))?;
        self.change()?;
        self.has_first_marks()
    }

    fn read(&self, page: usize) -> Word {
        let mut word = Word::default();
        self.region.copy_out(page * PAGE, &mut word);
        word
    }

    fn write_all(&self, mark: fn(usize) -> Word) {
        for page in self.pages() {
            self.region.copy_in(page * PAGE, &mark(page));
        }
    }

    fn write_back(&self) {
        for page in self.pages() {
            self.region.write_back(page * PAGE);
        }
    }

    fn pages(&self) -> Range<usize> {
        0..self.originals.len()
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        let result = self.bracket(SyncFlags::WRITE, |marked| {
            for (page, original) in marked.originals.iter().enumerate() {
                // Anything else was written by somebody meanwhile, and is newer than the original.
                if [first_mark(page), changed_mark(page)].contains(&marked.read(page)) {
                    marked.region.copy_in(page * PAGE, original);
                }
            }
        });
        if let Err(error) = result {
            tracing::debug!(%error, "the marks of a frame cannot be taken out");
        }
    }
}

/// Different in each page, and unlike pixels.
fn first_mark(page: usize) -> Word {
    const UNLIKELY: u64 = 0x9e37_79b9_7f4a_7c15;
    (page as u64 + 1).wrapping_mul(UNLIKELY).to_ne_bytes()
}

fn changed_mark(page: usize) -> Word {
    first_mark(page).map(|byte| !byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_differ_from_page_to_page_and_from_each_other() {
        for page in 0..1000 {
            assert_ne!(first_mark(page), first_mark(page + 1));
            assert_ne!(first_mark(page), changed_mark(page));
            assert_ne!(first_mark(page), changed_mark(page + 1));
        }
    }
}
