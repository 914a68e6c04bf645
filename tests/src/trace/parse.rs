//! Reads the text that tracefs shows.

use std::collections::BTreeMap;

use super::{Action, Buffer, Event, Syscall, Trace};

impl Trace {
    /// Reads the whole of `trace`, written with the option `record-tgid`.
    pub(super) fn parse(text: &str) -> Trace {
        assert!(!text.contains("LOST"), "the trace buffer was too small");
        // By thread: the system call that it is in.
        let mut inside: BTreeMap<&str, Syscall> = BTreeMap::new();
        let mut events = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some(Line {
                process,
                thread,
                thread_name,
                name,
                fields,
            }) = Line::split(line)
            else {
                continue;
            };
            let action = match name {
                "sys_enter" => {
                    let call = call(fields);
                    inside.insert(thread, call);
                    (!call.reads_clock()).then_some(Action::Call(call))
                }
                "sys_exit" => {
                    inside.remove(thread);
                    None
                }
                "dma_buf_get" => match inside.get(thread) {
                    Some(call) if call.is_queue() => Some(Action::Queue(buffer(fields))),
                    Some(call) if call.is_import() => Some(Action::Import(buffer(fields))),
                    _ => None,
                },
                "dma_buf_dynamic_attach" => Some(Action::Attach(buffer(fields))),
                "dma_buf_export" => Some(Action::Export(buffer(fields))),
                // The second is what mmap(2) calls, the first what a driver calls that maps on behalf of another.
                "dma_buf_mmap" | "dma_buf_mmap_internal" => Some(Action::Map(buffer(fields))),
                "vb2_buf_done" => Some(Action::Filled { left: left(fields) }),
                "vb2_dqbuf" => Some(Action::Frame),
                "vb2_qbuf" => Some(Action::Index(index(fields))),
                _ => None,
            };
            events.extend(action.map(|action| Event {
                process,
                thread: thread_name.to_owned(),
                action,
            }));
        }
        Trace { events }
    }
}

/// `  v4l2src0:src-812   (    801) [001] .....  45.910: dma_buf_get: exp_name=…`
struct Line<'a> {
    process: u32,
    thread: &'a str,
    thread_name: &'a str,
    name: &'a str,
    fields: &'a str,
}

impl Line<'_> {
    fn split(line: &str) -> Option<Line<'_>> {
        // A thread's name may hold any of these characters; the first match that is followed by digits is the column.
        let (task, rest) = line.match_indices(" (").find_map(|(at, _bracket)| {
            let (process, rest) = line[at + 2..].split_once(") [")?;
            let process = process.trim();
            (process
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'-'))
            .then_some((at, (process, rest)))
        })?;
        let (process, rest) = rest;
        let (thread_name, thread) = line[..task].trim().rsplit_once('-')?;
        let (_cpu_and_time, event) = rest.split_once(": ")?;
        let (name, fields) = event.split_once(": ")?;
        // Dashes: a task that ended before the tracer learned of its process.
        Some(Line {
            process: process.parse().unwrap_or(0),
            thread,
            thread_name,
            name,
            fields,
        })
    }
}

/// `NR 16 (7, c058560f, 7ffd…, 0, 0, 0)`
fn call(fields: &str) -> Syscall {
    let parse = || {
        let (number, arguments) = fields.strip_prefix("NR ")?.split_once(" (")?;
        let second = arguments.split([',', ')']).nth(1)?;
        Some(Syscall::new(
            number.parse().ok()?,
            u64::from_str_radix(second.trim(), 16).ok()?,
        ))
    };
    parse().unwrap_or_else(|| panic!("no system call: `{fields}`"))
}

/// `owner = 0000000012345678, queued = 1, owned_by_drv = 0, index = 3, type = 1, …`
fn index(fields: &str) -> u32 {
    let index = fields
        .split(", ")
        .find_map(|field| field.strip_prefix("index = "));
    index
        .and_then(|index| index.trim().parse().ok())
        .unwrap_or_else(|| panic!("no index: `{fields}`"))
}

