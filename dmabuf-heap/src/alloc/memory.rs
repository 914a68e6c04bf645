//! What `/proc/meminfo` says of the memory that is left.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::AllocateError;

/// Ordinary memory from this size on is only asked for when it is there.
///
/// Neither the system heap nor udmabuf refuses a size. They take page after page, and when there are no more the
/// out-of-memory killer ends some process, which may be anybody's, because nobody is charged for the pages. Smaller
/// buffers are not worth reading a file for each.
const CHECKED_LEN: u64 = 16 << 20;

/// The file that is asked.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    meminfo: PathBuf,
}

impl Memory {
    pub(super) fn new(meminfo: PathBuf) -> Self {
        Self { meminfo }
    }

    /// Refuses what the kernel would kill for.
    pub(super) fn check_scattered(&self, allocator: &str, len: u64) -> Result<(), AllocateError> {
        if len < CHECKED_LEN {
            return Ok(());
        }
        match self.kib("MemAvailable") {
            Some(available) if len / 1024 >= available => Err(self.scattered_error(allocator, len)),
            _ => Ok(()),
        }
    }

    pub(super) fn scattered_error(&self, allocator: &str, len: u64) -> AllocateError {
        let hint = match (self.kib("MemAvailable"), self.kib("MemTotal")) {
            (Some(free), Some(total)) => format!(" ({free} of {total} KiB are available)"),
            _ => String::new(),
        };
        no_memory(allocator, len, hint)
    }

    pub(super) fn contiguous_error(&self, allocator: &str, len: u64) -> AllocateError {
        let hint = match (self.kib("CmaFree"), self.kib("CmaTotal")) {
            (Some(free), Some(total)) => format!(
                " ({free} of {total} KiB of contiguous memory are free, in pieces that may each be too small; \
                 raise cma= on the kernel command line, or use fewer or smaller buffers)"
            ),
            _ => String::new(),
        };
        no_memory(allocator, len, hint)
    }

    fn kib(&self, key: &str) -> Option<u64> {
        line(&self.meminfo, key)?
            .trim()
            .trim_end_matches("kB")
            .trim()
            .parse()
            .ok()
    }
}

fn no_memory(allocator: &str, len: u64, hint: String) -> AllocateError {
    let allocator = allocator.to_owned();
    let errno = io::Error::from(Errno::NOMEM);
    AllocateError::NoMemory {
        allocator,
        len,
        hint,
        errno,
    }
}

fn line(path: &Path, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    value.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(text: &str) -> (tempfile::NamedTempFile, Memory) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let memory = Memory::new(file.path().to_owned());
        (file, memory)
    }

    #[test]
    fn meminfo_is_read_by_whole_keys() {
        let (_file, memory) = memory("CmaTotal:          65536 kB\nCmaFree:            1024 kB\n");
        assert_eq!(memory.kib("CmaFree"), Some(1024));
        assert_eq!(memory.kib("CmaTotal"), Some(65536));
        assert_eq!(memory.kib("Cma"), None);
    }

    #[test]
    fn what_is_not_there_is_not_asked_for() {
        let (_file, memory) = memory("MemTotal: 2000000 kB\nMemAvailable: 1000000 kB\n");
        memory.check_scattered("system", 900_000 << 10).unwrap();
        let text = memory
            .check_scattered("system", 6 << 30)
            .unwrap_err()
            .to_string();
        for part in [
            "system",
            "6442450944 bytes",
            "1000000 of 2000000 KiB",
            "os error 12",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }

    #[test]
    fn without_meminfo_the_kernel_decides() {
        let memory = Memory::new("/nonexistent".into());
        memory.check_scattered("system", u64::MAX).unwrap();
        let text = memory
            .contiguous_error("default_cma_region", 4096)
            .to_string();
        assert!(text.contains("has no 4096 bytes left: "), "{text}");
    }

    #[test]
    fn an_exhausted_area_says_what_is_free_of_what() {
        let (_file, memory) = memory("CmaTotal: 65536 kB\nCmaFree: 1024 kB\n");
        let text = memory
            .contiguous_error("default_cma_region", 3_110_400)
            .to_string();
        for part in [
            "default_cma_region",
            "3110400 bytes",
            "1024 of 65536 KiB",
            "cma=",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}
