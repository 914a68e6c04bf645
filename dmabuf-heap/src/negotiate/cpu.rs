use std::io;

use crate::{
    Constraints, CpuUse, Frame, FrameSpec, Importer, MapError, Refusal, Role, Verdict, Why,
};

const NAME: &str = "the CPU";

/// The CPU as a device on the path: a converter, an element that draws into frames, a reader of pixels.
///
/// It asks for memory that it can map. Protected memory is none, and a dma-buf that was exported read-only is none for
/// a writer (`Documentation/driver-api/dma-buf.rst`, "CPU Access to DMA Buffer Objects").
#[derive(Clone, Copy, Debug)]
pub struct CpuImporter {
    cpu: CpuUse,
}

impl CpuImporter {
    /// A CPU that does this with the pixels.
    pub const fn new(cpu: CpuUse) -> Self {
        Self { cpu }
    }

    const fn writes(self) -> bool {
        matches!(self.cpu, CpuUse::Write | CpuUse::ReadWrite)
    }

    /// Maps the frame and begins and ends one access, without touching a byte.
    fn access(self, frame: &Frame) -> Result<(), MapError> {
        let mut mapping = frame.map()?;
        if self.writes() {
            drop(mapping.write()?);
        } else {
            drop(mapping.read()?);
        }
        Ok(())
    }
}

impl Importer for CpuImporter {
    fn name(&self) -> &str {
        NAME
    }

    fn role(&self) -> Role {
        if self.writes() {
            Role::Writes
        } else {
            Role::Reads
        }
    }

    fn constraints(&self, _spec: &FrameSpec) -> Result<Constraints, Refusal> {
        Ok(Constraints::of(NAME).cpu(self.cpu))
    }

    fn probe(&self, frame: &Frame) -> Verdict {
        match self.access(frame) {
            Ok(()) => Verdict::Accepted,
            Err(error) => refused(frame, &error),
        }
    }
}

fn refused(frame: &Frame, error: &MapError) -> Verdict {
    let (operation, errno) = match error {
        MapError::Map { errno, .. } => ("mmap", Some(errno)),
        MapError::Sync { errno, .. } => ("DMA_BUF_IOCTL_SYNC", Some(errno)),
        MapError::AddressSpace { .. } => ("mmap", None),
        MapError::ReadOnly { .. } => ("mmap for writing", None),
    };
    // Whoever has no address space left says nothing about the memory.
    if errno.is_some_and(|errno| errno.kind() == io::ErrorKind::OutOfMemory) {
        return Verdict::Unknown(Why(error.to_string()));
    }
    let layout = frame.layout();
    Verdict::Refused(Refusal {
        importer: NAME.to_owned(),
        operation,
        detail: format!(
            "{} {}x{}: {error}",
            layout.format(),
            layout.width(),
            layout.height()
        ),
        errno: None,
        suspect: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test::StandIn;
    use crate::{Fourcc, FrameLayout};

    fn frame() -> Frame {
        let layout = FrameLayout::linear(Fourcc::NV12, 64, 32, 1).unwrap();
        Frame::new(layout, &[StandIn::dmabuf(layout.size())]).unwrap()
    }

    #[test]
    fn the_cpu_asks_for_what_it_will_do() {
        let spec = FrameSpec::new(Fourcc::NV12, 64, 32);
        for (cpu, role) in [
            (CpuUse::Read, Role::Reads),
            (CpuUse::Write, Role::Writes),
            (CpuUse::ReadWrite, Role::Writes),
        ] {
            let importer = CpuImporter::new(cpu);
            assert_eq!(importer.role(), role);
            let wanted = Constraints::of(NAME).cpu(cpu);
            assert_eq!(importer.constraints(&spec).unwrap(), wanted);
        }
    }

    #[test]
    fn memory_whose_exporter_has_no_sync_is_refused_with_the_call_that_failed() {
        // A stand-in is a memfd: it maps, and knows no DMA_BUF_IOCTL_SYNC.
        let Verdict::Refused(refusal) = CpuImporter::new(CpuUse::Read).probe(&frame()) else {
            panic!("a memfd is no dma-buf");
        };
        assert_eq!(refusal.operation, "DMA_BUF_IOCTL_SYNC");
        assert!(refusal.detail.contains("NV12 64x32"), "{refusal}");
    }
}
