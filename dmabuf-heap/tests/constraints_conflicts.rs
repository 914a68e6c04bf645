//! What a conflict says: who wants what, and nothing that does not matter.

use dmabuf_heap::{Constraints, CpuUse, Modifier, Topology};

fn camera() -> Constraints {
    Constraints::of("camera vivid (/dev/video0)")
}

fn display() -> Constraints {
    Constraints::of("display vkms (/dev/dri/card0)")
}

#[track_caller]
fn assert_conflict(camera: &Constraints, display: &Constraints, wanted: [&str; 2]) {
    let conflict = camera.merge(display).expect_err(wanted[0]);
    let expected = format!(
        "camera vivid (/dev/video0) wants {}, but display vkms (/dev/dri/card0) wants {}",
        wanted[0], wanted[1]
    );
    assert_eq!(conflict.to_string(), expected);
    assert_eq!(display.merge(camera), Err(conflict), "in the other order");
}

#[test]
fn conflicts_of_strides_name_both_importers_and_both_values() {
    let exact = "a stride of 1282 bytes for plane 0";
    let strides = camera().stride(0, 1282);
    for (other, text) in [
        (
            display().stride(0, 1280),
            "a stride of 1280 bytes for plane 0",
        ),
        (
            display().stride_align(256),
            "strides that are multiples of 256 bytes",
        ),
        (
            display().stride_min(0, 1284),
            "a stride of at least 1284 bytes for plane 0",
        ),
        (display().stride_max(1280), "strides of at most 1280 bytes"),
    ] {
        assert_conflict(&strides, &other, [exact, text]);
    }
    assert_conflict(
        &camera().stride_min(1, 4096),
        &display().stride_max(2048),
        [
            "a stride of at least 4096 bytes for plane 1",
            "strides of at most 2048 bytes",
        ],
    );
}

#[test]
fn multiples_that_leave_their_numbers_are_conflicts() {
    assert_conflict(
        &camera().stride_align(0xffff_fffb),
        &display().stride_align(256),
        [
            "strides that are multiples of 4294967291 bytes",
            "strides that are multiples of 256 bytes",
        ],
    );
    assert_conflict(
        &camera().row_align(0xffff_fffb),
        &display().row_align(16),
        [
            "rows padded to a multiple of 4294967291",
            "rows padded to a multiple of 16",
        ],
    );
    assert_conflict(
        &camera().offset_align(u64::MAX),
        &display().offset_align(4096),
        [
            "offsets that are multiples of 18446744073709551615 bytes",
            "offsets that are multiples of 4096 bytes",
        ],
    );
}

#[test]
fn conflicts_of_memory_name_both_importers_and_both_values() {
    assert_conflict(
        &camera().topology(Topology::PER_PLANE),
        &display().topology(Topology::ONE),
        ["a dma-buf for each plane", "all planes in one dma-buf"],
    );
    assert_conflict(
        &camera().modifiers([Modifier::LINEAR]),
        &display().modifiers([Modifier(0x0100_0000_0000_0001)]),
        ["the modifier linear", "the modifier 0x0100000000000001"],
    );
    assert_conflict(
        &camera().protected(false),
        &display().protected(true),
        ["memory that is not protected", "protected memory"],
    );
    assert_conflict(
        &camera().cpu(CpuUse::Write),
        &display().protected(true),
        ["memory for writing by the CPU", "protected memory"],
    );
}

#[test]
fn three_that_agree_in_pairs_are_all_named() {
    let modifiers = |name, a, b| Constraints::of(name).modifiers([Modifier(a), Modifier(b)]);
    let both = modifiers("a", 1, 2)
        .merge(&modifiers("b", 2, 3))
        .expect("2 is left");
    let conflict = both
        .merge(&modifiers("c", 3, 1))
        .expect_err("nothing is left");
    let names: Vec<_> = conflict
        .wishes()
        .iter()
        .map(|wish| &*wish.importer)
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn what_matters_nothing_is_not_named() {
    let camera = camera()
        .contiguous()
        .derived_strides()
        .stride(0, 1282)
        .min_buffers(3);
    let encoder = Constraints::of("encoder").stride_align(2).row_align(16);
    let both = camera.merge(&encoder).expect("1282 is even");
    let conflict = both
        .merge(&display().stride_align(64).offset_align(4096))
        .expect_err("1282 is no multiple of 64");
    assert_eq!(conflict.wishes().len(), 2, "{conflict}");
}

#[test]
fn an_importer_that_contradicts_itself_is_a_conflict() {
    let torn = camera().modifiers([]);
    let text = torn
        .merge(&Constraints::none())
        .expect_err("no modifier is left")
        .to_string();
    assert_eq!(
        text,
        "camera vivid (/dev/video0) wants no modifier at all, which nothing can meet"
    );

    let torn = display().stride(0, 1282).stride_align(4);
    let conflict = torn.merge(&camera()).expect_err("1282 is no multiple of 4");
    assert!(
        conflict
            .wishes()
            .iter()
            .all(|wish| &*wish.importer == "display vkms (/dev/dri/card0)")
    );
}

#[test]
fn what_is_added_to_merged_constraints_is_the_callers() {
    let both = camera()
        .stride_align(64)
        .merge(&display().stride_align(4))
        .expect("no conflict");
    let more = both.stride_align(256).min_buffers(5);
    assert_eq!(more.importers().count(), 3);
    assert_eq!(
        (more.needs().stride_align, more.needs().min_buffers),
        (256, 5)
    );
    let alone = Constraints::none().stride_align(256).min_buffers(5);
    assert_eq!(more.merge(&alone), Ok(more));

    let torn = camera()
        .stride(0, 1282)
        .merge(&display())
        .expect("no conflict")
        .stride_align(4);
    let conflict = torn
        .merge(&Constraints::none())
        .expect_err("1282 is no multiple of 4");
    assert!(
        conflict
            .to_string()
            .contains("the caller wants strides that are multiples of 4 bytes"),
        "{conflict}"
    );
}
