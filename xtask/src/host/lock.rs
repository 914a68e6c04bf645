//! Lock files: one builder or many users per cached item, and a word about who holds it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, FdFlags, fcntl_setfd};

use crate::host::progress::Step;

/// How an item is locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Used, together with others.
    Shared,
    /// Built or deleted, alone.
    Exclusive,
}

/// A lock on a file, held until it is dropped and the programs started meanwhile have ended.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock; while another process holds it, says which one.
    pub(crate) fn wait(path: &Path, mode: Mode, purpose: &str) -> Result<Self> {
        let file = open(path)?;
        if try_lock(&file, path, mode)? {
            return Ok(Self { file });
        }
        let mut step = Step::start(format!("waiting for {}, for {purpose}", holders(&file)));
        while !try_lock(&file, path, mode)? {
            thread::sleep(Duration::from_millis(300));
            step.detail(&format!("held by {}", holders(&file)));
        }
        step.done("");
        Ok(Self { file })
    }

    /// Takes the lock, or returns who holds it.
    pub(crate) fn attempt(path: &Path, mode: Mode) -> Result<Result<Self, String>> {
        let file = open(path)?;
        if try_lock(&file, path, mode)? {
            return Ok(Ok(Self { file }));
        }
        Ok(Err(holders(&file)))
    }

    /// Lets the programs that are started from now on hold the lock, too: when xtask is killed, a compiler that lives on still keeps
    /// others away from its directory.
    pub(crate) fn share_with_children(&self) -> Result<()> {
        fcntl_setfd(&self.file, FdFlags::empty())
            .context("cannot let child processes inherit a lock")
    }
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .with_context(|| format!("cannot open the lock file {}", path.display()))
}

fn try_lock(file: &File, path: &Path, mode: Mode) -> Result<bool> {
    let operation = match mode {
        Mode::Shared => FlockOperation::NonBlockingLockShared,
        Mode::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    match flock(file, operation) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error).with_context(|| format!("cannot lock {}", path.display())),
    }
}

/// Who holds the lock, as "process 12 (cargo xtask test)".
fn holders(file: &File) -> String {
    let inode = file
        .metadata()
        .map(|metadata| metadata.ino())
        .unwrap_or_default();
    let table = fs::read_to_string("/proc/locks").unwrap_or_default();
    let names: Vec<String> = holders_of(&table, inode)
        .into_iter()
        .map(describe_process)
        .collect();
    if names.is_empty() {
        "another process".to_owned()
    } else {
        names.join(" and ")
    }
}

/// The processes that hold a flock on an inode, from the text of `/proc/locks`.
fn holders_of(table: &str, inode: u64) -> Vec<u32> {
    let holder = |line: &str| {
        let mut words = line.split_whitespace().skip(1);
        let kind = words.next()?;
        let pid = words.nth(2)?.parse().ok()?;
        let file = words.next()?;
        let found: u64 = file.rsplit(':').next()?.parse().ok()?;
        (kind == "FLOCK" && found == inode).then_some(pid)
    };
    table.lines().filter_map(holder).collect()
}

fn describe_process(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = words
        .split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect::<Vec<_>>()
        .join(" ");
    let line = line.trim();
    if line.is_empty() {
        format!("process {pid} (ended; a program it started still runs)")
    } else {
        format!("process {pid} ({line})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_holders_of_an_inode() {
        let table = "1: FLOCK  ADVISORY  WRITE 812 fe:00:9001 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 813 fe:00:9001 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 99 fe:00:9001 0 EOF\n\
                     3: FLOCK  ADVISORY  READ 77 00:2a:12 0 EOF\n";
        assert_eq!(holders_of(table, 9001), [812]);
        assert_eq!(holders_of(table, 12), [77]);
        assert!(holders_of(table, 5).is_empty());
    }

    #[test]
    fn a_second_lock_is_told_who_holds_the_first() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let first = Lock::wait(&path, Mode::Exclusive, "the test").unwrap();
        let refusal = Lock::attempt(&path, Mode::Shared).unwrap().unwrap_err();
        assert!(
            refusal.contains(&std::process::id().to_string()),
            "{refusal}"
        );
        drop(first);
        // A program that another test starts just now holds the file from its fork to its exec.
        let shared = Lock::wait(&path, Mode::Shared, "the test").unwrap();
        Lock::attempt(&path, Mode::Shared).unwrap().unwrap();
        drop(shared);
    }
}
