//! What the kernel's answers mean for a negotiation.

use std::io;

use dmabuf_heap::{Refusal, Suspect, Verdict, Why};
use rustix::io::Errno;

use crate::framebuffer::{ImportError, takes_no_foreign_memory};
use crate::output::CommitError;

const PRIME: &str = "DRM_IOCTL_PRIME_FD_TO_HANDLE";
const ADDFB2: &str = "DRM_IOCTL_MODE_ADDFB2";
const TEST_ONLY: &str = "a TEST_ONLY commit";

/// What an import that failed says about the frame.
pub(super) fn of_import(importer: &str, error: &ImportError) -> Verdict {
    let (operation, detail, suspect) = match error {
        ImportError::Prime { source, .. } if is_circumstance(source) => {
            return unknown(PRIME, source);
        }
        ImportError::Layout { source, .. } if is_circumstance(source) => {
            return unknown(ADDFB2, source);
        }
        ImportError::Prime {
            frame,
            id,
            len,
            source,
            ..
        } => (
            PRIME,
            format!("dma-buf {}, {len} bytes of {frame}", id.inode),
            prime_suspect(source, *len),
        ),
        ImportError::Layout { frame, .. } => (ADDFB2, frame.clone(), Some(Suspect::Layout)),
        told_without_asking => (
            ADDFB2,
            told_without_asking.to_string(),
            Some(Suspect::Layout),
        ),
    };
    Verdict::Refused(Refusal {
        importer: importer.to_owned(),
        operation,
        detail,
        errno: error.io_error().and_then(io::Error::raw_os_error),
        suspect,
    })
}

/// What a test commit that failed says about a frame that was imported.
///
/// Only a refusal counts: without master, or while the planes serve somebody else, nothing was asked, and what the
/// import has said stands.
pub(super) fn of_commit(importer: &str, error: &CommitError) -> Verdict {
    let (detail, errno) = match error {
        CommitError::Gone { .. } => return Verdict::Unknown(Why(error.to_string())),
        CommitError::Refused { source, .. } if is_errno(source, Errno::ALREADY) => {
            return Verdict::Accepted;
        }
        CommitError::Refused {
            frame,
            placement,
            tried,
            source,
            ..
        } => (
            format!("{frame}, {placement}: {tried}"),
            source.raw_os_error(),
        ),
        CommitError::Configure(_) | CommitError::Placement { .. } => (error.to_string(), None),
        _ => return Verdict::Accepted,
    };
    Verdict::Refused(Refusal {
        importer: importer.to_owned(),
        operation: TEST_ONLY,
        detail,
        errno,
        suspect: Some(Suspect::Layout),
    })
}

/// Helpers for display engines without an IOMMU import one piece only, and say EINVAL to more.
fn prime_suspect(error: &io::Error, len: u64) -> Option<Suspect> {
    let page = rustix::param::page_size() as u64;
    match errno(error) {
        Some(Errno::INVAL) if len > page => Some(Suspect::Scattered),
        _ if takes_no_foreign_memory(error) => Some(Suspect::Foreign),
        _ => None,
    }
}

/// Whether the answer is about this moment or this process, not about the memory.
fn is_circumstance(error: &io::Error) -> bool {
    matches!(
        errno(error),
        Some(
            Errno::NOMEM
                | Errno::NOSPC
                | Errno::MFILE
                | Errno::NFILE
                | Errno::INTR
                | Errno::AGAIN
                | Errno::BUSY
                | Errno::ACCESS
                | Errno::PERM
        )
    )
}

fn unknown(operation: &str, error: &io::Error) -> Verdict {
    Verdict::Unknown(Why(format!("{operation} failed: {error}")))
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

fn is_errno(error: &io::Error, wanted: Errno) -> bool {
    errno(error) == Some(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic::{Placement, Rect};
    use dmabuf_heap::DmaBufId;

    const DISPLAY: &str = "display vkms (/dev/dri/card0)";

    fn prime(errno: Errno, len: u64) -> Verdict {
        let error = ImportError::Prime {
            device: String::new(),
            frame: "NV12 64x32".into(),
            id: DmaBufId::default(),
            len,
            source: errno.into(),
        };
        of_import(DISPLAY, &error)
    }

    fn add(errno: Errno) -> Verdict {
        let error = ImportError::Layout {
            device: String::new(),
            frame: "NV12 64x32, stride 100".into(),
            source: errno.into(),
        };
        of_import(DISPLAY, &error)
    }

    fn refused(source: Errno) -> CommitError {
        CommitError::Refused {
            output: String::new(),
            frame: "NV12".into(),
            placement: Placement::centered(Rect::new(0, 0, 8, 8), Rect::new(0, 0, 8, 8)),
            tried: "plane 31 (Primary): no".into(),
            source: source.into(),
        }
    }

    fn suspect(verdict: &Verdict) -> Option<Suspect> {
        match verdict {
            Verdict::Refused(refusal) => refusal.suspect,
            other => panic!("{other:?} is no refusal"),
        }
    }

    #[test]
    fn memory_of_several_pages_that_is_invalid_is_suspected_to_be_scattered() {
        assert_eq!(
            suspect(&prime(Errno::INVAL, 1 << 20)),
            Some(Suspect::Scattered)
        );
        assert_eq!(
            suspect(&prime(Errno::INVAL, 4096)),
            None,
            "one page is contiguous"
        );
    }

    #[test]
    fn a_card_that_cannot_import_at_all_takes_nothing_foreign() {
        for errno in [Errno::NODEV, Errno::NOSYS, Errno::NOTTY, Errno::OPNOTSUPP] {
            assert_eq!(suspect(&prime(errno, 1 << 20)), Some(Suspect::Foreign));
        }
    }

    #[test]
    fn what_addfb2_refuses_is_the_layout_with_its_numbers() {
        let verdict = add(Errno::INVAL);
        assert_eq!(suspect(&verdict), Some(Suspect::Layout));
        let Verdict::Refused(refusal) = verdict else {
            panic!("{verdict:?}");
        };
        let text = refusal.to_string();
        for word in [DISPLAY, "ADDFB2", "stride 100", "Invalid argument"] {
            assert!(text.contains(word), "{word} is missing in: {text}");
        }
    }

    #[test]
    fn shortages_and_permissions_say_nothing_about_the_memory() {
        for errno in [Errno::NOMEM, Errno::ACCESS, Errno::PERM, Errno::MFILE] {
            assert!(matches!(prime(errno, 4096), Verdict::Unknown(_)));
            assert!(matches!(add(errno), Verdict::Unknown(_)));
        }
    }

    #[test]
    fn a_test_commit_counts_only_where_the_planes_were_asked() {
        let not_master = CommitError::NotMaster {
            output: String::new(),
            holder: String::new(),
        };
        let busy = CommitError::Busy {
            output: String::new(),
            attempts: 1,
        };
        for error in [not_master, busy, refused(Errno::ALREADY)] {
            assert_eq!(of_commit(DISPLAY, &error), Verdict::Accepted, "{error}");
        }
        assert_eq!(
            suspect(&of_commit(DISPLAY, &refused(Errno::INVAL))),
            Some(Suspect::Layout)
        );
        let gone = CommitError::Gone {
            output: "vkms".into(),
        };
        assert!(matches!(of_commit(DISPLAY, &gone), Verdict::Unknown(_)));
    }
}
