//! Who will have the frames of a pool in hand.

use std::sync::Arc;

use dmabuf_heap::{CpuUse, FrameSpec, Importer, Needs};

use crate::cpu::CountedCpu;
use crate::stats::PathStats;
use crate::upstream::Upstream;
use crate::v4l2::KnownCapture;

/// Everybody between the writing of a frame and its last reading, as far as anybody said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Users {
    /// Who fills the frames.
    pub writer: Writer,
    /// The CPU, where an element that fills or changes frames runs on it.
    pub cpu: Option<Arc<dyn Importer>>,
    /// Who reads them downstream.
    pub readers: Vec<Arc<dyn Importer>>,
    /// Whether readers that no memory of the writer's suits may be left to copy.
    pub readers_may_copy: bool,
}

/// Who fills the frames.
#[derive(Debug, Clone, Default)]
pub(crate) enum Writer {
    /// An element that reads the `GstVideoMeta`, or expects GStreamer's usual layout.
    #[default]
    Element,
    /// A V4L2 driver, through `v4l2src` and its kin; `None` if it cannot be asked.
    V4l2(Option<Arc<dyn Importer>>),
    /// A device of an element of ours, which takes frames as they lie.
    Device(Arc<dyn Importer>),
}

impl Users {
    /// The users of frames that `upstream` writes. The CPU's share is counted in `stats`.
    pub(super) fn behind(
        upstream: Option<&Upstream>,
        known: &KnownCapture,
        stats: &Arc<PathStats>,
    ) -> Self {
        let importing = upstream.filter(|upstream| upstream.imports);
        let cpu = match importing {
            None => Some(CpuUse::Write),
            Some(upstream) => upstream.touched.then_some(CpuUse::ReadWrite),
        };
        Self {
            writer: importing.map_or(Writer::Element, |it| Writer::V4l2(it.driver(known))),
            cpu: cpu.map(|cpu| CountedCpu::shared(cpu, stats)),
            ..Self::default()
        }
    }

    /// The users of frames that `device` writes for an element of ours.
    pub(crate) fn of_device(device: Arc<dyn Importer>) -> Self {
        Self {
            writer: Writer::Device(device),
            ..Self::default()
        }
    }

    /// The users of copies that we make.
    pub(crate) fn of_copies(stats: &Arc<PathStats>) -> Self {
        Self::behind(None, &KnownCapture::default(), stats)
    }

    /// Adds those downstream. If they `may_copy`, they do so where no memory suits everybody.
    #[must_use]
    pub(crate) fn for_readers(self, readers: Vec<Arc<dyn Importer>>, may_copy: bool) -> Self {
        Self {
            readers,
            readers_may_copy: may_copy,
            ..self
        }
    }

    /// Adds the CPU, where elements downstream change the frames on it. Its share is counted in `stats`.
    #[must_use]
    pub(crate) fn for_writers_downstream(self, stats: &Arc<PathStats>) -> Self {
        let cpu = self.cpu;
        Self {
            cpu: cpu.or_else(|| Some(CountedCpu::shared(CpuUse::ReadWrite, stats))),
            ..self
        }
    }

    /// All that can be asked what memory they take.
    pub(super) fn importers(&self) -> impl Iterator<Item = Arc<dyn Importer>> {
        let writer = self.writer.device().cloned();
        let ours = writer.into_iter().chain(self.cpu.clone());
        ours.chain(self.readers.iter().cloned())
    }

    /// Whether there is anybody to leave out.
    pub(super) fn can_do_without_readers(&self) -> bool {
        self.readers_may_copy && !self.readers.is_empty()
    }

    /// Those that cannot be left out.
    pub(super) fn without_readers(&self) -> Self {
        Self {
            readers: Vec::new(),
            ..self.clone()
        }
    }

    /// For messages.
    pub(super) fn reader_names(&self) -> String {
        let names: Vec<_> = self.readers.iter().map(|it| it.name()).collect();
        names.join(" and ")
    }
}

impl Writer {
    /// The device that fills the frames, if one does that can be asked.
    pub(super) fn device(&self) -> Option<&Arc<dyn Importer>> {
        match self {
            Self::Element => None,
            Self::V4l2(driver) => driver.as_ref(),
            Self::Device(device) => Some(device),
        }
    }

    /// What the driver needs of such pictures.
    pub(super) fn needs(&self, picture: &FrameSpec) -> Option<Needs> {
        let Self::V4l2(Some(driver)) = self else {
            return None;
        };
        Some(driver.constraints(picture).ok()?.needs().clone())
    }
}
