//! What drm-import refuses on vkms, and how well its errors explain it.

use std::fs;
use std::path::Path;

use dmabuf_heap::{Format, Fourcc, LayoutRequest, Modifier};
use dmaheap_tests::command::Run;
use dmaheap_tests::scanout::{
    BT601, PATIENCE, SCREEN, SIZE, WHOLE, centred, display_state, frame, output, show, system,
};
use dmaheap_tests::{vkms, wait};
use drm_import::{
    CommitError, ConfigureError, Device, ImportError, OpenError, Output, OutputError, Placement,
    ShowError,
};

#[test]
fn a_format_that_no_plane_has_is_refused_with_those_it_has() {
    let (heap, output) = (system(), output());
    let yuyv = Format {
        fourcc: Fourcc::YUYV,
        modifier: Modifier::LINEAR,
    };
    let error = output
        .configure(yuyv, SIZE.0, SIZE.1)
        .expect_err("vkms has no YUYV");
    assert!(matches!(error, ConfigureError::Format { .. }), "{error}");
    for word in ["YUYV", "linear", "NV12", "vkms", "Virtual-1"] {
        assert!(
            error.to_string().contains(word),
            "{word} is missing in: {error}"
        );
    }

    let request = LayoutRequest::new(Fourcc::YUYV, SIZE.0, SIZE.1);
    let frame = heap.allocate(&request).expect("memory for YUYV");
    let error = output
        .test(&frame, &centred())
        .expect_err("vkms has no YUYV");
    assert!(
        matches!(error, CommitError::Import(ImportError::Layout { .. })),
        "{error}"
    );
    for word in ["vkms", "YUYV", "320x240", "stride 640", "Invalid argument"] {
        assert!(
            error.to_string().contains(word),
            "{word} is missing in: {error}"
        );
    }
    assert_eq!(
        output.device().import_stats().live,
        0,
        "a refusal is not remembered"
    );
}

#[test]
fn a_size_out_of_bounds_is_refused_with_the_bounds() {
    let output = output();
    let format = Format {
        fourcc: Fourcc::NV12,
        modifier: Modifier::LINEAR,
    };
    let (width, height) = output.max_size();
    output
        .configure(format, width, height)
        .expect("the largest size");
    let error = output
        .configure(format, width + 1, height)
        .expect_err("one pixel too wide");
    assert!(
        error.to_string().contains(&format!("{width}x{height}")),
        "{error}"
    );
}

#[test]
fn a_scaled_placement_is_refused_plane_by_plane_and_changes_nothing() {
    let (heap, output) = (system(), output());
    let frame = frame(&*heap, Fourcc::NV12);
    show(&output, &frame);
    assert!(output.wait_idle(PATIENCE));
    let state = display_state();
    let stretched = Placement {
        source: WHOLE,
        dest: SCREEN,
        color: Some(BT601),
    };
    let error = output
        .test(&frame, &stretched)
        .expect_err("vkms cannot scale");
    assert!(matches!(error, CommitError::Refused { .. }), "{error}");
    for word in ["1024x768+0+0", "(Primary)", "(Overlay)", "scaler"] {
        assert!(
            error.to_string().contains(word),
            "{word} is missing in: {error}"
        );
    }
    let error = output
        .show(&frame, &stretched, Box::new(()))
        .expect_err("vkms cannot scale");
    assert!(
        matches!(error, ShowError::Commit(CommitError::Refused { .. })),
        "{error}"
    );
    assert_eq!(display_state(), state);
    show(&output, &frame);
}

#[test]
fn a_connector_serves_one_output_at_a_time() {
    let first = output();
    let error = Output::builder(first.device())
        .build()
        .expect_err("the only display is taken");
    assert!(matches!(error, OutputError::NoRoute { .. }), "{error}");
    assert!(
        error.to_string().contains("in use by this process"),
        "{error}"
    );
    let error = Device::open_first_connected()
        .map(drop)
        .expect_err("the only display is taken");
    assert!(
        error.to_string().contains("in use by this process"),
        "{error}"
    );
    drop(first);
    drop(output());
}

#[test]
fn a_card_of_another_master_is_refused_with_its_name() {
    let peer = Run::pipeline("-q videotestsrc is-live=true ! kmssink driver-name=vkms").start();
    let clients = vkms::card().debugfs.join("clients");
    let is_master = || {
        fs::read_to_string(&clients)
            .ok()?
            .contains("gst-launch-1.0")
            .then_some(())
    };
    assert!(
        wait::until(PATIENCE, is_master).is_some(),
        "{}",
        peer.output()
    );

    let device = Device::open(&vkms::card().node).expect("importing needs no master");
    let error = Output::builder(&device)
        .build()
        .expect_err("another process is master");
    assert!(matches!(error, OutputError::NotMaster { .. }), "{error}");
    for word in ["vkms", "gst-launch-1.0", &peer.pid().to_string()] {
        assert!(
            error.to_string().contains(word),
            "{word} is missing in: {error}"
        );
    }
    let error = Device::open_first_connected()
        .map(drop)
        .expect_err("another process is master");
    assert!(error.to_string().contains("gst-launch-1.0"), "{error}");
    drop(peer);
}

#[test]
fn what_is_no_card_is_refused_for_what_it_is() {
    let error = |path: &str| {
        Device::open(Path::new(path))
            .map(drop)
            .expect_err("no card")
            .to_string()
    };
    assert!(error("/dev/dri/card9").contains("is the driver loaded?"));
    assert!(
        error("/dev/null").contains("no KMS device"),
        "{}",
        error("/dev/null")
    );
    let error = Device::open_driver("vc4")
        .map(drop)
        .expect_err("no such driver here");
    assert!(matches!(error, OpenError::NoDriver { .. }), "{error}");
    assert!(error.to_string().contains("driver vkms"), "{error}");
}
