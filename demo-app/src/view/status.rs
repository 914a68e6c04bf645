//! What the user sees while it runs. The only place that writes to the terminal.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line program talks on its standard streams"
)]

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::report::Report;

/// Without a terminal, a line is printed this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// One line that is kept up to date on a terminal, and printed now and then elsewhere.
#[derive(Debug)]
pub(super) struct StatusLine {
    bar: Option<ProgressBar>,
    printed: Instant,
}

impl StatusLine {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg}");
            ProgressBar::new_spinner()
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self {
            bar,
            printed: Instant::now(),
        }
    }

    pub(super) fn update(&mut self, elapsed: Duration, report: &Report) {
        let line = line(elapsed, report);
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None if self.printed.elapsed() >= PLAIN_INTERVAL => {
                eprintln!("{line}");
                self.printed = Instant::now();
            }
            None => {}
        }
    }

    /// A line that stays.
    pub(super) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => eprintln!("{text}"),
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

pub(super) fn print(text: &str) {
    println!("{text}");
}

pub(crate) fn print_error(text: &str) {
    eprintln!("{text}");
}

fn line(elapsed: Duration, report: &Report) -> String {
    format!(
        "{:>4} s  {} frames shown, {} dropped, {} copied",
        elapsed.as_secs(),
        report.frames(),
        report.dropped(),
        report.copies(),
    )
}
