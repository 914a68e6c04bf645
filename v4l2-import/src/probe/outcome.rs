use dmabuf_heap::{Refusal, Suspect, Verdict, Why};
use rustix::io::Errno;

use crate::device::Queue;

/// Why a probe did not end in acceptance.
#[derive(Debug)]
pub(crate) enum Negative {
    Refused(Refusal),
    Unknown(Why),
}

impl Negative {
    pub(crate) fn unknown(why: impl Into<String>) -> Self {
        Self::Unknown(Why(why.into()))
    }
}

impl From<Result<(), Negative>> for Outcome {
    fn from(result: Result<(), Negative>) -> Self {
        Self(match result {
            Ok(()) => Verdict::Accepted,
            Err(Negative::Refused(refusal)) => Verdict::Refused(refusal),
            Err(Negative::Unknown(why)) => Verdict::Unknown(why),
        })
    }
}

/// The verdict of a probe.
pub(crate) struct Outcome(pub(crate) Verdict);

/// Who is asked, for messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party<'a> {
    pub(crate) name: &'a str,
    pub(crate) queue: Queue,
}

impl Party<'_> {
    /// A refusal that this crate found, or the kernel.
    pub(crate) fn refusal(
        self,
        operation: &'static str,
        detail: impl std::fmt::Display,
        errno: Option<Errno>,
        suspect: Option<Suspect>,
    ) -> Refusal {
        Refusal {
            importer: self.name.to_owned(),
            operation,
            detail: format!("{}: {detail}", self.queue),
            errno: errno.map(Errno::raw_os_error),
            suspect,
        }
    }

    pub(crate) fn layout(
        self,
        operation: &'static str,
        detail: impl std::fmt::Display,
    ) -> Negative {
        Negative::Refused(self.refusal(operation, detail, None, Some(Suspect::Layout)))
    }

    /// What an error of REQBUFS(DMABUF) means.
    pub(crate) fn at_request(self, errno: Errno) -> Negative {
        match errno {
            Errno::INVAL | Errno::NOTTY | Errno::OPNOTSUPP => Negative::Refused(self.refusal(
                "VIDIOC_REQBUFS",
                "V4L2_MEMORY_DMABUF",
                Some(errno),
                Some(Suspect::Foreign),
            )),
            other => self.at_any("VIDIOC_REQBUFS", other),
        }
    }

    /// What an error of `PREPARE_BUF` means. `buffers` describes the memory, which was seen to be long enough.
    pub(crate) fn at_prepare(self, errno: Errno, buffers: &str) -> Negative {
        const OPERATION: &str = "VIDIOC_PREPARE_BUF";
        // videobuf2 answers EFAULT when the mapped pieces do not adjoin, and when the exporter gives no kernel mapping;
        // EINVAL, with sizes that fit, when the memory cannot be mapped for the device: swiotlb is full or too small.
        let suspect = match errno {
            Errno::FAULT => Suspect::Scattered,
            Errno::INVAL | Errno::IO => Suspect::Unreachable,
            Errno::OPNOTSUPP => Suspect::Foreign,
            other => return self.at_any(OPERATION, other),
        };
        let detail = format!("buffer 0, {buffers}");
        Negative::Refused(self.refusal(OPERATION, detail, Some(errno), Some(suspect)))
    }

    /// What errors mean that say nothing about the memory.
    pub(crate) fn at_any(self, operation: &'static str, errno: Errno) -> Negative {
        let queue = self.queue;
        let why = match errno {
            Errno::BUSY => format!("its {queue} is in use"),
            Errno::ACCESS | Errno::PERM => format!("no permission to use its {queue}"),
            Errno::NODEV | Errno::NXIO | Errno::NOENT => "the device is gone".to_owned(),
            Errno::NOMEM => format!("the kernel has no memory to import into its {queue}"),
            Errno::NOTTY => format!("its driver has no {operation}"),
            _ => format!("its {queue} failed"),
        };
        Negative::unknown(format!(
            "{why} ({operation}: {})",
            std::io::Error::from(errno)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTY: Party<'static> = Party {
        name: "camera vivid (/dev/video0)",
        queue: Queue::Capture,
    };

    fn suspect(negative: Negative) -> Option<Suspect> {
        match negative {
            Negative::Refused(refusal) => refusal.suspect,
            Negative::Unknown(why) => panic!("unknown: {why}"),
        }
    }

    fn why(negative: Negative) -> String {
        match negative {
            Negative::Refused(refusal) => panic!("{refusal}"),
            Negative::Unknown(why) => why.0,
        }
    }

    #[test]
    fn errors_of_the_import_tell_what_is_wrong_with_the_memory() {
        let prepare = |errno| suspect(PARTY.at_prepare(errno, "plane 0 of 4096 bytes"));
        assert_eq!(prepare(Errno::FAULT), Some(Suspect::Scattered));
        assert_eq!(prepare(Errno::INVAL), Some(Suspect::Unreachable));
        assert_eq!(
            suspect(PARTY.at_request(Errno::INVAL)),
            Some(Suspect::Foreign)
        );
    }

    #[test]
    fn errors_that_say_nothing_about_the_memory_exclude_none() {
        assert!(why(PARTY.at_request(Errno::BUSY)).contains("in use"));
        for errno in [Errno::BUSY, Errno::NOMEM, Errno::NODEV, Errno::NOTTY] {
            assert!(!why(PARTY.at_prepare(errno, "")).is_empty(), "{errno}");
        }
    }

    #[test]
    fn a_refusal_names_device_queue_buffer_and_size() {
        let Negative::Refused(refusal) = PARTY.at_prepare(Errno::FAULT, "plane 0 of 4096 bytes")
        else {
            panic!("EFAULT is a refusal");
        };
        let text = refusal.to_string();
        for part in [
            "camera vivid (/dev/video0)",
            "VIDIOC_PREPARE_BUF",
            "capture queue: buffer 0, plane 0 of 4096 bytes",
            "Bad address",
            "contiguous",
        ] {
            assert!(text.contains(part), "{part} is missing in: {text}");
        }
    }
}
