//! Running a job in the machine and telling how it ended.

use std::fs;
use std::io::Read;
use std::process::Child;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::guest::accel::Accel;
use crate::guest::console::{self, Fault};
use crate::guest::job::{Job, JobDirectory};
use crate::guest::output::{Marker, Splitter};
use crate::guest::qemu;
use crate::host::workspace;
use crate::image::kernel::Kernel;
use crate::image::modules::Modules;
use crate::image::sysroot::Sysroot;

/// What every run needs.
#[derive(Debug)]
pub(crate) struct Guest<'a> {
    pub(crate) sysroot: &'a Sysroot,
    pub(crate) kernel: &'a Kernel,
    pub(crate) modules: &'a Modules,
    pub(crate) accel: Accel,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Exited(u8),
    /// The kernel reported an oops or a bug; the command may have ended well nevertheless.
    Oopsed {
        status: u8,
        trace: String,
    },
    Panicked {
        trace: String,
    },
    TimedOut {
        after: Duration,
        console: String,
    },
    Silent {
        after: Duration,
        console: String,
    },
    SetupFailed(String),
    /// QEMU ended, and the guest had not said how its command ended.
    Vanished {
        qemu: String,
        console: String,
    },
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) outcome: Outcome,
    /// A kernel warning that broke nothing.
    pub(crate) warning: Option<String>,
}

/// Why the machine was ended.
enum End {
    Marker(Marker),
    TimedOut,
    Silent,
    Closed,
}

impl Guest<'_> {
    /// Boots a machine, runs `job` and hands its output to `on_output` as it comes.
    pub(crate) fn run(&self, job: &Job<'_>, mut on_output: impl FnMut(&[u8])) -> Result<Report> {
        let directory = JobDirectory::create(job)?;
        let mut command = qemu::command(job, &directory, self);
        let mut child = command.spawn().context(
            "cannot start QEMU in a namespace: are qemu-system-x86 and util-linux installed?",
        )?;
        let output = read_all(child.stdout.take());
        let errors = read_all(child.stderr.take());
        let end = follow(job, &directory.nonce, &output, &mut on_output);
        let errors = finish(&mut child, matches!(end, End::Closed), &errors)?;
        let console = fs::read(directory.console())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default();
        let kept = workspace::log("console");
        fs::create_dir_all(kept.parent().unwrap_or(&kept))
            .and_then(|()| fs::write(&kept, &console))
            .context("cannot keep the console")?;
        Ok(judge(end, job, &console, errors))
    }
}

fn follow(
    job: &Job<'_>,
    nonce: &str,
    output: &Receiver<Vec<u8>>,
    on_output: &mut impl FnMut(&[u8]),
) -> End {
    let mut splitter = Splitter::new(nonce);
    let started = Instant::now();
    let mut heard = started;
    loop {
        match output.recv_timeout(Duration::from_millis(200)) {
            Ok(bytes) => {
                heard = Instant::now();
                let (text, marker) = splitter.push(&bytes);
                if !text.is_empty() {
                    on_output(&text);
                }
                if let Some(marker) = marker {
                    return End::Marker(marker);
                }
            }
            Err(RecvTimeoutError::Disconnected) => return End::Closed,
            Err(RecvTimeoutError::Timeout) => on_output(&[]),
        }
        if started.elapsed() > job.timeout {
            return End::TimedOut;
        }
        if job.silence.is_some_and(|silence| heard.elapsed() > silence) {
            return End::Silent;
        }
    }
}

fn judge(end: End, job: &Job<'_>, console: &str, qemu: String) -> Report {
    let fault = console::worst_fault(console);
    let last = || console::last_lines(console);
    let outcome = match (end, fault.clone()) {
        (End::Marker(Marker::SetupFailed(text)), _) => Outcome::SetupFailed(text),
        (_, Some((Fault::Panic, trace))) => Outcome::Panicked { trace },
        (End::Marker(Marker::Exit(status)), Some((Fault::Oops, trace))) => {
            Outcome::Oopsed { status, trace }
        }
        (End::Marker(Marker::Exit(status)), _) => Outcome::Exited(status),
        (End::TimedOut, _) => Outcome::TimedOut {
            after: job.timeout,
            console: last(),
        },
        (End::Silent, _) => Outcome::Silent {
            after: job.silence.unwrap_or_default(),
            console: last(),
        },
        (End::Closed, _) => Outcome::Vanished {
            qemu,
            console: last(),
        },
    };
    let warning = fault
        .filter(|(fault, _)| *fault == Fault::Warning)
        .map(|(_, text)| text);
    Report { outcome, warning }
}

/// Ends QEMU, unless it has ended by itself, and returns what it said.
fn finish(child: &mut Child, ended: bool, errors: &Receiver<Vec<u8>>) -> Result<String> {
    if !ended {
        child.kill().context("cannot end QEMU")?;
    }
    let status = child.wait().context("cannot wait for QEMU")?;
    let text: Vec<u8> = errors.iter().flatten().collect();
    Ok(format!(
        "{} ({status})",
        String::from_utf8_lossy(&text).trim()
    ))
}

fn read_all(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let Some(mut stream) = stream else { return };
        let mut buffer = vec![0; 1 << 16];
        while let Ok(len @ 1..) = stream.read(&mut buffer) {
            if sender.send(buffer[..len].to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::machine::Machine;

    fn job(machine: &Machine) -> Job<'_> {
        Job {
            machine,
            modules: true,
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: "/".into(),
            timeout: Duration::from_secs(9),
            silence: None,
        }
    }

    #[test]
    fn the_kernel_has_the_last_word() {
        let machine = Machine::load("bare").unwrap();
        let judged = |end, console: &str| judge(end, &job(&machine), console, String::new());
        let exit = || End::Marker(Marker::Exit(0));
        assert_eq!(judged(exit(), "fine").outcome, Outcome::Exited(0));
        assert!(matches!(
            judged(exit(), "Oops: 1").outcome,
            Outcome::Oopsed { status: 0, .. }
        ));
        assert!(matches!(
            judged(End::Closed, "Kernel panic - x").outcome,
            Outcome::Panicked { .. }
        ));
        assert!(matches!(
            judged(End::Closed, "bye").outcome,
            Outcome::Vanished { .. }
        ));
        assert!(matches!(
            judged(End::TimedOut, "").outcome,
            Outcome::TimedOut { .. }
        ));
        let warned = judged(exit(), "WARNING: at x");
        assert_eq!(warned.outcome, Outcome::Exited(0));
        assert!(warned.warning.is_some());
    }
}
