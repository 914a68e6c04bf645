//! Counts what a test may leak: file descriptors, dma-bufs and their bytes, mappings, framebuffers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::{device, wait};

/// How long the kernel and detached threads may take to let go of what nobody holds any more: the last reference to a frame that
/// was on a display is a worker's, and an emulated machine that has other things to do takes its time.
pub const SETTLE: Duration = Duration::from_secs(10);

/// The same where something may stay, and the wait is never cut short.
const SETTLE_KEPT: Duration = Duration::from_secs(2);

/// Equal counts in a row, a moment apart, that are taken for the last word.
const SETTLED: usize = 5;

/// The counts of one moment. Compare with [`Census::expect_restored`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Open files by what they are, inode numbers removed.
    pub files: BTreeMap<String, usize>,
    /// Mappings of dma-bufs in the process.
    pub mappings: usize,
    /// dma-bufs of the whole machine.
    pub dmabufs: usize,
    /// Their bytes.
    pub dmabuf_bytes: u64,
    /// Framebuffers of all cards, the console's included.
    pub framebuffers: usize,
}

impl Census {
    /// Counts now: files and mappings of this process, all else of the machine.
    pub fn take() -> Census {
        Census::of("self")
    }

    /// Counts now: files and mappings of process `pid`, all else of the machine.
    pub fn take_of(pid: u32) -> Census {
        Census::of(&pid.to_string())
    }

    fn of(process: &str) -> Census {
        let (dmabufs, dmabuf_bytes) = dmabufs();
        let framebuffers = device::cards("")
            .iter()
            .map(|card| card.framebuffers().len())
            .sum();
        Census {
            files: files(process),
            mappings: mappings(process),
            dmabufs,
            dmabuf_bytes,
            framebuffers,
        }
    }

    /// Panics with the difference if the counts do not fall back to `self`.
    #[track_caller]
    pub fn expect_restored(&self, after: &str) {
        let mut last = None;
        let settled = wait::until(SETTLE, || {
            let now = Census::take();
            let differences = self.differences(&now);
            last = Some(differences.clone());
            differences.is_empty().then_some(())
        });
        assert!(
            settled.is_some(),
            "after {after}, before → now: {}",
            last.unwrap_or_default().join(", ")
        );
    }

    /// How many dma-bufs the kernel keeps although nobody holds them, two seconds later; panics if anything else is left.
    ///
    /// Linux 7.3 keeps those of the planes behind the one that it refused (`__prepare_dmabuf`, videobuf2-core.c), whoever
    /// imports them. What makes nobody else's share larger is no leak of ours.
    #[track_caller]
    pub fn kept_by_kernel(&self, after: &str) -> usize {
        let mut now = Census::take();
        let _settled = wait::until(SETTLE_KEPT, || {
            now = Census::take();
            self.differences(&now).is_empty().then_some(())
        });
        let kept = now.dmabufs.saturating_sub(self.dmabufs);
        (now.dmabufs, now.dmabuf_bytes) = (self.dmabufs, self.dmabuf_bytes);
        let others = self.differences(&now);
        assert!(others.is_empty(), "after {after}, before → now: {others:?}");
        kept
    }

    /// Panics if dma-bufs and framebuffers of the machine do not fall back to what they were. Files of this process may be
    /// more: some are opened once and kept.
    #[track_caller]
    pub fn expect_released(&self) {
        let is_clean = || {
            let now = Census::take();
            let counts =
                |census: &Census| (census.dmabufs, census.dmabuf_bytes, census.framebuffers);
            (counts(&now) == counts(self)).then_some(())
        };
        let cleaned = wait::until(SETTLE, is_clean);
        let now = Census::take();
        assert!(cleaned.is_some(), "{self} → {now}, held by {:?}", holders());
    }

    /// The open files but dma-bufs, whose number is that of the frames that are in use just then.
    pub fn files_but_dmabufs(&self) -> BTreeMap<String, usize> {
        let mut files = self.files.clone();
        files.retain(|name, _count| !name.starts_with("/dmabuf:"));
        files
    }

