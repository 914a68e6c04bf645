//! `dmaheap-demo probe` on every machine: the matrix is what the kernel then does, and nothing is changed by asking.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use dmabuf_heap::{Allocator, Fourcc, LayoutRequest, Registry};
use dmaheap_tests::census::Census;
use dmaheap_tests::command::Run;
use dmaheap_tests::note;
use dmaheap_tests::scanout::PATIENCE;
use dmaheap_tests::v4l2_frame;
use dmaheap_tests::v4l2_stream::{Side, stream};
use drm_import::{Device as Card, Output, Placement, PlaneImporter, Rect};
use serde_json::Value;
use v4l2_import::{Device, Queue};

/// What V4L2 drivers want queued before they start.
const FRAMES: usize = 3;

fn probe() -> Value {
    let outcome = Run::new("dmaheap-demo").args(["probe", "--json"]).finish();
    let outcome = outcome.expect_success();
    serde_json::from_str(&outcome.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", outcome.describe()))
}

#[track_caller]
fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text in {field} of {row}"))
}

#[track_caller]
fn rows<'a>(findings: &'a Value, part: &str) -> &'a [Value] {
    findings[part]
        .as_array()
        .unwrap_or_else(|| panic!("no list {part} in {findings}"))
}

/// Whether frames of an allocator go through all queues of a V4L2 device, without a word of ours.
fn streams(node: &Path, allocator: &dyn Allocator) -> Result<(), String> {
    let device = Device::open(node).expect("the probe opened it, too");
    let queues = device.info().queues();
    let formats: Vec<_> = queues
        .iter()
        .map(|&queue| device.format(queue).expect("a format"))
        .collect();
    let is_multiplanar = device.info().is_multiplanar;
    drop(device);
    let frames: Vec<Vec<_>> = formats
        .iter()
        .map(|format| {
            let frame = |_| v4l2_frame::frame(allocator, format);
            (0..FRAMES).map(frame).collect()
        })
        .collect();
    let sides: Vec<Side<'_>> = queues
        .iter()
        .zip(&formats)
        .zip(&frames)
        .map(|((&queue, format), frames): ((&Queue, _), _)| Side {
            queue,
            format,
            frames,
        })
        .collect();
    stream(node, is_multiplanar, &sides).map_err(|error| error.to_string())
}

/// Whether a frame of an allocator comes on screen.
fn shows(node: &Path, picture: &str, allocator: &str) -> Result<(), String> {
    let card = Card::open(node).expect("the probe opened it, too");
    let output = Output::builder(&card).build().expect("nobody else is here");
    let (fourcc, size) = picture.split_once(' ').expect("a format and a size");
    let (width, height) = size.split_once('x').expect("a width and a height");
    let (width, height) = (
        width.parse().expect("pixels"),
        height.parse().expect("pixels"),
    );
    let fourcc = Fourcc::from_str(fourcc).expect("a fourcc");
    let own = dmabuf_heap::Importer::own_allocator(&PlaneImporter::new(&card));
    let allocator = match own {
        Some(own) if own.name() == allocator => own,
        _ => of_name(allocator),
    };
    let frame = allocator
        .allocate(&LayoutRequest::new(fourcc, width, height))
        .map_err(|error| error.to_string())?;
    let whole = Rect::new(0, 0, width, height);
    let shown = output.show(&frame, &Placement::centered(whole, whole), Box::new(()));
    assert!(output.wait_idle(PATIENCE), "the flip");
    shown.map_err(|error| error.to_string())
}

#[track_caller]
fn of_name(allocator: &str) -> Arc<dyn Allocator> {
    let registry = Registry::discover();
    registry
        .find(allocator)
        .unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_matrix_is_what_the_kernel_then_does() {
    let before = Census::take();
    let findings = probe();
    let kept_after_probe = before.kept_by_kernel("the probe");
    let between = Census::take();
    let mut compared = 0;
    for device in rows(&findings, "devices") {
        let (name, node) = (text(device, "name"), PathBuf::from(text(device, "path")));
        for cell in rows(&findings, "matrix") {
            let allocator = text(cell, "allocator");
            let card = node.file_name().expect("a node").to_string_lossy();
            let is_dumb_elsewhere =
                allocator.starts_with("dumb-") && *allocator != *format!("dumb-{card}");
            if text(cell, "device") != name || is_dumb_elsewhere {
                continue;
            }
            let done = match text(device, "kind") {
                "display" => shows(&node, text(device, "picture"), allocator),
                _ => streams(&node, &*of_name(allocator)),
            };
            note(format!(
                "{name}, {allocator}: {}, {done:?}",
                cell["verdict"]
            ));
            match text(cell, "verdict") {
                "accepted" => assert_eq!(done, Ok(()), "{cell}"),
                "refused" => {
                    done.expect_err(text(cell, "reason"));
                }
                other => panic!("{other} of an idle device: {cell}"),
            }
            compared += 1;
        }
    }
    assert!(
        compared >= 3,
        "at least one device and its memory: {findings}"
    );
    let kept_after_streaming = between.kept_by_kernel("streaming");
    assert!(
        kept_after_probe <= kept_after_streaming,
        "{kept_after_probe} dma-bufs after the probe, {kept_after_streaming} after streaming"
    );
}

#[test]
fn the_page_has_eighty_columns_and_no_colours_in_a_pipe() {
    let outcome = Run::new("dmaheap-demo")
        .arg("probe")
        .finish()
        .expect_success();
    for line in outcome.stdout.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(!outcome.stdout.contains('\u{1b}'), "{}", outcome.describe());
    assert!(outcome.stdout.contains("system"), "{}", outcome.describe());
}

#[test]
fn heaps_and_their_other_names_are_listed() {
    let findings = probe();
    let allocators = rows(&findings, "allocators");
    let names: Vec<_> = allocators.iter().map(|row| text(row, "name")).collect();
    for name in ["system", "default_cma_region", "udmabuf"] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let contiguous = allocators
        .iter()
        .find(|row| text(row, "name") == "default_cma_region")
        .expect("it is in the list");
    assert_eq!(contiguous["aliases"], serde_json::json!(["reserved"]));
    assert!(
        rows(&findings, "permissions").is_empty(),
        "root may everything"
    );
}

#[test]
fn a_user_without_permissions_is_told_the_rule_that_gives_them() {
    let outcome = Run::new("dmaheap-demo")
        .args(["probe", "--json"])
        .wrapped(
            "setpriv",
            &["--reuid=65534", "--regid=65534", "--clear-groups"],
        )
        .finish()
        .expect_success();
    let findings: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let permissions = rows(&findings, "permissions");
    let remedies: Vec<_> = permissions.iter().map(|row| text(row, "remedy")).collect();
    let remedy_of = |path: &str| {
        let row = permissions.iter().find(|row| text(row, "path") == path);
        row.map_or_else(
            || panic!("{path} is missing in {remedies:?}"),
            |row| text(row, "remedy"),
        )
    };
    let heap = remedy_of("/dev/dma_heap/system");
    assert!(
        heap.contains("SUBSYSTEM==\"dma_heap\", KERNEL==\"system\", GROUP=\"video\""),
        "{heap}"
    );
    for cell in rows(&findings, "matrix") {
        assert_eq!(text(cell, "verdict"), "unknown", "{cell}");
    }
}
