//! Layouts that cameras, encoders and displays agree on, and what is said where they do not.

use std::slice::from_ref;

use dmabuf_heap::{
    Constraints, CpuUse, Fourcc, FrameSpec, LayoutError, LayoutRequest, Modifier, SolveError,
    Topology,
};

fn camera() -> Constraints {
    Constraints::of("camera vivid (/dev/video0)")
}

fn display() -> Constraints {
    Constraints::of("display vkms (/dev/dri/card0)")
}

fn planes(request: &LayoutRequest) -> Vec<(u64, u32)> {
    let layout = request.layout().expect("the request is possible");
    layout
        .planes()
        .iter()
        .map(|plane| (plane.offset, plane.stride))
        .collect()
}

#[track_caller]
fn solved(sets: &[Constraints], spec: FrameSpec) -> LayoutRequest {
    let all = Constraints::merge_all(sets).expect("they can be merged");
    all.request(spec).expect("there is a layout")
}

#[track_caller]
fn refused(sets: &[Constraints], spec: FrameSpec) -> String {
    let all = Constraints::merge_all(sets).expect("they can be merged");
    let error = all.request(spec).expect_err("there is no layout");
    assert!(!error.wishes().is_empty(), "{error}");
    error.to_string()
}

#[test]
fn a_driver_and_a_display_agree_on_the_wider_stride() {
    let camera = camera()
        .stride_min(0, 1376)
        .derived_strides()
        .packed_planes()
        .min_len(0, 1376 * 768 * 3 / 2);
    let display = display().stride_align(64).offset_align(64);
    let request = solved(
        &[camera, display],
        FrameSpec::new(Fourcc::YUV420, 1366, 768),
    );
    assert_eq!(
        planes(&request),
        [(0, 1408), (1408 * 768, 704), (1408 * 768 + 704 * 384, 704)]
    );
}

#[test]
fn strides_go_by_the_chroma_rule_unless_that_is_impossible() {
    let spec = FrameSpec::new(Fourcc::YUV420, 362, 242);
    let display = display().stride_align(4);
    assert_eq!(planes(&solved(from_ref(&display), spec))[1].1, 184);
    assert_eq!(planes(&solved(from_ref(&display), spec))[0].1, 368);

    let narrow = Constraints::of("encoder").stride_max(364);
    let request = solved(&[display.clone(), narrow.clone()], spec);
    assert_eq!(
        planes(&request),
        [(0, 364), (364 * 242, 184), (364 * 242 + 184 * 121, 184)]
    );
    let text = refused(&[camera().derived_strides(), display, narrow], spec);
    assert_eq!(
        text,
        "YU12 at 362x242 (rows of 362 and 181 and 181 bytes) cannot be laid out: \
         camera vivid (/dev/video0) wants chroma strides that follow from the first stride, \
         display vkms (/dev/dri/card0) wants strides that are multiples of 4 bytes, \
         but encoder wants strides of at most 364 bytes"
    );
}

#[test]
fn an_implicit_chroma_offset_widens_rows_until_it_is_aligned() {
    let camera = camera().derived_strides().packed_planes();
    let display = display().offset_align(4096);
    let request = solved(&[camera, display], FrameSpec::new(Fourcc::NV12, 1280, 720));
    // 720 is 45 times 16: a stride of 1280 makes 225 pages, and nothing is widened.
    assert_eq!(planes(&request), [(0, 1280), (225 * 4096, 1280)]);
    let camera = self::camera().derived_strides().packed_planes();
    let display = self::display().offset_align(4096);
    let request = solved(&[camera, display], FrameSpec::new(Fourcc::NV12, 1282, 722));
    assert_eq!(planes(&request), [(0, 2048), (2048 * 722, 2048)]);
}

#[test]
fn padded_rows_move_chroma_and_lengthen_the_buffer() {
    let encoder = Constraints::of("encoder")
        .row_align(16)
        .rows_min(1088)
        .tail(512);
    let request = solved(&[encoder], FrameSpec::new(Fourcc::NV12, 1920, 1080));
    assert_eq!(planes(&request), [(0, 1920), (1920 * 1088, 1920)]);
    assert_eq!(request.dmabuf_lens(), Ok(vec![1920 * 1088 * 3 / 2 + 512]));
    let layout = request.layout().expect("possible");
    assert_eq!(
        layout.planes()[1].len,
        1920 * 540,
        "planes have the picture's rows"
    );
}

#[test]
fn two_that_know_no_offsets_must_pad_rows_alike() {
    let camera = camera().packed_planes();
    let encoder = Constraints::of("encoder").packed_planes().row_align(16);
    let sets = [camera, encoder];
    let request = solved(&sets, FrameSpec::new(Fourcc::NV12, 1280, 720));
    assert_eq!(planes(&request)[1].0, 1280 * 720);
    let text = refused(&sets, FrameSpec::new(Fourcc::NV12, 1920, 1080));
    assert!(
        text.contains("camera vivid (/dev/video0) wants each plane right behind the one before it"),
        "{text}"
    );
    assert!(
        text.contains("but encoder wants") && text.contains("rows padded to a multiple of 16"),
        "{text}"
    );
    // A format of one plane has no offsets to disagree on.
    solved(&sets, FrameSpec::new(Fourcc::YUYV, 1920, 1080));
}