/// `exp_name=system size=8192 ino=7 fd=20`
fn buffer(fields: &str) -> Buffer {
    let text = |name| {
        fields
            .split(' ')
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    let number = |name| {
        text(name)
            .parse()
            .unwrap_or_else(|error| panic!("{name} in `{fields}`: {error}"))
    };
    Buffer {
        inode: number("ino"),
        exporter: text("exp_name").to_owned(),
        len: number("size"),
    }
}

/// `owner = 0000000012345678, queued = 3, owned_by_drv = 2, index = 0, …`
fn left(fields: &str) -> u32 {
    let parse = || {
        let (_before, rest) = fields.split_once("owned_by_drv = ")?;
        rest.split(',').next()?.trim().parse().ok()
    };
    parse().unwrap_or_else(|| panic!("no number of buffers: `{fields}`"))
}

#[cfg(test)]
mod tests {
    use crate::trace::{CallRate, Trace};

    const TEXT: &str = "\
# tracer: nop
  v4l2src0:src-81    (     80) [000] d..1.  12.000001: dma_buf_export: exp_name=system size=8192 ino=7
  v4l2src0:src-81    (     80) [000] d..1.  12.000002: sys_enter: NR 16 (5, c058560f, 7ffd00, 0, 0, 0)
  v4l2src0:src-81    (     80) [000] d..1.  12.000003: dma_buf_get: exp_name=system size=8192 ino=7 fd=20
  v4l2src0:src-81    (     80) [000] d..1.  12.000003: vb2_qbuf: owner = 0000000012345678, queued = 0, owned_by_drv = 0, index = 3, type = 1
  v4l2src0:src-81    (     80) [000] d..1.  12.000004: sys_exit: NR 16 = 0
  vivid-000-vid-c-70 (     70) [001] d..1.  12.000005: vb2_buf_done: owner = 0000000012345678, queued = 3, owned_by_drv = 2, index = 0, bytesused = 8192, timestamp = 1
  v4l2src0:src-81    (     80) [001] d..1.  12.000006: vb2_dqbuf: owner = 0000000012345678, queued = 1, index = 0
  (odd) (name-82     (     80) [001] d..1.  12.000006: sys_enter: NR 228 (1, 7ffd00, 0, 0, 0, 0)
  (odd) (name-82     (     80) [001] d..1.  12.000007: sys_enter: NR 16 (6, c00c642e, 7ffd00, 0, 0, 0)
  (odd) (name-82     (     80) [001] d..1.  12.000008: dma_buf_get: exp_name=system size=8192 ino=7 fd=20
  (odd) (name-82     (     80) [001] d..1.  12.000009: sys_exit: NR 16 = 0
  (odd) (name-82     (     80) [001] d..1.  12.000009: sys_enter: NR 202 (6, 0, 7ffd00, 0, 0, 0)
  v4l2src0:src-81    (     80) [001] d..1.  12.000010: vb2_dqbuf: owner = 0000000012345678, queued = 1, index = 0
  other-9            (      9) [001] d..1.  12.000011: dma_buf_mmap: exp_name=system size=8192 ino=9
  gone-10            (-------) [001] d..1.  12.000012: sys_enter: NR 3 (3, 0, 0, 0, 0, 0)
";

    #[test]
    fn what_is_left_to_a_camera_is_counted() {
        assert_eq!(Trace::parse(TEXT).left_at_frames(), [2]);
    }

    #[test]
    fn a_buffer_is_followed_from_queue_to_import() {
        let trace = Trace::parse(TEXT).of_process(80);
        assert_eq!(trace.exported(), [7].into());
        assert_eq!(trace.queued(), [7].into());
        assert_eq!(trace.imported(), [7].into());
        assert_eq!(trace.mapped(), [].into());
        assert_eq!(Trace::parse(TEXT).mapped(), [9].into());
        assert_eq!(trace.frames(), 2);
    }

    #[test]
    fn a_buffer_is_known_by_its_number() {
        let trace = Trace::parse(TEXT).of_process(80);
        assert_eq!(trace.by_index(), [(3, [vec![7]].into())].into());
    }

    #[test]
    fn frames_cut_out_the_steady_state() {
        let trace = Trace::parse(TEXT);
        let steady = trace.between_frames(1, 2).calls();
        assert_eq!(steady.get("DRM_IOCTL_PRIME_FD_TO_HANDLE"), Some(&1));
        assert_eq!(steady.get("VIDIOC_QBUF"), None);
        assert_eq!(trace.ioctls(), 2);
    }

    #[test]
    fn calls_are_told_apart_by_thread() {
        let trace = Trace::parse(TEXT);
        let threads = trace.threads();
        assert!(threads.contains("v4l2src0:src") && threads.contains("(odd) (name"));
        let calls = trace.of_thread("(odd) (name").calls();
        assert_eq!(
            calls.keys().collect::<Vec<_>>(),
            ["DRM_IOCTL_PRIME_FD_TO_HANDLE", "futex wait"]
        );
        let rates = CallRate::by_thread(&trace.between_frames(1, 2), &trace);
        let rate = |calls, futexes| CallRate { calls, futexes };
        assert_eq!(rates["v4l2src0:src"], rate(1.0, 0.0));
        assert_eq!(rates["(odd) (name"], rate(0.0, 0.0));
    }

    #[test]
    fn the_rate_is_what_each_further_frame_costs() {
        let long = Trace::parse(TEXT).of_process(80);
        let short = long.between_frames(1, 2);
        assert_eq!(
            CallRate::between(&short, &long),
            CallRate {
                calls: 1.0,
                futexes: 0.0
            }
        );
    }
}
