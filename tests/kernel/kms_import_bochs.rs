//! What drm-import says of memory for bochs, whose one plane takes XRGB8888 only and must fill the screen.

use dmabuf_heap::{Fourcc, FrameSpec, Importer, LayoutRequest, Verdict};
use dmaheap_tests::census::Census;
use dmaheap_tests::kms::{OpenCard, output_of, registry_allocators, verdict_as_shown};
use drm_import::{Placement, PlaneImporter, Rect};

#[test]
fn odd_widths_and_strides_of_every_memory_are_accepted_as_a_commit_then_takes_them() {
    let card = OpenCard::of_driver("bochs");
    let output = output_of(&card.device());
    let importer = PlaneImporter::for_output(&output);
    let (width, height) = (output.mode().width, output.mode().height);
    let screen = Rect::new(0, 0, width, height);
    let own = importer.own_allocator().expect("bochs has dumb buffers");
    let (before, handle) = (Census::take(), card.free_handle());
    for allocator in registry_allocators().into_iter().chain([own]) {
        for (width, padding) in [
            (width, 0),
            (width, 4),
            (width, 2),
            (width + 1, 0),
            (width + 3, 1),
        ] {
            let request = LayoutRequest::new(Fourcc::XRGB8888, width, height)
                .plane_strides(&[width * 4 + padding]);
            let frame = allocator
                .allocate(&request)
                .unwrap_or_else(|error| panic!("{error}"));
            let placement = Placement::centered(Rect::new(0, 0, width, height), screen);
            let verdict = verdict_as_shown(&importer, &output, &frame, &placement);
            assert_eq!(verdict, Verdict::Accepted, "{} {frame:?}", allocator.name());
        }
    }
    output.blank().unwrap_or_else(|error| panic!("{error}"));
    before.expect_restored("all trials");
    assert_eq!(card.free_handle(), handle, "GEM handles are closed");
}

#[test]
fn a_frame_that_does_not_fill_the_screen_is_refused_as_its_commit_is() {
    let output = output_of(&OpenCard::of_driver("bochs").device());
    let importer = PlaneImporter::for_output(&output);
    let mode = output.mode();
    let screen = Rect::new(0, 0, mode.width, mode.height);
    let placement = Placement::centered(Rect::new(0, 0, 64, 64), screen);
    for allocator in registry_allocators() {
        let frame = allocator
            .allocate(&LayoutRequest::new(Fourcc::XRGB8888, 64, 64))
            .unwrap_or_else(|error| panic!("{error}"));
        let verdict = verdict_as_shown(&importer, &output, &frame, &placement);
        assert!(matches!(verdict, Verdict::Refused(_)), "{verdict:?}");
        let import = PlaneImporter::new(output.device()).probe(&frame);
        assert_eq!(import, Verdict::Accepted, "the memory is fine");
    }
}

#[test]
fn the_constraints_are_those_of_its_one_format() {
    let device = OpenCard::of_driver("bochs").device();
    let importer = PlaneImporter::new(&device);
    let constraints = importer
        .constraints(&FrameSpec::new(Fourcc::XRGB8888, 641, 480))
        .unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(
        constraints.needs().stride_align,
        1,
        "it copies rows of any length"
    );
    let refusal = importer
        .constraints(&FrameSpec::new(Fourcc::NV12, 640, 480))
        .expect_err("bochs has no NV12");
    for word in ["display bochs-drm", "NV12", "XR24"] {
        assert!(
            refusal.to_string().contains(word),
            "{word} is missing in: {refusal}"
        );
    }
}
