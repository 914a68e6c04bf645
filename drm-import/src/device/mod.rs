//! Cards: opening them, once per process, and what all parts of one share.

mod card;
mod error;
mod limits;
mod list;
mod master;
mod table;

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use dmabuf_heap::{FormatSet, Frame};
use drm::control::{Device as _, ResourceHandles};
use drm::{ClientCapability, Device as _, DriverCapability};
use rustix::fs::{Mode, OFlags};
use tracing::info;

pub(crate) use card::{Card, Change};
pub use error::{Looked, OpenError};
pub use list::{CardInfo, cards};
pub(crate) use list::{find_driver, find_first_connected};

use crate::connector::ConnectorInfo;
use crate::events::EventLoop;
use crate::framebuffer::{Framebuffer, ImportError, ImportStats, Imports};
use crate::importer::StrideRules;

/// A KMS card, opened for atomic modesetting.
///
/// GEM handles belong to an open file and are not counted by the kernel: two users of one file who do
/// not know of each other close each other's buffers. So a process has one `Device` per card, found in
/// a table of the living ones, and everything that touches handles goes through its one lock.
///
/// The node is opened read-write and becomes DRM master if nobody else is; master is needed for commits
/// only. It is released when the last `Arc` is dropped.
#[derive(Debug)]
pub struct Device {
    card: Arc<Card>,
    path: PathBuf,
    driver: String,
    rdev: u64,
    origin: Origin,
    resources: ResourceHandles,
    imports: Arc<Imports>,
    events: EventLoop,
    formats: OnceLock<FormatSet>,
    stride_rules: StrideRules,
    claims: Mutex<HashSet<u32>>,
}

/// Who opened the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// We did, and share the card with nobody in this process.
    Opened,
    /// The application did: its planes are not ours to switch off.
    Given,
}

impl Device {
    /// Opens the card at `path`, such as `/dev/dri/card0`.
    ///
    /// # Errors
    ///
    /// The node cannot be opened, is no KMS device, or its driver has no atomic modesetting.
    pub fn open(path: &Path) -> Result<Arc<Device>, OpenError> {
        let rdev = rustix::fs::stat(path)
            .map_err(|errno| open_error(path, errno))?
            .st_rdev;
        table::find_or_insert(rdev, |_device| true, || Self::open_node(path))
    }

    /// Opens the first card with this driver, preferring one with a connected display that is free.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoDriver`] lists the cards there are, with their drivers.
    pub fn open_driver(name: &str) -> Result<Arc<Device>, OpenError> {
        find_driver(name)
    }

    /// Opens the first card with a connected display that no other process and no other
    /// [`Output`](crate::Output) of this one drives.
    ///
    /// # Errors
    ///
    /// [`OpenError::NoDisplay`] lists every node that was looked at and why it was not taken.
    pub fn open_first_connected() -> Result<Arc<Device>, OpenError> {
        find_first_connected()
    }

    /// Takes over a card that somebody else opened: an application's or a session manager's descriptor, or a lease.
    ///
    /// Planes that the application uses are left alone. Its page-flip events on the same open file
    /// would be read by this crate, and GEM handles that it holds for a buffer imported here would be
    /// closed: give a descriptor that the application does not use itself.
    ///
    /// # Errors
    ///
    /// As [`Device::open`].
    pub fn from_fd(fd: OwnedFd) -> Result<Arc<Device>, OpenError> {
        let path = path_of(&fd);
        let rdev = rustix::fs::fstat(&fd)
            .map_err(|errno| open_error(&path, errno))?
            .st_rdev;
        let shares = fd.try_clone().map_err(|source| OpenError::Open {
            path: path.clone(),
            source,
        })?;
        let same_file = move |device: &Device| {
            crate::uapi::same_open_file(device.card.as_fd(), &shares).unwrap_or(true)
        };
        table::find_or_insert(rdev, same_file, || Self::new(fd, path, Origin::Given))
    }

    /// The node this card was opened at.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Name of the kernel driver, such as `vkms` or `vc4`.
    pub fn driver(&self) -> &str {
        &self.driver
    }

    /// Makes a framebuffer of a frame, or finds the one made before.
    ///
    /// The result is kept until one of the frame's dma-bufs is closed; a refusal is not remembered.
    ///
    /// # Errors
    ///
    /// The device does not take these dma-bufs, this format or these strides.
    pub fn import(&self, frame: &Frame) -> Result<Arc<Framebuffer>, ImportError> {
        self.imports.import(frame)
    }