#[test]
fn a_dmabuf_for_each_plane_has_its_own_length() {
    let camera = camera()
        .topology(Topology::PER_PLANE)
        .min_len(0, 100_000)
        .min_len(1, 1);
    let spec = FrameSpec::new(Fourcc::NV12, 320, 240);
    let request = solved(
        &[camera.clone(), display().stride_align(256).tail(64)],
        spec,
    );
    assert_eq!(request.topology(), Topology::PER_PLANE);
    assert_eq!(planes(&request), [(0, 512), (0, 512)]);
    let lens = request.dmabuf_lens().expect("possible");
    assert_eq!(lens, [512 * 240 + 64, 512 * 120 + 64]);
    assert_eq!(request.len(), Ok(lens.iter().sum()));

    let text = refused(&[camera.clone(), display().packed_planes()], spec);
    assert!(
        text.contains("camera vivid (/dev/video0) wants a dma-buf for each plane"),
        "{text}"
    );
    assert!(
        text.contains("display vkms (/dev/dri/card0) wants each plane right behind"),
        "{text}"
    );

    let request = solved(&[camera, display()], FrameSpec::new(Fourcc::YUYV, 320, 240));
    assert_eq!(
        request.topology(),
        Topology::ONE,
        "one plane is one dma-buf"
    );
}

#[test]
fn planes_are_parted_only_where_one_dmabuf_does_not_do() {
    let spec = FrameSpec::new(Fourcc::NV12, 320, 240);
    assert_eq!(solved(&[camera()], spec).topology(), Topology::ONE);
    let request = solved(&[camera(), display().offset_max(0)], spec);
    assert_eq!(request.topology(), Topology::PER_PLANE);
    let text = refused(
        &[camera().topology(Topology::ONE), display().offset_max(4096)],
        spec,
    );
    assert_eq!(
        text,
        "NV12 at 320x240 (rows of 320 and 320 bytes) cannot be laid out: \
         camera vivid (/dev/video0) wants all planes in one dma-buf, \
         but display vkms (/dev/dri/card0) wants offsets of at most 4096 bytes"
    );
}

#[test]
fn lengths_that_are_asked_for_are_whole_pages() {
    let page = rustix::param::page_size() as u64;
    let spec = FrameSpec::new(Fourcc::NV12, 64, 32);
    assert_eq!(
        solved(&[camera().min_len(0, page + 1)], spec).len(),
        Ok(2 * page)
    );
    assert_eq!(
        solved(&[camera()], spec).len(),
        Ok(64 * 48),
        "heaps round this up themselves"
    );
}

#[test]
fn who_cannot_be_served_together_is_named_with_the_numbers() {
    let spec = FrameSpec::new(Fourcc::NV12, 1282, 720);
    let row = "NV12 at 1282x720 (rows of 1282 and 1282 bytes) cannot be laid out: ";
    let text = refused(
        &[
            camera().stride_align(256),
            display().stride_max(1500),
            Constraints::of("encoder").row_align(2),
        ],
        spec,
    );
    assert_eq!(
        text,
        format!(
            "{row}camera vivid (/dev/video0) wants strides that are multiples of 256 bytes, \
             but display vkms (/dev/dri/card0) wants strides of at most 1500 bytes"
        )
    );
    let text = refused(&[camera(), display().stride_max(1280)], spec);
    assert_eq!(
        text,
        format!(
            "{row}display vkms (/dev/dri/card0) wants strides of at most 1280 bytes, which nothing can meet"
        )
    );
    let text = refused(
        &[
            camera().stride(0, 1282),
            display()
                .packed_planes()
                .offset_align(4096)
                .topology(Topology::ONE),
        ],
        spec,
    );
    assert!(
        text.contains("a stride of 1282 bytes for plane 0")
            && text.contains("multiples of 4096 bytes"),
        "{text}"
    );
}

#[test]
fn the_picture_itself_may_be_what_cannot_be_met() {
    let tiled = Modifier(0x0100_0000_0000_0001);
    let spec = FrameSpec::new(Fourcc::XRGB8888, 640, 480);
    assert_eq!(
        refused(&[display().modifiers([tiled])], spec),
        "XR24 at 640x480 (rows of 2560 bytes) cannot be laid out: \
         display vkms (/dev/dri/card0) wants the modifier 0x0100000000000001, \
         but the caller wants the modifier linear"
    );
    let read = FrameSpec {
        cpu: CpuUse::Read,
        ..spec
    };
    assert!(
        refused(&[display().protected(true)], read)
            .contains("the caller wants memory for reading by the CPU")
    );

    let error = |spec| {
        Constraints::none()
            .request(spec)
            .expect_err("nobody can lay it out")
    };
    let empty = LayoutError::Empty {
        width: 0,
        height: 480,
    };
    assert_eq!(
        error(FrameSpec::new(Fourcc::XRGB8888, 0, 480)),
        SolveError::Layout(empty)
    );
    let tiled = FrameSpec {
        modifier: tiled,
        ..spec
    };
    assert!(matches!(
        error(tiled),
        SolveError::Layout(LayoutError::NotLinear(_))
    ));
}

#[test]
fn what_the_cpu_does_goes_into_the_request() {
    let spec = FrameSpec {
        cpu: CpuUse::Write,
        ..FrameSpec::new(Fourcc::NV12, 64, 32)
    };
    let request = solved(&[Constraints::of("the CPU").cpu(CpuUse::Read)], spec);
    assert_eq!(request.spec().cpu, CpuUse::ReadWrite);
}
