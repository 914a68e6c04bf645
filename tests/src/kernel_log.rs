//! Watches the kernel log for what the kernel itself calls a defect.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::OFlags;
use rustix::io::Errno;

/// How the kernel begins the lines that no correct run produces.
const ALARMS: [&str; 8] = [
    "WARNING:",
    "BUG:",
    "Oops",
    "general protection fault",
    "Kernel panic",
    "refcount_t:",
    "INFO: task",
    "INFO: rcu",
];

/// A reader of `/dev/kmsg` that starts at the newest record.
///
/// Format: `Documentation/ABI/testing/dev-kmsg`.
#[derive(Debug)]
pub struct KernelLog {
    kmsg: File,
}

impl KernelLog {
    /// Opens the log; records from before this call are never seen.
    pub fn from_now() -> io::Result<KernelLog> {
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("O_NONBLOCK is a small flag");
        let mut kmsg = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open("/dev/kmsg")?;
        kmsg.seek(SeekFrom::End(0))?;
        Ok(KernelLog { kmsg })
    }

    /// The messages since the last call.
    pub fn take(&mut self) -> io::Result<Vec<String>> {
        let mut messages = Vec::new();
        let mut record = [0_u8; 8192];
        loop {
            match self.kmsg.read(&mut record) {
                Ok(0) => return Ok(messages),
                Ok(len) => messages.push(message(&String::from_utf8_lossy(&record[..len]))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(messages),
                // The ring buffer overtook us; the next read starts at the oldest record it still has.
                Err(error) if error.raw_os_error() == Some(Errno::PIPE.raw_os_error()) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// The messages that report a defect in the kernel, or one that a test provoked in it.
pub fn alarms(messages: &[String]) -> Vec<&str> {
    let is_alarm = |message: &&String| ALARMS.iter().any(|alarm| message.contains(alarm));
    messages
        .iter()
        .filter(is_alarm)
        .map(String::as_str)
        .collect()
}

fn message(record: &str) -> String {
    let text = record
        .split_once(';')
        .map_or(record, |(_prefix, text)| text);
    text.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{alarms, message};

    #[test]
    fn a_record_is_cut_to_its_message() {
        let record = "6,339,5140900,-;NET: Registered protocol family 10\n SUBSYSTEM=net\n";
        assert_eq!(message(record), "NET: Registered protocol family 10");
    }

    #[test]
    fn a_warning_is_an_alarm_and_ordinary_talk_is_not() {
        let log = [
            "vivid-000: 75% Colorbar",
            "WARNING: CPU: 0 PID: 1 at lib/refcount.c:28",
        ]
        .map(str::to_owned);
        assert_eq!(alarms(&log), [log[1].as_str()]);
    }
}
