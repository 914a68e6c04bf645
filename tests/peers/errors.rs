//! Bad input is a clear error: one table of what goes wrong, what a program gets, what a person reads, and that nothing stays.

use dmaheap_tests::census;
use dmaheap_tests::command::{Run, Running};
use dmaheap_tests::failing::{self, Account, Environment};
use dmaheap_tests::player::Player;
use dmaheap_tests::scanout::display_state;
use dmaheap_tests::vivid::Vivid;
use dmaheap_tests::{note, vkms, wait};
use std::time::Duration;

const DRAWN: &str = "videotestsrc ! video/x-raw,format=NV12,width=640,height=360";
const RESOURCE: &str = "gst-resource-error-quark";
const PARSE: &str = "gst_parse_error";
const STREAM: &str = "gst-stream-error-quark";

/// Codes of `GstParseError`, `GstResourceError` and `GstStreamError`.
const LINK: i32 = 3;
const NOT_FOUND: i32 = 3;
const OPEN_READ_WRITE: i32 = 7;
const NOT_AUTHORIZED: i32 = 15;
const STREAM_FAILED: i32 = 1;
const WRONG_TYPE: i32 = 5;

/// What a source says when nobody takes what it has.
const NOT_NEGOTIATED: (&str, i32) = (STREAM, STREAM_FAILED);

const AS_IT_IS: Environment = Environment::AsItIs;

/// One way to go wrong.
struct Case {
    name: &'static str,
    environment: Environment,
    pipeline: String,
    domain: &'static str,
    code: i32,
    /// What the text must name; of alternatives in one string, separated by `|`, one is enough.
    names: &'static [&'static str],
}

fn case(
    name: &'static str,
    environment: Environment,
    pipeline: &str,
    (domain, code): (&'static str, i32),
    names: &'static [&'static str],
) -> Case {
    Case {
        name,
        environment,
        pipeline: pipeline.to_owned(),
        domain,
        code,
        names,
    }
}

fn cases() -> Vec<Case> {
    let mut cases = allocator_cases();
    cases.extend(display_cases());
    cases.extend(compositor_cases());
    cases
}

fn allocator_cases() -> Vec<Case> {
    vec![
        case(
            "a heap that does not exist",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapalloc heap=nosuch ! fakesink"),
            (RESOURCE, NOT_FOUND),
            &["nosuch", "system", "udmabuf"],
        ),
        case(
            "no /dev/dma_heap",
            Environment::WithoutHeaps,
            &format!("{DRAWN} ! dmaheapalloc heap=system ! fakesink"),
            (RESOURCE, NOT_FOUND),
            &["system", "/dev/dma_heap", "udmabuf"],
        ),
        case(
            "no memory to share at all",
            Environment::WithoutSharedMemory,
            &format!("{DRAWN} ! dmaheapalloc ! fakesink"),
            (RESOURCE, NOT_FOUND),
            &["dma_heap|dma-buf heap", "udmabuf"],
        ),
        case(
            "a heap without permission",
            Environment::Unprivileged,
            &format!("{DRAWN} ! dmaheapalloc heap=system ! fakesink"),
            (RESOURCE, NOT_AUTHORIZED),
            &[
                "system",
                "/dev/dma_heap/system",
                "Permission denied|EACCES",
                "udev|group|chmod",
            ],
        ),
        case(
            "pictures without area",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=NV12,width=0,height=0 ! dmaheapalloc ! fakesink",
            (PARSE, LINK),
            &["dmaheapalloc", "width=(int)0"],
        ),
        case(
            "pictures beyond every size",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=NV12,width=65536,height=65536 ! dmaheapalloc ! fakesink",
            NOT_NEGOTIATED,
            // videotestsrc refuses by itself; nothing of ours is asked.
            &["not-negotiated"],
        ),
        case(
            "a copy where copies are forbidden",
            AS_IT_IS,
            "videotestsrc name=painter ! video/x-raw,format=BGRx,width=640,height=360 ! identity drop-allocation=true \
             ! dmaheapalloc zero-copy=required ! fakesink",
            (STREAM, WRONG_TYPE),
            &["zero-copy", "identity|painter", "921600|bytes", "preferred"],
        ),
    ]
}

fn display_cases() -> Vec<Case> {
    vec![
        case(
            "pictures beyond the size of the display",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=NV12,width=16384,height=16384 ! dmaheapkmssink driver-name=vkms",
            NOT_NEGOTIATED,
            &["16384", "vkms", "8192"],
        ),
        case(
            "a format that the plane lacks",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=YUY2,width=640,height=360 ! dmaheapkmssink driver-name=vkms",
            NOT_NEGOTIATED,
            &["YUY2|YUYV", "vkms", "NV12"],
        ),
        case(
            "a format of the camera that the plane lacks",
            AS_IT_IS,
            "v4l2src device=/dev/video0 ! video/x-raw,format=YUY2,width=640,height=360 \
             ! dmaheapkmssink driver-name=vkms",
            NOT_NEGOTIATED,
            &["YUY2|YUYV", "vkms", "NV12"],
        ),
        case(
            "a driver that does not exist",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapkmssink driver-name=nosuch"),
            (RESOURCE, OPEN_READ_WRITE),
            &["nosuch", "vkms", "/dev/dri/card0"],
        ),
        case(
            "a device that does not exist",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapkmssink device=/dev/dri/card9"),
            (RESOURCE, OPEN_READ_WRITE),
            &["/dev/dri/card9", "No such file|ENOENT"],
        ),
    ]
}

