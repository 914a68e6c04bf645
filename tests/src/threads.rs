//! Where the threads of this process are.

use std::fs;
use std::path::Path;

/// A line for each thread: its name, the system call that it is in, and the kernel functions on top of its stack.
#[must_use]
pub fn report() -> String {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let lines = tasks.filter_map(|task| Some(line(&task.ok()?.path())));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether every thread whose name begins so waits for another thread.
#[must_use]
pub fn rest(name: &str) -> bool {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    tasks.filter_map(Result::ok).all(|task| {
        let read = |file| fs::read_to_string(task.path().join(file)).unwrap_or_default();
        !read("comm").starts_with(name) || read("stack").contains("futex_do_wait")
    })
}

fn line(task: &Path) -> String {
    let read = |file| fs::read_to_string(task.join(file)).unwrap_or_default();
    let (name, call, stack) = (read("comm"), read("syscall"), read("stack"));
    let call = call.split(' ').next().unwrap_or_default().trim().to_owned();
    let functions = stack.lines().filter_map(|line| {
        let (_address, function) = line.split_once("] ")?;
        function.split('+').next()
    });
    let top: Vec<_> = functions.take(4).collect();
    format!("{}: system call {call}, {}", name.trim(), top.join(" < "))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_thread_has_a_line() {
        let report = super::report();
        assert!(
            !report.is_empty() && report.contains("system call"),
            "{report}"
        );
    }
}
