//! The cache of images, `$XDG_CACHE_HOME/dmaheap`.
//!
//! An item is built as `NAME.partial` and renamed when it is complete, so a directory without that suffix can be trusted. Builders hold
//! the item's lock alone, users share it, and `clean` takes only what nobody uses.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::host::lock::{Lock, Mode};
use crate::host::mounts;

const PARTIAL: &str = ".partial";

/// The directory with all images.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// A complete item, kept from deletion while this value lives.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) path: PathBuf,
    _lock: Lock,
}

/// A directory of the cache, complete or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) path: PathBuf,
}

impl Entry {
    /// Whether a build of it is under way or was interrupted.
    pub(crate) fn is_partial(&self) -> bool {
        self.name.ends_with(PARTIAL)
    }
}

impl Cache {
    /// Opens the cache of this user, and makes it when there is none.
    pub(crate) fn open() -> Result<Self> {
        let from_xdg = env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|path| path.is_absolute());
        let from_home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let Some(parent) = from_xdg.or_else(from_home) else {
            bail!(
                "neither XDG_CACHE_HOME nor HOME is set: set XDG_CACHE_HOME to a directory with 5 GiB of space"
            );
        };
        Self::at(parent.join("dmaheap"))
    }

    fn at(root: PathBuf) -> Result<Self> {
        for directory in [root.join("locks"), root.join("mnt")] {
            fs::create_dir_all(&directory)
                .with_context(|| format!("cannot create {}", directory.display()))?;
        }
        Ok(Self { root })
    }

    /// An empty directory to mount things on, inside private namespaces only.
    pub(crate) fn mount_point(&self) -> PathBuf {
        self.root.join("mnt")
    }

    /// The directory of the cache itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The complete item `name`, when there is one.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Item>> {
        let path = self.root.join(name);
        if !path.is_dir() {
            return Ok(None);
        }
        let lock = Lock::wait(&self.lock_file(name), Mode::Shared, name)?;
        lock.share_with_children()?;
        // It may have been deleted while this process waited.
        Ok(path.is_dir().then_some(Item { path, _lock: lock }))
    }

    /// The item `name`; when there is none, `build` fills the directory that it is given. The directory may hold what an interrupted
    /// build left.
    pub(crate) fn obtain(
        &self,
        name: &str,
        build: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Item> {
        let mut build = Some(build);
        loop {
            if let Some(item) = self.find(name)? {
                return Ok(item);
            }
            let lock = Lock::wait(&self.lock_file(name), Mode::Exclusive, name)?;
            lock.share_with_children()?;
            if self.root.join(name).is_dir() {
                continue;
            }
            let Some(build) = build.take() else {
                bail!(
                    "{name} was deleted by another process right after it was built; run the command again"
                );
            };
            self.build(name, build)?;
        }
    }

    fn build(&self, name: &str, build: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let partial = self.root.join(format!("{name}{PARTIAL}"));
        fs::create_dir_all(&partial)
            .with_context(|| format!("cannot create {}", partial.display()))?;
        build(&partial)?;
        let complete = self.root.join(name);
        let directory = fs::File::open(&partial)
            .with_context(|| format!("cannot open {}", partial.display()))?;
        rustix::fs::syncfs(&directory)
            .with_context(|| format!("cannot write {} to the disk", partial.display()))?;
        fs::rename(&partial, &complete).with_context(|| {
            format!(
                "cannot rename {} to {}",
                partial.display(),
                complete.display()
            )
        })
    }

    /// All items and what interrupted builds left, by name.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>> {
        let listing = fs::read_dir(&self.root)
            .with_context(|| format!("cannot list {}", self.root.display()))?;
        let mut entries = Vec::new();
        for entry in listing {
            let path = entry
                .with_context(|| format!("cannot list {}", self.root.display()))?
                .path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_dir() && !["locks", "mnt"].contains(&name.as_str()) {
                entries.push(Entry { name, path });
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Deletes an entry that nobody uses.
    pub(crate) fn delete(&self, entry: &Entry) -> Result<()> {
        let name = entry.name.trim_end_matches(PARTIAL);
        match Lock::attempt(&self.lock_file(name), Mode::Exclusive)? {
            Ok(_lock) => mounts::delete_tree(&entry.path),
            Err(holder) => bail!("{} is in use by {holder}; end that first", entry.name),
        }
    }

    fn lock_file(&self, name: &str) -> PathBuf {
        self.root.join("locks").join(format!("{name}.lock"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_built_once_and_appears_only_when_complete() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().join("c")).unwrap();
        let failed = cache.obtain("image", |partial| {
            fs::write(partial.join("half"), "x").unwrap();
            bail!("disk full")
        });
        assert!(failed.is_err() && cache.find("image").unwrap().is_none());
        let item = cache.obtain("image", |partial| {
            assert!(
                partial.join("half").exists(),
                "an interrupted build can resume"
            );
            Ok(fs::write(partial.join("whole"), "y")?)
        });
        assert!(item.unwrap().path.join("whole").exists());
        cache.obtain("image", |_| panic!("built twice")).unwrap();
    }

    #[test]
    fn an_item_in_use_is_not_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Cache::at(directory.path().join("c")).unwrap();
        let item = cache.obtain("image", |_| Ok(())).unwrap();
        let entry = cache.entries().unwrap().remove(0);
        let refusal = cache.delete(&entry).unwrap_err().to_string();
        assert!(refusal.contains("in use by process"), "{refusal}");
        drop(item);
    }
}