    /// What is not equal, each as `name: before → now`.
    pub fn differences(&self, now: &Census) -> Vec<String> {
        let mut differences = Vec::new();
        let mut compare = |name: &str, before: u64, now: u64| {
            if before != now {
                differences.push(format!("{name}: {before} → {now}"));
            }
        };
        for name in self.files.keys().chain(
            now.files
                .keys()
                .filter(|name| !self.files.contains_key(*name)),
        ) {
            let count = |census: &Census| census.files.get(name).copied().unwrap_or(0) as u64;
            compare(&format!("file {name}"), count(self), count(now));
        }
        compare(
            "mappings of dma-bufs",
            self.mappings as u64,
            now.mappings as u64,
        );
        // What the kernel had still to free when `self` was taken is no measure: less may be there now.
        let mut compare_least = |name: &str, before: u64, now: u64| {
            compare(name, before.min(now), now);
        };
        compare_least("dma-bufs", self.dmabufs as u64, now.dmabufs as u64);
        compare_least("bytes in dma-bufs", self.dmabuf_bytes, now.dmabuf_bytes);
        compare_least(
            "framebuffers",
            self.framebuffers as u64,
            now.framebuffers as u64,
        );
        differences
    }
}

impl fmt::Display for Census {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: usize = self.files.values().sum();
        let Census {
            mappings,
            dmabufs,
            dmabuf_bytes,
            framebuffers,
            ..
        } = self;
        write!(
            f,
            "{files} files, {mappings} dma-buf mappings, {dmabufs} dma-bufs of {dmabuf_bytes} bytes, "
        )?;
        write!(f, "{framebuffers} framebuffers")
    }
}

/// Waits until the counts of the machine stand still: what a test leaves to a worker of the kernel would be missed after the
/// next one.
pub fn settle() {
    let (mut last, mut same) = (Census::take(), 1);
    // Whatever does not settle, the next test finds.
    let _settled = wait::until(SETTLE, || {
        let now = Census::take();
        same = if now == last { same + 1 } else { 1 };
        last = now;
        (same >= SETTLED).then_some(())
    });
}

/// Number and bytes of all dma-bufs, from the last line of debugfs' list: `Total 3 objects, 4147200 bytes`.
pub fn dmabufs() -> (usize, u64) {
    let text = bufinfo();
    total(&text).unwrap_or_else(|| panic!("no total in {text}"))
}

/// The kernel's list of all dma-bufs, with who is attached to them.
pub fn bufinfo() -> String {
    fs::read_to_string("/sys/kernel/debug/dma_buf/bufinfo").expect("debugfs lists dma-bufs")
}

/// The bytes of each dma-buf of the machine, from the first column of debugfs' list.
pub fn dmabuf_sizes() -> Vec<u64> {
    sizes(&bufinfo())
}

/// Lines with less than size, flags, mode, count, exporter and inode belong to the buffer above.
fn sizes(bufinfo: &str) -> Vec<u64> {
    let size = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let is_buffer = words.len() >= 6 && words[0].len() == 8;
        is_buffer.then(|| words[0].parse().ok()).flatten()
    };
    bufinfo.lines().filter_map(size).collect()
}

/// How many dma-bufs there are of each exporter, such as `system`, on the whole machine.
///
/// Line: size, flags, mode, references, exporter, inode, name (`drivers/dma-buf/dma-buf.c`, `dma_buf_debug_show`).
pub fn exporters() -> BTreeMap<String, usize> {
    let text =
        fs::read_to_string("/sys/kernel/debug/dma_buf/bufinfo").expect("debugfs lists dma-bufs");
    by_exporter(&text)
}

/// The inodes of the dma-bufs that a device with a DMA engine, such as `vivid.0`, is attached to.
pub fn attached_to(device: &str) -> BTreeSet<u64> {
    attached(&bufinfo(), device)
}

/// Below the line of a buffer, each device that is attached to it has a line of its own.
fn attached(bufinfo: &str, device: &str) -> BTreeSet<u64> {
    let mut inode: Option<u64> = None;
    let mut inodes = BTreeSet::new();
    for line in bufinfo.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        if let [size, _flags, _mode, _count, _exporter, number, ..] = fields[..]
            && size.parse::<u64>().is_ok()
        {
            inode = number.parse::<u64>().ok();
        } else if fields == [device] {
            inodes.extend(inode);
        }
    }
    inodes
}

fn by_exporter(bufinfo: &str) -> BTreeMap<String, usize> {
    let mut exporters = BTreeMap::new();
    for line in bufinfo.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [size, _flags, _mode, _count, exporter, inode, ..] = fields[..] else {
            continue;
        };
        if size.parse::<u64>().is_ok() && inode.parse::<u64>().is_ok() {
            *exporters.entry(exporter.to_owned()).or_default() += 1;
        }
    }
    exporters
}