fn compositor_cases() -> Vec<Case> {
    vec![
        case(
            "no compositor is named",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapwaylandsink"),
            (RESOURCE, OPEN_READ_WRITE),
            &["WAYLAND_DISPLAY", "Wayland session"],
        ),
        case(
            "a compositor that does not run",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapwaylandsink display=/run/nosuch/wayland-9"),
            (RESOURCE, OPEN_READ_WRITE),
            &[
                "/run/nosuch/wayland-9",
                "No such file|ENOENT",
                "WAYLAND_DISPLAY",
                "XDG_RUNTIME_DIR",
            ],
        ),
        case(
            "a compositor by a name without a directory",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapwaylandsink display=wayland-9"),
            (RESOURCE, OPEN_READ_WRITE),
            &["wayland-9", "XDG_RUNTIME_DIR"],
        ),
    ]
}

/// Dma-bufs, their bytes, framebuffers of the display, and its atomic state.
fn machine() -> ((usize, u64), Vec<u32>, String) {
    let card = vkms::card();
    (census::dmabufs(), card.framebuffers(), display_state())
}

fn check(case: &Case) -> Result<(), String> {
    let before = machine();
    let account = failing::play_to_error(&case.pipeline, case.environment)
        .map_err(|why| format!("{}: {why}", case.name))?;
    let launched = case
        .environment
        .wrap(Run::pipeline(&case.pipeline).limit(Duration::from_secs(20)))
        .finish();
    let Account {
        domain,
        code,
        text,
        milliseconds,
    } = account;
    note(format!(
        "{}: {domain} {code} after {milliseconds} ms: {text}",
        case.name
    ));
    let mut complaints = Vec::new();
    if (domain.as_str(), code) != (case.domain, case.code) {
        complaints.push(format!(
            "{domain} {code} instead of {} {}",
            case.domain, case.code
        ));
    }
    for name in case.names {
        if !name.split('|').any(|name| text.contains(name)) {
            complaints.push(format!("the text does not name {name}"));
        }
    }
    if milliseconds > 2000 {
        complaints.push(format!("it took {milliseconds} ms"));
    }
    if launched.timed_out || launched.status.code().is_none_or(|code| code == 0) {
        complaints.push(format!("gst-launch-1.0: {}", launched.describe()));
    }
    if wait::until(Duration::from_secs(2), || {
        (machine() == before).then_some(())
    })
    .is_none()
    {
        complaints.push(format!("left behind: {before:?} → {:?}", machine()));
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(format!("{}: {}\n{text}", case.name, complaints.join("; ")))
}

#[test]
fn bad_input_is_a_clear_error_and_leaves_nothing_behind() {
    let failures: Vec<String> = cases()
        .iter()
        .filter_map(|case| check(case).err())
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} cases\n{}",
        failures.len(),
        cases().len(),
        failures.join("\n\n")
    );
}

/// `kmssink` in a process of its own, once it shows something.
fn other_master() -> Running {
    let before = vkms::card().framebuffers().len();
    let other = Run::pipeline(&format!("{DRAWN} ! kmssink driver-name=vkms")).start();
    let is_lit = || (vkms::card().framebuffers().len() > before).then_some(());
    assert!(
        wait::until(Duration::from_secs(20), is_lit).is_some(),
        "kmssink shows nothing: {}",
        other.output()
    );
    other
}

#[test]
fn a_display_that_another_program_owns_is_named_together_with_the_reason() {
    let other = other_master();
    let account = failing::play_to_error(
        &format!("{DRAWN} ! dmaheapkmssink driver-name=vkms"),
        Environment::AsItIs,
    )
    .unwrap_or_else(|why| panic!("{why}"));
    note(format!("{account:?}"));
    assert_eq!(account.domain, RESOURCE);
    for name in ["/dev/dri/card0", "master"] {
        assert!(
            account.text.contains(name),
            "{name} is missing in {}",
            account.text
        );
    }
    assert!(account.milliseconds <= 2000, "{} ms", account.milliseconds);
    other.interrupt();
    let outcome = other.finish();
    assert!(
        !outcome.timed_out,
        "the other program goes on undisturbed and ends when told: {}",
        outcome.describe()
    );
}

#[test]
fn after_an_error_the_same_pipeline_plays_once_the_cause_is_gone() {
    let vivid = Vivid::find();
    let other = other_master();
    let caps = "video/x-raw,format=NV12,width=640,height=360";
    let source = format!("{} io-mode=dmabuf-import ! {caps}", vivid.source());
    let player = Player::launch(&format!("{source} ! dmaheapkmssink driver-name=vkms"));
    let failure = player.play_to_failure();
    assert!(failure.text().contains("master"), "{failure:?}");
    player.stop();
    other.interrupt();
    let _outcome = other.finish();
    player.play();
    player.wait_frames(5);
}
