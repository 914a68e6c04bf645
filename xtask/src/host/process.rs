//! Running programs: output to a log file and to the step's line, and the tail of it in the error.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, PipeReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::host::progress::Step;

const TAIL_LINES: usize = 30;

/// Runs `command` to its end; its output goes to `log`. An error carries the last lines of it.
pub(crate) fn run(command: &mut Command, log: &Path, step: &mut Step) -> Result<()> {
    let status = stream(command, log, step, |_| {})?;
    if !status.success() {
        bail!(failure(command, status, log));
    }
    Ok(())
}

/// Runs `command` to its end and hands each line of its output to `on_line`, too.
pub(crate) fn stream(
    command: &mut Command,
    log: &Path,
    step: &mut Step,
    mut on_line: impl FnMut(&str),
) -> Result<ExitStatus> {
    let mut file = create_log(log)?;
    writeln!(file, "$ {}", describe(command))?;
    let (mut child, lines) = spawn(command)?;
    loop {
        match lines.recv_timeout(Duration::from_secs(1)) {
            Ok(line) => {
                writeln!(file, "{line}")?;
                on_line(&line);
                // Messages for machines are nothing to look at.
                step.detail(if line.starts_with('{') { "" } else { &line });
            }
            Err(RecvTimeoutError::Timeout) => step.tick(),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    child
        .wait()
        .with_context(|| format!("cannot wait for `{}`", describe(command)))
}

/// Runs `command` and returns what it printed on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).output().with_context(|| {
        format!(
            "cannot start `{}`: is it installed and on PATH?",
            describe(command)
        )
    })?;
    if !output.status.success() {
        bail!(
            "`{}` ended with {}: {}",
            describe(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The message for a program that ended badly: what ran, how it ended, the tail of its output, and where the rest is.
pub(crate) fn failure(command: &Command, status: ExitStatus, log: &Path) -> String {
    let text = fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    // A log may hold several commands, each behind a line with a dollar sign.
    let own = text.rsplit("\n$ ").next().unwrap_or_default();
    let own = own.split_once('\n').map_or("", |(_, output)| output);
    let tail = tail(own, TAIL_LINES);
    format!(
        "`{}` ended with {status}\n{tail}\n(the whole output: {})",
        describe(command),
        log.display()
    )
}

/// The last `count` lines of `text`.
pub(crate) fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// A command as one would type it, with embedded scripts left out and cut where it becomes unreadable.
pub(crate) fn describe(command: &Command) -> String {
    let word = |word: &OsStr| {
        let text = word.to_string_lossy();
        if text.contains('\n') {
            "SCRIPT".to_owned()
        } else {
            text.into_owned()
        }
    };
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.map(word).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn create_log(log: &Path) -> Result<File> {
    if let Some(directory) = log.parent() {
        fs::create_dir_all(directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write the log {}", log.display()))
}

fn spawn(command: &mut Command) -> Result<(Child, Receiver<String>)> {
    let (reader, writer) = io::pipe().context("cannot make a pipe")?;
    let stderr = writer.try_clone().context("cannot duplicate a pipe")?;
    command.stdin(Stdio::null()).stdout(writer).stderr(stderr);
    let child = command.spawn().with_context(|| {
        format!(
            "cannot start `{}`: is it installed and on PATH?",
            describe(command)
        )
    })?;
    // The command keeps its ends of the pipe open until it is given others.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || forward_lines(reader, &sender));
    Ok((child, receiver))
}

fn forward_lines(reader: PipeReader, sender: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
        let text = String::from_utf8_lossy(&line);
        if sender
            .send(text.trim_end_matches(['\n', '\r']).to_owned())
            .is_err()
        {
            return;
        }
        line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_failed_program_shows_its_last_lines_and_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("deep/step.log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo first; echo last >&2; exit 3"]);
        let error = run(&mut command, &log, &mut Step::start("test"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("last") && error.contains("step.log") && error.contains('3'),
            "{error}"
        );
    }

    #[test]
    fn the_error_shows_nothing_of_earlier_commands() {
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let failed = |script: &str| {
            let mut command = Command::new("sh");
            run(command.args(["-c", script]), &log, &mut Step::start("test"))
                .unwrap_err()
                .to_string()
        };
        assert!(failed("echo early; exit 1").contains("early"));
        let error = failed("echo late; exit 1");
        assert!(
            error.contains("late") && !error.contains("\nearly"),
            "{error}"
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = output(&mut Command::new("/nonexistent/tool"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("/nonexistent/tool"), "{error}");
    }

    #[test]
    fn a_described_command_shows_its_words_but_no_script() {
        let mut command = Command::new("sh");
        command.args(["-c", "one\ntwo", "name"]);
        assert_eq!(describe(&command), "sh -c SCRIPT name");
    }

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail("a\nb\nc\n", 2), "b\nc");
        assert_eq!(tail("a", 5), "a");
    }
}
