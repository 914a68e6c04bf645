//! Runs tests one at a time in the guest and reports each as a line of JSON.
//!
//! A test can hang, take its process down, leave children behind or make the kernel complain. None of that may cost the result of
//! the next one: each test is a process group of its own with a budget of time, and what it leaves is killed.

#![expect(clippy::print_stdout, reason = "its output is its product")]

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use dmaheap_tests::census;
use dmaheap_tests::kernel_log::{self, KernelLog};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, kill_process_group, pidfd_open,
};
use rustix::process::{set_child_subreaper, waitpid};
use serde::{Deserialize, Serialize};

const OUTPUT_BYTES: usize = 4096;
const PANIC_BYTES: usize = 1024;

/// One test of the manifest.
#[derive(Debug, Deserialize)]
struct Entry {
    target: String,
    binary: String,
    test: String,
    budget_seconds: u64,
}

/// Announces a test, so that a guest that dies names it.
#[derive(Debug, Serialize)]
struct Starting<'a> {
    starting: &'a str,
    target: &'a str,
}

/// The line for one test.
#[derive(Debug, Serialize)]
struct Report<'a> {
    target: &'a str,
    test: &'a str,
    status: Status,
    milliseconds: u128,
    output: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Passed,
    Failed,
    TimedOut,
    KernelWarning,
}

fn main() -> Result<ExitCode> {
    let manifest = std::env::args()
        .nth(1)
        .context("usage: guest-runner MANIFEST.json")?;
    let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {manifest}"))?;
    let entries: Vec<Entry> =
        serde_json::from_str(&text).with_context(|| format!("{manifest} is no list of tests"))?;
    ensure!(!entries.is_empty(), "{manifest} lists no tests");
    set_child_subreaper(Some(rustix::process::getpid()))
        .context("cannot become the parent of orphans")?;
    let mut kernel_log = KernelLog::from_now().context("cannot read /dev/kmsg")?;
    let mut all_passed = true;
    for entry in &entries {
        println!(
            "{}",
            serde_json::to_string(&Starting {
                starting: &entry.test,
                target: &entry.target
            })?
        );
        census::settle();
        let report = run(entry, &mut kernel_log)?;
        all_passed &= report.status == Status::Passed;
        println!("{}", serde_json::to_string(&report)?);
    }
    Ok(if all_passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn run<'a>(entry: &'a Entry, kernel_log: &mut KernelLog) -> Result<Report<'a>> {
    let output = tempfile::tempfile().context("cannot create a file for the output")?;
    let started = Instant::now();
    let mut child = Command::new(&entry.binary)
        .args(["--exact", &entry.test, "--test-threads=1", "--nocapture"])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", entry.binary))?;
    let in_time = wait(&child, Duration::from_secs(entry.budget_seconds))?;
    // The group ends even when the test has passed: nothing may run on into the next test.
    let _gone = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let exit = child.wait()?;
    kill_orphans()?;
    let milliseconds = started.elapsed().as_millis();
    let output = text_of(&output)?;
    let messages = kernel_log.take().context("cannot read /dev/kmsg")?;
    let alarms = kernel_log::alarms(&messages);
    // libtest also succeeds when a name matches no test.
    let ran = output.contains("test result: ok. 1 passed;");
    let status = match (in_time, exit.success() && ran, alarms.is_empty()) {
        (false, _, _) => Status::TimedOut,
        (true, false, _) => Status::Failed,
        (true, true, false) => Status::KernelWarning,
        (true, true, true) => Status::Passed,
    };
    let mut output = excerpt(&output);
    if status != Status::Passed {
        let messages = messages.join("\n");
        output = format!("{output}\n--- {exit}; kernel log\n{messages}\n");
    }
    Ok(Report {
        target: &entry.target,
        test: &entry.test,
        status,
        milliseconds,
        output,
    })
}

/// Whether the child ended by itself.
fn wait(child: &Child, limit: Duration) -> Result<bool> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).context("pidfd_open")?;
    let limit = Timespec::try_from(limit).context("a budget of centuries")?;
    let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
    Ok(rustix::io::retry_on_intr(|| poll(&mut fds, Some(&limit))).context("poll")? > 0)
}

/// Kills processes that a test started in groups of their own: as a subreaper this process has inherited them.
fn kill_orphans() -> Result<()> {
    loop {
        let orphans = children()?;
        if orphans.is_empty() {
            return Ok(());
        }
        for pid in orphans {
            let _gone = kill_process(pid, Signal::KILL);
            let _status = waitpid(Some(pid), WaitOptions::empty());
        }
    }
}

fn children() -> Result<Vec<Pid>> {
    let own = format!("PPid:\t{}", std::process::id());
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").context("cannot list /proc")? {
        let path = entry?.path();
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok())
        else {
            continue;
        };
        // A process that ends meanwhile is no child any more.
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        if status.lines().any(|line| line == own) {
            children.extend(Pid::from_raw(pid));
        }
    }
    Ok(children)
}

/// All that a test has printed.
fn text_of(output: &File) -> Result<String> {
    let mut bytes = vec![0; usize::try_from(output.metadata()?.len())?];
    output.read_exact_at(&mut bytes, 0)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first panic and the last bytes of the output; more would drown the cause.
fn excerpt(output: &str) -> String {
    let cut = output.len().saturating_sub(OUTPUT_BYTES);
    let (before, last) = output.split_at(output.ceil_char_boundary(cut));
    let Some(panic) = before.find("panicked at") else {
        return last.to_owned();
    };
    let panic = &before[panic..];
    let end = panic.floor_char_boundary(PANIC_BYTES);
    format!("{}\n[…]\n{last}", &panic[..end])
}

#[cfg(test)]
mod tests {
    use super::{OUTPUT_BYTES, PANIC_BYTES, excerpt};

    #[test]
    fn the_first_panic_stays_before_the_last_bytes() {
        let noise = "ö".repeat(OUTPUT_BYTES);
        let output = format!("{noise}thread panicked at a.rs: the cause {noise} the end");
        let excerpt = excerpt(&output);
        assert!(excerpt.starts_with("panicked at a.rs: the cause"));
        assert!(excerpt.ends_with("the end"));
        assert!(excerpt.len() < OUTPUT_BYTES + PANIC_BYTES + 20);
    }

    #[test]
    fn little_is_told_whole() {
        assert_eq!(excerpt("panicked at a.rs"), "panicked at a.rs");
    }
}
