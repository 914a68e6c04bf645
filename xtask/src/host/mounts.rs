//! Mounted file systems, so that a deletion never follows one.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::host::{namespace, process};

/// Deletes a directory tree, also one whose files belong to other users of the namespace. Refuses while anything is mounted in it.
pub(crate) fn delete_tree(path: &Path) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let path = path
        .canonicalize()
        .with_context(|| format!("cannot resolve {}", path.display()))?;
    let table = fs::read("/proc/self/mountinfo").context("cannot read /proc/self/mountinfo")?;
    let mounted = mounts_within(&table, &path);
    if !mounted.is_empty() {
        let list = mounted
            .iter()
            .map(|mount| mount.display().to_string())
            .collect::<Vec<_>>()
            .join(", ");
        bail!(
            "{} is not deleted: something is mounted in it ({list}); unmount that first",
            path.display()
        );
    }
    let mut command = namespace::private("rm");
    command
        .args(["--recursive", "--force", "--one-file-system", "--"])
        .arg(&path);
    process::output(&mut command).with_context(|| format!("cannot delete {}", path.display()))?;
    Ok(())
}

/// The mount points of a `mountinfo` table that are `path` or lie below it.
fn mounts_within(mountinfo: &[u8], path: &Path) -> Vec<PathBuf> {
    mountinfo
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b' ').nth(4))
        .map(unescape)
        .filter(|mount| mount.starts_with(path))
        .collect()
}

/// Decodes the octal escapes of proc(5): `\040` is a space.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail
            .get(..3)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(decoded) if byte == b'\\' => {
                bytes.push(decoded);
                rest = &tail[3..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n\
        30 22 0:5 / /cache/a/root/proc rw shared:4 - proc proc rw\n\
        31 22 0:6 / /cache/with\\040space/x rw - tmpfs tmpfs rw\n\
        32 22 0:7 / /cache/ab rw - tmpfs tmpfs rw\n";

    #[test]
    fn finds_mounts_at_and_below_a_directory() {
        assert_eq!(
            mounts_within(TABLE, Path::new("/cache/a")),
            [Path::new("/cache/a/root/proc")]
        );
        assert_eq!(
            mounts_within(TABLE, Path::new("/cache/ab")),
            [Path::new("/cache/ab")]
        );
        assert_eq!(
            mounts_within(TABLE, Path::new("/cache/with space")),
            [Path::new("/cache/with space/x")]
        );
        assert!(mounts_within(TABLE, Path::new("/elsewhere")).is_empty());
    }

    #[test]
    fn decodes_octal_escapes_only() {
        assert_eq!(unescape(b"a\\134b"), Path::new("a\\b"));
        assert_eq!(unescape(b"a\\9zzb"), Path::new("a\\9zzb"));
        assert_eq!(unescape(b"tail\\04"), Path::new("tail\\04"));
    }

    #[test]
    fn deleting_what_does_not_exist_is_no_error() {
        delete_tree(Path::new("/nonexistent/tree")).unwrap();
    }
}
