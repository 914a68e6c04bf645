use std::fmt::Debug;
use std::sync::Arc;

use crate::{Allocator, Constraints, DeviceKey, Frame, FrameSpec, Reach, Refusal, Role, Verdict};

/// A device on the path of a frame, or the CPU.
///
/// An importer holds its device weakly: who negotiates never keeps a camera or DRM master for longer than one call.
pub trait Importer: Send + Sync + Debug {
    /// As messages name it: `camera vivid (/dev/video0)`, `display vkms (/dev/dri/card0)`, `the CPU`.
    fn name(&self) -> &str;

    /// Whether it fills frames or looks at them.
    fn role(&self) -> Role;

    /// Under which its verdicts are remembered. `None`: they never are.
    fn device(&self) -> Option<DeviceKey> {
        None
    }

    /// What it needs of frames like this, found out without touching the state of anybody's device.
    ///
    /// # Errors
    ///
    /// It takes no such frames, whatever memory they are in.
    fn constraints(&self, spec: &FrameSpec) -> Result<Constraints, Refusal>;

    /// Imports one real frame and lets it go again; leaves nothing behind.
    fn probe(&self, frame: &Frame) -> Verdict;

    /// Whether it reaches memory wherever it lies. If nobody knows, and it writes, each frame of scattered memory is tried.
    fn reach(&self) -> Reach {
        Reach::Unknown
    }

    /// Memory that the device itself makes (dumb buffers, V4L2 exports); tried after the allocators of the registry.
    fn own_allocator(&self) -> Option<Arc<dyn Allocator>> {
        None
    }
}
