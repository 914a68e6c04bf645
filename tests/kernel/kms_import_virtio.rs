//! virtio-gpu without blobs: a display that takes no memory but its own.

use dmabuf_heap::{Fourcc, FrameSpec, Importer, LayoutRequest, Refusal, Suspect, Verdict};
use dmaheap_tests::census::Census;
use dmaheap_tests::kms::{OpenCard, output_of, registry_allocators, verdict_as_shown};
use drm_import::{Output, Placement, PlaneImporter, Rect};

const ENODEV: i32 = 19;

fn filling(output: &Output) -> (LayoutRequest, Placement) {
    let mode = output.mode();
    let whole = Rect::new(0, 0, mode.width, mode.height);
    let request = LayoutRequest::new(Fourcc::XRGB8888, mode.width, mode.height);
    (request, Placement::centered(whole, whole))
}

#[test]
fn foreign_memory_is_refused_as_such_and_its_own_is_shown() {
    let card = OpenCard::of_driver("virtio_gpu");
    let output = output_of(&card.device());
    let importer = PlaneImporter::for_output(&output);
    let (request, placement) = filling(&output);
    let own = importer
        .own_allocator()
        .expect("virtio-gpu has dumb buffers");
    let (before, handle) = (Census::take(), card.free_handle());
    for allocator in registry_allocators() {
        let frame = allocator
            .allocate(&request)
            .unwrap_or_else(|error| panic!("{error}"));
        match verdict_as_shown(&importer, &output, &frame, &placement) {
            Verdict::Refused(Refusal {
                suspect: Some(Suspect::Foreign),
                errno: Some(ENODEV),
                ..
            }) => {}
            other => panic!("{}: {other:?}", allocator.name()),
        }
    }
    for number in 0..4 {
        let frame = own
            .allocate(&request)
            .unwrap_or_else(|error| panic!("{error}"));
        let verdict = verdict_as_shown(&importer, &output, &frame, &placement);
        assert_eq!(verdict, Verdict::Accepted, "frame {number}");
    }
    output.blank().unwrap_or_else(|error| panic!("{error}"));
    before.expect_restored("all trials");
    assert_eq!(card.free_handle(), handle, "GEM handles are closed");
}

#[test]
fn its_own_memory_keeps_the_strides_that_were_given() {
    let output = output_of(&OpenCard::of_driver("virtio_gpu").device());
    let importer = PlaneImporter::for_output(&output);
    let (request, placement) = filling(&output);
    let stride = output.mode().width * 4 + 64;
    let own = importer
        .own_allocator()
        .expect("virtio-gpu has dumb buffers");
    let frame = own
        .allocate(&request.plane_strides(&[stride]).min_len(8 << 20))
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(frame.layout().planes()[0].stride, stride);
    assert!(frame.dmabuf(0).len() >= 8 << 20);
    let verdict = verdict_as_shown(&importer, &output, &frame, &placement);
    assert_eq!(verdict, Verdict::Accepted);
    output.blank().unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn it_says_that_it_takes_rgb_only_and_that_its_memory_is_no_other() {
    let device = OpenCard::of_driver("virtio_gpu").device();
    let importer = PlaneImporter::new(&device);
    let refusal = importer
        .constraints(&FrameSpec::new(Fourcc::NV12, 640, 480))
        .expect_err("virtio-gpu has no NV12");
    assert!(refusal.to_string().contains("XR24"), "{refusal}");
    let own = importer
        .own_allocator()
        .expect("virtio-gpu has dumb buffers");
    let error = own
        .allocate(&LayoutRequest::new(Fourcc::NV12, 640, 480))
        .expect_err("it makes pixels of 32 bits only");
    for word in ["dumb-card", "CREATE_DUMB", "Invalid argument"] {
        assert!(
            error.to_string().contains(word),
            "{word} is missing in: {error}"
        );
    }
}
