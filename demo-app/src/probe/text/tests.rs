use super::page;
use crate::probe::model::{AllocatorRow, Cell, DeviceRow, Findings, Mark, Permission};

const CAMERA: &str = "camera vivid (/dev/video0)";

fn allocator(name: &str, aliases: &[&str], contiguity: &'static str) -> AllocatorRow {
    AllocatorRow {
        name: name.to_owned(),
        aliases: aliases.iter().map(ToString::to_string).collect(),
        contiguity,
        mappable: true,
        max_len: None,
    }
}

fn cell(device: &str, allocator: &str, verdict: Mark, reason: &str) -> Cell {
    Cell {
        device: device.to_owned(),
        allocator: allocator.to_owned(),
        verdict,
        reason: (verdict != Mark::Accepted).then(|| reason.to_owned()),
    }
}

fn findings() -> Findings {
    let refusal = "VIDIOC_PREPARE_BUF of buffer 0, plane 0, 345600 bytes: Bad address; the device wants \
                   memory that is contiguous";
    Findings {
        allocators: vec![
            allocator("system", &[], "scattered"),
            allocator("default_cma_region", &["reserved"], "contiguous"),
            allocator("udmabuf", &[], "scattered"),
        ],
        devices: vec![DeviceRow {
            name: CAMERA.to_owned(),
            path: "/dev/video0".to_owned(),
            kind: "camera".to_owned(),
            role: "writes",
            picture: Some("NV12 640x360".to_owned()),
            problem: None,
        }],
        matrix: vec![
            cell(CAMERA, "system", Mark::Refused, refusal),
            cell(CAMERA, "default_cma_region", Mark::Accepted, ""),
            cell(CAMERA, "udmabuf", Mark::Refused, refusal),
        ],
        permissions: vec![Permission {
            path: "/dev/video1".to_owned(),
            remedy: "no permission to open /dev/video1: be a member of the group video".to_owned(),
        }],
    }
}

fn plain(findings: &Findings) -> String {
    let page = page(findings).expect("a string takes everything");
    anstream::adapter::strip_str(&page).to_string()
}

#[test]
fn no_line_is_wider_than_eighty_columns() {
    let text = plain(&findings());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn each_device_has_a_mark_under_each_allocator() {
    let text = plain(&findings());
    let row = text
        .lines()
        .find(|line| line.contains("writes NV12 640x360"))
        .expect("a row for the camera");
    let heading = text
        .lines()
        .find(|line| line.starts_with("Devices"))
        .expect("a heading");
    let columns = |line: &str, signs: &[char]| -> Vec<usize> {
        let found = line.chars().enumerate();
        found
            .filter(|(_, sign)| signs.contains(sign))
            .map(|(column, _)| column)
            .collect()
    };
    assert_eq!(
        columns(row, &['✓', '✗']),
        columns(heading, &['A', 'B', 'C'])
    );
    assert!(row.ends_with("✗  ✓  ✗"), "{row}");
}

#[test]
fn the_same_reason_is_told_once_for_all_its_allocators() {
    let text = plain(&findings());
    assert_eq!(text.matches("VIDIOC_PREPARE_BUF").count(), 1, "{text}");
    assert!(text.contains("✗ system, udmabuf: "), "{text}");
}

#[test]
fn colours_stand_in_escapes_that_can_be_taken_away() {
    let coloured = page(&findings()).expect("a string takes everything");
    assert!(coloured.contains('\u{1b}'));
    assert!(!plain(&findings()).contains('\u{1b}'));
}

#[test]
fn aliases_and_missing_permissions_are_named() {
    let text = plain(&findings());
    assert!(text.contains("also named reserved"), "{text}");
    assert!(text.contains("be a member of the group video"), "{text}");
}

#[test]
fn a_machine_without_anything_is_told_so() {
    let nothing = Findings {
        allocators: Vec::new(),
        devices: Vec::new(),
        matrix: Vec::new(),
        permissions: Vec::new(),
    };
    let text = plain(&nothing);
    assert!(
        text.contains("no camera") && text.contains("none that devices can share"),
        "{text}"
    );
}

#[test]
fn json_has_the_four_parts() {
    let json = serde_json::to_value(findings()).expect("plain data");
    for part in ["allocators", "devices", "matrix", "permissions"] {
        assert!(json[part].is_array(), "{part}");
    }
    assert_eq!(json["allocators"][1]["name"], "default_cma_region");
    assert_eq!(json["allocators"][1]["aliases"][0], "reserved");
    assert_eq!(json["matrix"][0]["verdict"], "refused");
    assert_eq!(json["matrix"][1]["reason"], serde_json::Value::Null);
}