/// Which processes hold dma-bufs, for messages: by open files, and by mappings, which outlive the files.
pub fn holders() -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("procfs");
    let names = processes.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let pids = names.filter(|name| name.parse::<u32>().is_ok());
    let holder = |pid: String| {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        let links = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
        let targets = links.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        let is_dmabuf = |it: &PathBuf| it.to_string_lossy().starts_with("/dmabuf:");
        let files = targets.filter(is_dmabuf).count();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
        let mappings = maps.lines().filter(|it| it.contains("/dmabuf:")).count();
        let name = name.trim();
        (files + mappings > 0)
            .then(|| format!("{name} ({pid}): {files} files, {mappings} mappings"))
    };
    pids.filter_map(holder).collect()
}

fn total(bufinfo: &str) -> Option<(usize, u64)> {
    let line = bufinfo
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("Total "))?;
    let (objects, bytes) = line.split_once(" objects, ")?;
    Some((
        objects.parse().ok()?,
        bytes.strip_suffix(" bytes")?.parse().ok()?,
    ))
}

fn files(process: &str) -> BTreeMap<String, usize> {
    let mut files = BTreeMap::new();
    let directory = fs::read_dir(format!("/proc/{process}/fd")).expect("a living process");
    // A file that is closed between listing and reading is not there to be counted.
    for target in directory.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()) {
        let target = target.display().to_string();
        let kind = target
            .split_once(":[")
            .map_or(target.as_str(), |(kind, _inode)| kind);
        *files.entry(kind.to_owned()).or_default() += 1;
    }
    files
}

fn mappings(process: &str) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("a living process");
    maps.lines()
        .filter(|line| line.contains("/dmabuf:"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::{Census, attached, by_exporter, sizes, total};

    #[test]
    fn dma_bufs_are_counted_by_exporter() {
        let line = |exporter| {
            format!(
                "00942080\t00080002\t00080005\t00000002\t{exporter}\t00000004\t<none>\n\tAttached Devices:\n\tvivid.0\nTotal 1 devices attached\n"
            )
        };
        let head = "\nDma-buf Objects:\nsize    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n";
        let text = format!(
            "{head}{}{}{}",
            line("system"),
            line("udmabuf"),
            line("system")
        );
        let counts = by_exporter(&text);
        assert_eq!(
            counts,
            [("system".to_owned(), 2), ("udmabuf".to_owned(), 1)].into()
        );
    }

    #[test]
    fn a_dma_buf_is_found_by_who_is_attached_to_it() {
        let buffer = |inode: u64, devices: &[&str]| {
            let devices = devices
                .iter()
                .fold(String::new(), |all, it| all + "\t" + it + "\n");
            format!(
                "00942080\t00080002\t00080005\t00000002\tsystem\t{inode:08}\tdmaheap NV12\n\tAttached Devices:\n{devices}Total 1 devices attached\n\n"
            )
        };
        let text =
            buffer(4, &["vivid.0"]) + &buffer(12, &["vkms", "vivid.0"]) + &buffer(13, &["vkms"]);
        assert_eq!(attached(&text, "vivid.0"), [4, 12].into());
        assert_eq!(attached(&text, "vivid.1"), [].into());
    }

    #[test]
    fn the_total_of_bufinfo_is_read() {
        assert_eq!(
            total("size flags\n\nTotal 2 objects, 8192 bytes\n"),
            Some((2, 8192))
        );
    }

    #[test]
    fn the_sizes_of_bufinfo_are_read() {
        let bufinfo = "\nDma-buf Objects:\nsize    \tflags   \tmode    \tcount   \texp_name\tino     \tname\n\
                       00348160\t00000002\t00080007\t00000003\tsystem\t00000007\tdmaheap NV12\n\
                       \tAttached Devices:\n\tvkms\nTotal 1 devices attached\n\n\
                       Total 1 objects, 348160 bytes\n";
        assert_eq!(sizes(bufinfo), [348_160]);
    }

    #[test]
    fn every_difference_is_named() {
        let before = Census {
            files: [("pipe".to_owned(), 2)].into(),
            mappings: 0,
            dmabufs: 1,
            dmabuf_bytes: 4096,
            framebuffers: 1,
        };
        let mut now = before.clone();
        now.files.insert("/dmabuf:".to_owned(), 1);
        now.framebuffers = 2;
        assert_eq!(
            before.differences(&now),
            ["file /dmabuf:: 0 → 1", "framebuffers: 1 → 2"]
        );
        assert!(before.differences(&before).is_empty());
    }
}
