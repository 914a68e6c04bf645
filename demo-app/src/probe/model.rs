//! What the probe found, as it is written with `--json`.

use serde::Serialize;

/// Everything that the probe found.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    pub(super) allocators: Vec<AllocatorRow>,
    pub(super) devices: Vec<DeviceRow>,
    pub(super) matrix: Vec<Cell>,
    pub(super) permissions: Vec<Permission>,
}

/// Who makes memory.
#[derive(Debug, Serialize)]
pub(super) struct AllocatorRow {
    /// As `heap=` takes it.
    pub(super) name: String,
    /// Other names of the same memory.
    pub(super) aliases: Vec<String>,
    /// `contiguous`, `scattered` or `unknown`.
    pub(super) contiguity: &'static str,
    /// Whether the CPU can map it.
    pub(super) mappable: bool,
    /// The largest buffer in bytes, where a limit is known.
    pub(super) max_len: Option<u64>,
}

/// A queue of a camera or mem2mem device, or a display.
#[derive(Debug, Serialize)]
pub(super) struct DeviceRow {
    /// As messages of the library name it.
    pub(super) name: String,
    /// Its device node.
    pub(super) path: String,
    /// `camera`, `mem2mem`, `video output` or `display`.
    pub(super) kind: String,
    /// `reads` or `writes`.
    pub(super) role: &'static str,
    /// The picture it was tried with, such as `NV12 640x360`; none if it could not be tried.
    pub(super) picture: Option<String>,
    /// Why it could not be tried.
    pub(super) problem: Option<String>,
}

/// Whether a device takes the memory of an allocator.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    /// Name of the device.
    pub(super) device: String,
    /// Name of the allocator.
    pub(super) allocator: String,
    pub(super) verdict: Mark,
    /// Why, if it is not accepted.
    pub(super) reason: Option<String>,
}

/// The answer in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Mark {
    Accepted,
    Refused,
    Unknown,
}

/// A device node that this user may not open.
#[derive(Debug, Serialize)]
pub(super) struct Permission {
    pub(super) path: String,
    /// What is wrong and the rule or group that mends it.
    pub(super) remedy: String,
}

impl Mark {
    /// How the table shows it.
    pub(super) const fn sign(self) -> char {
        match self {
            Self::Accepted => '✓',
            Self::Refused => '✗',
            Self::Unknown => '?',
        }
    }
}

impl Findings {
    /// The cell of a device and an allocator.
    pub(super) fn cell(&self, device: &str, allocator: &str) -> Option<&Cell> {
        self.matrix
            .iter()
            .find(|cell| cell.device == device && cell.allocator == allocator)
    }
}
