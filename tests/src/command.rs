//! Runs a program with a time limit and keeps everything it said.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::FileExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};

/// What a command may take when the test does not say.
const DEFAULT_LIMIT: Duration = Duration::from_mins(1);

/// What it may take to its end from when that is waited for.
const TO_THE_END: Duration = Duration::from_secs(20);

/// A program to run, in a process group of its own.
#[derive(Debug)]
pub struct Run {
    command: Command,
    limit: Duration,
}

impl Run {
    /// Prepares `program`, looked up on `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Run {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).process_group(0);
        Run {
            command,
            limit: DEFAULT_LIMIT,
        }
    }

    /// Prepares `gst-launch-1.0` with a pipeline description; no word of it may contain white space.
    pub fn pipeline(description: &str) -> Run {
        Run::new("gst-launch-1.0").args(description.split_whitespace())
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Run {
        self.command.arg(arg);
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.command.args(args);
        self
    }

    /// Sets an environment variable of the program.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(key, value);
        self
    }

    /// Lets the program hear what [`Running::tell`] says. Without this its standard input is empty.
    #[must_use]
    pub fn listening(mut self) -> Run {
        self.command.stdin(Stdio::piped());
        self
    }

    /// Kills the program and its children when they take longer than this.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Run {
        self.limit = limit;
        self
    }

    /// The same program with the same arguments and variables, started through `wrapper` (as `strace -f`).
    #[must_use]
    pub fn wrapped(self, wrapper: &str, wrapper_args: &[&str]) -> Run {
        let mut run = Run::new(wrapper)
            .args(wrapper_args)
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .limit(self.limit);
        for (key, value) in self.command.get_envs() {
            match value {
                Some(value) => run.command.env(key, value),
                None => run.command.env_remove(key),
            };
        }
        run
    }

    /// Starts the program and returns at once.
    #[track_caller]
    pub fn start(mut self) -> Running {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let command = words
            .map(|word| word.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        let stdout = tempfile::tempfile().expect("a file for standard output");
        let stderr = tempfile::tempfile().expect("a file for standard error");
        self.command
            .stdout(stdout.try_clone().expect("dup"))
            .stderr(stderr.try_clone().expect("dup"));
        let child = match self.command.spawn() {
            Ok(child) => child,
            Err(error) => panic!("cannot start `{command}`: {error}"),
        };
        Running {
            command,
            child,
            stdout,
            stderr,
            started: Instant::now(),
            limit: self.limit,
            finished: false,
        }
    }

    /// Runs the program to its end.
    #[track_caller]
    pub fn finish(self) -> Outcome {
        self.start().finish()
    }
}

/// A program that runs. Dropped, it is killed with all its children.
#[derive(Debug)]
pub struct Running {
    command: String,
    child: Child,
    stdout: File,
    stderr: File,
    started: Instant,
    limit: Duration,
    finished: bool,
}

impl Running {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to the standard input of a program that is [listening](Run::listening).
    #[track_caller]
    pub fn tell(&self, line: &str) {
        let mut input = self.child.stdin.as_ref().expect("a program that listens");
        if let Err(error) = writeln!(input, "{line}") {
            panic!(
                "`{}` does not hear '{line}': {error}\n{}",
                self.command,
                self.output()
            );
        }
    }

    /// Sends SIGINT, as Ctrl-C in a terminal does.
    pub fn interrupt(&self) {
        kill_process(Pid::from_child(&self.child), Signal::INT)
            .expect("SIGINT to a child that nobody has waited for");
    }

    /// Kills the program and its children, as a crash would end them, and waits until it has ended.
    pub fn kill(&self) {
        // ESRCH: the whole group has ended by itself.
        let _gone = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        self.wait_for_exit(TO_THE_END);
    }

    /// Stops the program and its children where they are.
    pub fn freeze(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::STOP)
            .expect("SIGSTOP to a program that runs");
    }

    /// Lets them go on.
    pub fn thaw(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::CONT)
            .expect("SIGCONT to a program that was stopped");
    }

    /// Whether the program has ended, killed or by itself.
    pub fn has_ended(&self) -> bool {
        self.wait_for_exit(Duration::ZERO)
    }

    /// What the program has written to standard output and standard error up to now.
    pub fn output(&self) -> String {
        contents(&self.stdout) + &contents(&self.stderr)
    }

    /// Waits for the end of the program or of its time; a test that did other things meanwhile has left it some.
    pub fn finish(mut self) -> Outcome {
        let left = self.limit.saturating_sub(self.started.elapsed());
        let timed_out = !self.wait_for_exit(left.max(TO_THE_END));
        self.kill();
        let status = self.child.wait().expect("one wait per child");
        self.finished = true;
        Outcome {
            command: self.command.clone(),
            status,
            stdout: contents(&self.stdout),
            stderr: contents(&self.stderr),
            elapsed: self.started.elapsed(),
            timed_out,
        }
    }

    fn wait_for_exit(&self, limit: Duration) -> bool {
        let pidfd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty())
            .expect("pidfd of an own child");
        let limit = Timespec::try_from(limit).expect("a limit of less than centuries");
        let mut fds = [PollFd::new(&pidfd, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut fds, Some(&limit))).expect("poll") > 0
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.finished {
            self.kill();
            let _status = self.child.wait();
        }
    }
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Outcome {
    /// The command line, for messages.
    pub command: String,
    /// The exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// From start to end.
    pub elapsed: Duration,
    /// Whether it was killed at its time limit.
    pub timed_out: bool,
}

#[expect(
    clippy::return_self_not_must_use,
    reason = "the check is what most callers want; the outcome is a courtesy"
)]
impl Outcome {
    /// Panics with everything the program said unless it ended with status 0.
    #[track_caller]
    pub fn expect_success(self) -> Outcome {
        assert!(
            self.status.success() && !self.timed_out,
            "{}",
            self.describe()
        );
        self
    }

    /// Panics unless the program ended by itself with a status other than 0, not by a signal.
    #[track_caller]
    pub fn expect_failure(self) -> Outcome {
        assert!(
            !self.timed_out && self.status.code().is_some_and(|code| code != 0),
            "{}",
            self.describe()
        );
        self
    }

    /// Command, end, time and both outputs.
    pub fn describe(&self) -> String {
        let end = match (self.timed_out, self.status.signal()) {
            (true, _) => "killed at its time limit".to_owned(),
            (false, Some(signal)) => format!("killed by signal {signal}"),
            (false, None) => self.status.to_string(),
        };
        let Outcome {
            command,
            stdout,
            stderr,
            elapsed,
            ..
        } = self;
        format!(
            "`{command}`: {end} after {elapsed:.1?}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        )
    }
}

/// Reads by position: the child shares the file offset and may be writing.
fn contents(file: &File) -> String {
    let len = file.metadata().expect("fstat of an own file").len();
    let mut bytes = vec![0; usize::try_from(len).expect("output that fits in memory")];
    file.read_exact_at(&mut bytes, 0)
        .expect("output that only grows");
    String::from_utf8_lossy(&bytes).into_owned()
}
