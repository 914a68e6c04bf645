//! Reading the guest kernel's console: did it panic, did something in it go wrong?

use crate::host::process::tail;

/// The worst thing the kernel reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    Warning,
    Oops,
    Panic,
}

const MARKS: [(&str, Fault); 8] = [
    ("Kernel panic", Fault::Panic),
    ("Oops:", Fault::Oops),
    ("BUG:", Fault::Oops),
    ("kernel BUG at", Fault::Oops),
    ("general protection fault", Fault::Oops),
    ("blocked for more than", Fault::Oops),
    ("WARNING:", Fault::Warning),
    ("refcount_t:", Fault::Warning),
];

/// The worst fault on the console, and the lines from its first sign on.
pub(crate) fn worst_fault(console: &str) -> Option<(Fault, String)> {
    let lines: Vec<&str> = console.lines().collect();
    let fault_of = |line: &str| {
        MARKS
            .iter()
            .filter(|(mark, _)| line.contains(mark))
            .map(|&(_, fault)| fault)
            .max()
    };
    let worst = lines.iter().filter_map(|line| fault_of(line)).max()?;
    let first = lines
        .iter()
        .position(|line| fault_of(line) == Some(worst))?;
    Some((
        worst,
        lines[first..]
            .iter()
            .take(40)
            .copied()
            .collect::<Vec<_>>()
            .join("\n"),
    ))
}

/// The last lines of the console, for an error message.
pub(crate) fn last_lines(console: &str) -> String {
    tail(console, 30)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_console_has_no_fault() {
        assert_eq!(
            worst_fault("[ 0.1] Linux version\n[ 0.2] vivid: loaded\n"),
            None
        );
    }

    #[test]
    fn the_worst_fault_counts_and_is_shown_from_its_first_line() {
        let console =
            "a\n[1] WARNING: CPU: 0\nb\n[2] BUG: unable to handle page fault\n[2] Oops: 0000\nc\n";
        let (fault, text) = worst_fault(console).unwrap();
        assert_eq!(fault, Fault::Oops);
        assert!(
            text.starts_with("[2] BUG:") && text.ends_with('c'),
            "{text}"
        );
        assert_eq!(
            worst_fault("x\nKernel panic - not syncing: y\n").unwrap().0,
            Fault::Panic
        );
        assert_eq!(
            worst_fault("[1] WARNING: CPU: 0\n").unwrap().0,
            Fault::Warning
        );
    }
}