    /// How often frames were imported, and how often they were found imported.
    pub fn import_stats(&self) -> ImportStats {
        self.imports.stats()
    }

    /// All connectors, writeback ones too.
    ///
    /// # Errors
    ///
    /// What the kernel said to `GETCONNECTOR`.
    pub fn connectors(&self) -> io::Result<Vec<ConnectorInfo>> {
        self.resources
            .connectors()
            .iter()
            .map(|&handle| Ok(ConnectorInfo::new(&self.card.get_connector(handle, true)?)))
            .collect()
    }

    pub(crate) fn card(&self) -> &Arc<Card> {
        &self.card
    }

    pub(crate) fn resources(&self) -> &ResourceHandles {
        &self.resources
    }

    pub(crate) fn imports(&self) -> &Arc<Imports> {
        &self.imports
    }

    pub(crate) fn events(&self) -> &EventLoop {
        &self.events
    }

    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    /// Reserves connector and CRTC ids for one output; false if one is taken.
    pub(crate) fn claim(&self, ids: &[u32]) -> bool {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let free = ids.iter().all(|id| !claims.contains(id));
        if free {
            claims.extend(ids);
        }
        free
    }

    pub(crate) fn is_claimed(&self, id: u32) -> bool {
        self.claims
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(&id)
    }

    pub(crate) fn release(&self, ids: &[u32]) {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        claims.retain(|id| !ids.contains(id));
    }

    fn open_node(path: &Path) -> Result<Device, OpenError> {
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|errno| open_error(path, errno))?;
        Self::new(fd, path.to_owned(), Origin::Opened)
    }

    fn new(fd: OwnedFd, path: PathBuf, origin: Origin) -> Result<Device, OpenError> {
        let not_kms = |what| {
            let path = path.clone();
            move |source| OpenError::NotKms { path, what, source }
        };
        let rdev = rustix::fs::fstat(&fd)
            .map_err(|errno| open_error(&path, errno))?
            .st_rdev;
        let probe = Card::new(fd.try_clone().map_err(not_kms("dup"))?, String::new());
        let driver = probe.get_driver().map_err(not_kms("DRM_IOCTL_VERSION"))?;
        let driver = driver.name().to_string_lossy().into_owned();
        let card = Card::new(fd, format!("{} ({driver})", path.display()));

        card.set_client_capability(ClientCapability::UniversalPlanes, true)
            .map_err(not_kms("DRM_CLIENT_CAP_UNIVERSAL_PLANES"))?;
        card.set_client_capability(ClientCapability::Atomic, true)
            .map_err(|source| OpenError::NoAtomic {
                path: path.clone(),
                driver: driver.clone(),
                source,
            })?;
        // Old drivers have no writeback connectors; snapshot() says so when it is asked.
        let writeback = card
            .set_client_capability(ClientCapability::WritebackConnectors, true)
            .is_ok();
        let resources = card
            .resource_handles()
            .map_err(not_kms("DRM_IOCTL_MODE_GETRESOURCES"))?;
        let has_modifiers = card
            .get_driver_capability(DriverCapability::AddFB2Modifiers)
            .is_ok_and(|value| value != 0);
        info!(card = %card, has_modifiers, writeback, "card opened");

        let card = Arc::new(card);
        Ok(Device {
            imports: Arc::new(Imports::new(Arc::clone(&card), has_modifiers)),
            events: EventLoop::new(Arc::clone(&card)),
            formats: OnceLock::new(),
            stride_rules: StrideRules::default(),
            claims: Mutex::default(),
            card,
            path,
            driver,
            rdev,
            origin,
            resources,
        })
    }
}

impl PartialEq for Device {
    fn eq(&self, other: &Device) -> bool {
        self.rdev == other.rdev
    }
}

impl Eq for Device {}

impl Drop for Device {
    fn drop(&mut self) {
        // Framebuffers may keep the file open a little longer, but master must be free for the next
        // opener as soon as the table forgets this device.
        table::remove(self, || {
            if self.origin == Origin::Opened {
                let _not_master = self.card.release_master_lock();
            }
        });
    }
}

fn open_error(path: &Path, errno: rustix::io::Errno) -> OpenError {
    OpenError::Open {
        path: path.to_owned(),
        source: errno.into(),
    }
}

/// The node that a descriptor refers to, as far as this process can see.
fn path_of(fd: &OwnedFd) -> PathBuf {
    use std::os::fd::AsRawFd;
    let link = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    std::fs::read_link(&link).unwrap_or(link)
}
