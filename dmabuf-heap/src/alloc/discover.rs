//! Finds the allocators of this machine.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::heap_name;
use crate::{Allocator, ByteAllocator, Heap, Linear, OpenError, Udmabuf};

/// Where the kernel's file systems are. Tests put them elsewhere.
#[derive(Clone, Debug)]
pub(super) struct Roots {
    dev: PathBuf,
    proc: PathBuf,
    sys: PathBuf,
}

impl Roots {
    pub(super) fn with_dev(dev: &Path) -> Self {
        Self {
            dev: dev.to_owned(),
            ..Self::default()
        }
    }

    #[cfg(test)]
    pub(super) fn below(root: &Path) -> Self {
        Self {
            dev: root.join("dev"),
            proc: root.join("proc"),
            sys: root.join("sys"),
        }
    }

    pub(super) fn dma_heap(&self) -> PathBuf {
        self.dev.join("dma_heap")
    }

    pub(super) fn udmabuf(&self) -> PathBuf {
        self.dev.join("udmabuf")
    }

    pub(super) fn meminfo(&self) -> PathBuf {
        self.proc.join("meminfo")
    }

    pub(super) fn device_tree(&self) -> PathBuf {
        self.proc.join("device-tree")
    }

    pub(super) fn udmabuf_parameters(&self) -> PathBuf {
        self.sys.join("module/udmabuf/parameters")
    }
}

impl Default for Roots {
    fn default() -> Self {
        Self {
            dev: "/dev".into(),
            proc: "/proc".into(),
            sys: "/sys".into(),
        }
    }
}

/// What was found, best first.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    pub(super) found: Vec<Found>,
    pub(super) unavailable: Vec<Missing>,
}

/// One allocator that opened.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) rank: u8,
    pub(super) allocator: Arc<dyn Allocator>,
    pub(super) aliases: Vec<String>,
}

/// One allocator that did not open.
#[derive(Debug)]
pub(super) struct Missing {
    pub(super) rank: u8,
    pub(super) name: String,
    pub(super) error: OpenError,
}

pub(super) const UDMABUF_RANK: u8 = 5;

/// Opens every heap and udmabuf. Sorted by preference, then by name, so that the choice does not depend on the order in
/// which a directory is read.
pub(super) fn discover(roots: &Roots) -> Discovery {
    let mut discovery = Discovery::default();
    match heap_names(&roots.dma_heap()) {
        Ok(names) => discovery.add_heaps(names, roots),
        Err(errno) => {
            let path = roots.dma_heap();
            let error = if errno.kind() == io::ErrorKind::NotFound {
                OpenError::NoHeaps { path, errno }
            } else {
                OpenError::new("dma_heap", &path, "dma_heap", errno)
            };
            discovery.miss(0, "dma_heap".to_owned(), error);
        }
    }
    match Udmabuf::open_in(&roots.udmabuf(), roots) {
        Ok(udmabuf) => discovery.add(UDMABUF_RANK, udmabuf, Vec::new()),
        Err(error) => discovery.miss(UDMABUF_RANK, Udmabuf::NAME.to_owned(), error),
    }
    discovery
        .found
        .sort_by(|a, b| (a.rank, a.allocator.name()).cmp(&(b.rank, b.allocator.name())));
    discovery
}

impl Discovery {
    fn add_heaps(&mut self, mut names: Vec<String>, roots: &Roots) {
        let alias = heap_name::default_cma_alias(&names, &roots.device_tree());
        names.retain(|name| Some(name) != alias.as_ref());
        for name in names {
            let rank =
                heap_name::rank(&name, &heap_name::capabilities(&name, &roots.device_tree()));
            match Heap::open_in(&roots.dma_heap().join(&name), roots) {
                Ok(heap) => {
                    let is_default = name == heap_name::DEFAULT_CMA;
                    self.add(
                        rank,
                        heap,
                        alias.iter().filter(|_| is_default).cloned().collect(),
                    );
                }
                Err(error) => self.miss(rank, name, error),
            }
        }
    }

    fn add(&mut self, rank: u8, bytes: impl ByteAllocator + 'static, aliases: Vec<String>) {
        self.found.push(Found {
            rank,
            allocator: Arc::new(Linear(bytes)),
            aliases,
        });
    }

    fn miss(&mut self, rank: u8, name: String, error: OpenError) {
        self.unavailable.push(Missing { rank, name, error });
    }
}

fn heap_names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for node in std::fs::read_dir(directory)? {
        names.push(node?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}
