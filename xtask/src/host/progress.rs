//! What a long step shows: a spinner on a terminal, timed plain lines elsewhere.
//!
//! A silent command looks like a hung one. On a terminal the spinner turns and shows the last line of output; in a log file a line
//! every half minute says that the step still runs.

use std::env;
use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const HEARTBEAT: Duration = Duration::from_secs(25);

/// A step that takes time, shown on stderr from `start` until `done` or drop.
#[derive(Debug)]
pub(crate) struct Step {
    title: String,
    started: Instant,
    noted: Instant,
    detail: String,
    bar: Option<ProgressBar>,
}

impl Step {
    /// Shows that `title` begins.
    pub(crate) fn start(title: impl Into<String>) -> Self {
        let title = title.into();
        let bar = interactive().then(|| spinner(&title));
        if bar.is_none() {
            eprintln!("       … {title}");
        }
        let now = Instant::now();
        Self {
            title,
            started: now,
            noted: now,
            detail: String::new(),
            bar,
        }
    }

    /// Shows what the step does right now, usually the last line of a program's output.
    pub(crate) fn detail(&mut self, text: &str) {
        let text = text.trim();
        if !text.is_empty() {
            self.detail = printable(text);
            if let Some(bar) = &self.bar {
                bar.set_message(self.detail.clone());
            }
        }
        self.tick();
    }

    /// Keeps a log file alive: one plain line per half minute.
    pub(crate) fn tick(&mut self) {
        if self.bar.is_none() && self.noted.elapsed() >= HEARTBEAT {
            self.noted = Instant::now();
            eprintln!(
                "{:>6.0} s {}: {}",
                self.started.elapsed().as_secs_f64(),
                self.title,
                self.detail
            );
        }
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Leaves one line that says how long the step took.
    pub(crate) fn done(self, outcome: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let outcome = if outcome.is_empty() {
            String::new()
        } else {
            format!(": {outcome}")
        };
        eprintln!(
            "{:>6.1} s {}{outcome}",
            self.started.elapsed().as_secs_f64(),
            self.title
        );
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn interactive() -> bool {
    io::stderr().is_terminal()
        && env::var_os("CI").is_none()
        && env::var_os("TERM").is_some_and(|term| term != "dumb")
}

fn spinner(title: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed:>5} {prefix} {wide_msg:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner());
    let bar = ProgressBar::new_spinner()
        .with_style(style)
        .with_prefix(title.to_owned());
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\tc"), "a[2Jbc");
        assert_eq!(printable(&"x".repeat(500)).len(), 160);
    }
}
