//! What drm-import says of memory before a frame is shown, on vkms, and whether a real commit agrees.

use std::fs;
use std::path::Path;

use dmabuf_heap::{
    AllocateError, Fourcc, FrameSpec, Importer, LayoutRequest, Refusal, Topology, Verdict,
};
use dmaheap_tests::census::Census;
use dmaheap_tests::command::Run;
use dmaheap_tests::kms::{OpenCard, output_of, registry_allocators, verdict_as_shown};
use dmaheap_tests::pattern::{draw_quadrants, quadrants};
use dmaheap_tests::scanout::{
    BT601, PATIENCE, SCREEN, SIZE, WHOLE, centred, display_state, frame, screen, system,
};
use dmaheap_tests::{vkms, wait};
use drm_import::{Device, Output, Placement, PlaneImporter};

const FOURCCS: [Fourcc; 4] = [
    Fourcc::XRGB8888,
    Fourcc::RGB565,
    Fourcc::NV12,
    Fourcc::YUV420,
];

fn spec(fourcc: Fourcc) -> FrameSpec {
    FrameSpec::new(fourcc, SIZE.0, SIZE.1)
}

#[track_caller]
fn refusal(verdict: Verdict) -> Refusal {
    match verdict {
        Verdict::Refused(refusal) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

#[track_caller]
fn assert_shows_quadrants(output: &Output) {
    let seen = screen(output, &*system()).crop(vkms::centred(SIZE.0, SIZE.1));
    // YUV is exact to a few steps only.
    let difference = seen.difference(&quadrants(SIZE.0, SIZE.1), &[]);
    assert!(difference.is_within(3, 1.0), "{difference:?}");
}

#[test]
fn every_memory_is_accepted_and_then_shown_and_nothing_is_left_behind() {
    let card = OpenCard::of_driver("vkms");
    let output = output_of(&card.device());
    let importer = PlaneImporter::for_output(&output).placed(|_, _| centred());
    let (before, handle) = (Census::take(), card.free_handle());
    let own = importer.own_allocator().expect("vkms has dumb buffers");
    assert_eq!(
        own.name(),
        format!(
            "dumb-{}",
            card.node().file_name().expect("a node").display()
        )
    );
    for allocator in registry_allocators().into_iter().chain([own]) {
        for fourcc in FOURCCS {
            let frame = frame(&*allocator, fourcc);
            let verdict = verdict_as_shown(&importer, &output, &frame, &centred());
            assert_eq!(verdict, Verdict::Accepted, "{} {fourcc}", allocator.name());
            assert_shows_quadrants(&output);
        }
        output.blank().unwrap_or_else(|error| panic!("{error}"));
    }
    before.expect_restored("all trials");
    assert_eq!(card.free_handle(), handle, "GEM handles are closed");
    assert_eq!(output.device().import_stats().live, 0);
}

#[test]
fn a_trial_changes_nothing_on_screen_and_claims_no_plane() {
    let output = output_of(&OpenCard::of_driver("vkms").device());
    let importer = PlaneImporter::for_output(&output);
    let (before, census) = (display_state(), Census::take());
    for fourcc in FOURCCS {
        let frame = frame(&*system(), fourcc);
        importer
            .constraints(&spec(fourcc))
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        assert_eq!(importer.probe(&frame), Verdict::Accepted);
    }
    assert_eq!(output.plane_id(), None);
    census.expect_restored("trials");
    assert_eq!(display_state(), before);
}

#[test]
fn what_no_plane_takes_is_refused_before_any_memory_is_made() {
    let device = OpenCard::of_driver("vkms").device();
    let importer = PlaneImporter::new(&device);
    let refusal = importer
        .constraints(&spec(Fourcc::YUYV))
        .expect_err("vkms has no YUYV");
    for word in ["display vkms (/dev/dri/card", "YUYV", "NV12"] {
        assert!(
            refusal.to_string().contains(word),
            "{word} is missing in: {refusal}"
        );
    }
    let wide = FrameSpec::new(Fourcc::NV12, 1 << 20, 16);
    let refusal = importer
        .constraints(&wide)
        .expect_err("no card is that wide");
    assert!(refusal.to_string().contains("1048576x16"), "{refusal}");
    assert_eq!(device.import_stats().imports, 0);
}

#[test]
fn vkms_takes_any_stride_although_the_helper_rounds_its_dumb_rows() {
    let output = output_of(&OpenCard::of_driver("vkms").device());
    let importer = PlaneImporter::for_output(&output);
    for fourcc in FOURCCS {
        let constraints = importer
            .constraints(&spec(fourcc))
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        let needs = constraints.needs();
        assert_eq!(
            (needs.stride_align, needs.offset_max),
            (1, Some(u32::MAX.into()))
        );
        assert!(!needs.contiguous);
    }
    for (fourcc, strides) in [
        (Fourcc::XRGB8888, &[1287][..]),
        (Fourcc::NV12, &[321, 333]),
        (Fourcc::YUV420, &[321, 163, 161]),
    ] {
        let request = LayoutRequest::new(fourcc, SIZE.0, SIZE.1).plane_strides(strides);
        let own = importer.own_allocator().expect("vkms has dumb buffers");
        for allocator in [system(), own] {
            let frame = allocator
                .allocate(&request)
                .unwrap_or_else(|error| panic!("{error}"));
            let got: Vec<_> = frame
                .layout()
                .planes()
                .iter()
                .map(|plane| plane.stride)
                .collect();
            assert_eq!(got, strides, "{}", allocator.name());
            draw_quadrants(&frame);
            let verdict = verdict_as_shown(&importer, &output, &frame, &centred());
            assert_eq!(verdict, Verdict::Accepted);
            assert_shows_quadrants(&output);
        }
    }
}

#[test]
fn planes_in_dmabufs_of_their_own_are_refused_because_vkms_shows_them_wrong() {
    let output = output_of(&OpenCard::of_driver("vkms").device());
    let importer = PlaneImporter::for_output(&output).placed(|_, _| centred());
    let constraints = importer.constraints(&spec(Fourcc::NV12));
    let constraints = constraints.unwrap_or_else(|refusal| panic!("{refusal}"));
    assert_eq!(constraints.needs().topology, Topology::ONE);
    let own = importer.own_allocator().expect("vkms has dumb buffers");
    for allocator in registry_allocators().into_iter().chain([own]) {
        let request = LayoutRequest::new(Fourcc::NV12, SIZE.0, SIZE.1).per_plane();
        let frame = allocator
            .allocate(&request)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(frame.dmabufs().count(), 2, "{}", allocator.name());
        draw_quadrants(&frame);
        let refusal = refusal(importer.probe(&frame));
        assert!(refusal.to_string().contains("first only"), "{refusal}");
        output
            .show(&frame, &centred(), Box::new(frame.clone()))
            .unwrap_or_else(|error| panic!("vkms itself takes them: {error}"));
        assert!(output.wait_idle(PATIENCE));
        let seen = screen(&output, &*system()).crop(vkms::centred(SIZE.0, SIZE.1));
        let difference = seen.difference(&quadrants(SIZE.0, SIZE.1), &[]);
        assert!(
            !difference.is_within(3, 1.0),
            "the kernel was mended: drop the refusal for kernels from this one on"
        );
    }
}

#[test]
fn a_placement_that_needs_a_scaler_is_refused_by_the_test_commit() {
    let output = output_of(&OpenCard::of_driver("vkms").device());
    let stretched = Placement {
        source: WHOLE,
        dest: SCREEN,
        color: Some(BT601),
    };
    let importer = PlaneImporter::for_output(&output).placed(move |_, _| stretched);
    let frame = frame(&*system(), Fourcc::NV12);
    let refusal = refusal(verdict_as_shown(&importer, &output, &frame, &stretched));
    for word in ["TEST_ONLY", "1024x768+0+0", "(Primary)"] {
        assert!(
            refusal.to_string().contains(word),
            "{word} is missing in: {refusal}"
        );
    }
    let anywhere = PlaneImporter::new(output.device());
    assert_eq!(
        anywhere.probe(&frame),
        Verdict::Accepted,
        "the memory is fine"
    );
}

#[test]
fn an_importer_keeps_no_card_open_and_its_memory_outlives_the_card() {
    let path = vkms::card().node;
    let device = Device::open(&path).unwrap_or_else(|error| panic!("{error}"));
    let importer = PlaneImporter::new(&device);
    let own = importer.own_allocator().expect("vkms has dumb buffers");
    let picture = frame(&*own, Fourcc::NV12);
    assert_eq!(importer.probe(&picture), Verdict::Accepted);
    drop(device);
    assert!(!is_open(&path), "the card is closed");
    assert!(matches!(importer.probe(&picture), Verdict::Unknown(_)));
    draw_quadrants(&picture);
    let error = own
        .allocate(&LayoutRequest::new(Fourcc::NV12, SIZE.0, SIZE.1))
        .expect_err("the card is closed");
    assert!(matches!(error, AllocateError::Failed { .. }), "{error}");
}

#[test]
fn beside_another_master_the_import_alone_counts() {
    let peer = Run::pipeline("-q videotestsrc is-live=true ! kmssink driver-name=vkms").start();
    let clients = vkms::card().debugfs.join("clients");
    let is_master = || {
        fs::read_to_string(&clients)
            .ok()?
            .contains("gst-launch-1.0")
            .then_some(())
    };
    assert!(
        wait::until(3 * PATIENCE, is_master).is_some(),
        "{}",
        peer.output()
    );
    let device = OpenCard::of_driver("vkms").device();
    let importer = PlaneImporter::new(&device);
    let own = importer.own_allocator().expect("vkms has dumb buffers");
    for allocator in registry_allocators().into_iter().chain([own]) {
        let frame = frame(&*allocator, Fourcc::NV12);
        assert_eq!(
            importer.probe(&frame),
            Verdict::Accepted,
            "{}",
            allocator.name()
        );
    }
    drop(peer);
}

/// Whether this process has the node open.
fn is_open(node: &Path) -> bool {
    fs::read_dir("/proc/self/fd")
        .expect("procfs")
        .flatten()
        .any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == node))
}
