//! The source in front of elements that nobody here wrote.

use std::time::Duration;

use dmaheap_tests::command::Run;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::trace::Recorder;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::weston::{Renderer, Weston};
use gst::prelude::*;

fn source() -> String {
    Vivid::find().own_source()
}

#[test]
fn the_stock_display_shows_frames_without_a_copy() {
    let caps = "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=NV12,width=640,height=360";
    let recorder = Recorder::start();
    let player = Player::launch(&format!(
        "{} zero-copy=required ! {caps},framerate=30/1 ! kmssink driver-name=vkms",
        source()
    ));
    player.play();
    player.wait_frames(60);
    drop(player);
    recorder
        .finish()
        .of_process(std::process::id())
        .expect_zero_copy(30);
}

#[test]
fn the_stock_mem2mem_converter_works_on_frames() {
    let source = format!("{} num-buffers=30", source());
    for io in ["dmabuf-import", "mmap"] {
        let pipeline = format!(
            "-q {source} ! video/x-raw,format=RGB16,width=640,height=360,framerate=30/1 \
             ! v4l2convert output-io-mode={io} ! video/x-raw,format=YUY2 ! fakesink"
        );
        Run::pipeline(&pipeline)
            .limit(Duration::from_secs(40))
            .finish()
            .expect_success();
    }
}

#[test]
fn elements_that_write_into_frames_do_so_in_place() {
    let caps = "video/x-raw,format=I420,width=640,height=360,framerate=30/1";
    let player = Player::launch(&format!(
        "{} ! {caps} ! videobalance saturation=0.5 ! dmaheapkmssink driver-name=vkms zero-copy=required",
        source()
    ));
    player.play();
    player.wait_frames(30);
    let [imported, copies] = player.stats("dmaheapv4l2src", ["imported", "copies"]);
    assert!(
        imported >= 29 && copies == 0,
        "{imported} imported, {copies} copies"
    );
}

#[test]
fn a_stock_compositor_sink_shows_frames() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let weston = Weston::start(Renderer::Gl, (640, 360));
    let player = Player::launch(&format!(
        "{} ! video/x-raw,format=YUY2,width=640,height=360,framerate=30/1 ! waylandsink display={}",
        vivid.own_source(),
        weston.display()
    ));
    player.play();
    player.wait_frames(30);
    let [frames, copies] = player.stats("dmaheapv4l2src", ["frames", "copies"]);
    note(format!("{frames} frames, {copies} copies"));
    assert_eq!(copies, 0);
}

/// Two branches hold the same frames; the slower one keeps them longer.
#[test]
fn a_tee_hands_the_same_frames_to_two_branches() {
    let caps = "video/x-raw,format=NV12,width=640,height=360,framerate=30/1";
    let player = Player::launch(&format!(
        "{} ! {caps} ! tee name=fork ! queue max-size-buffers=2 ! dmaheapkmssink driver-name=vkms zero-copy=required \
         fork. ! queue max-size-buffers=2 leaky=downstream ! fakesink sync=true",
        source()
    ));
    player.play();
    player.wait_frames(60);
    let copies = player.stat("dmaheapv4l2src", "copies");
    assert_eq!(copies, 0);
}

/// An application that keeps frames gets copies before the camera stands still.
#[test]
fn who_keeps_all_frames_gets_copies_with_a_reason() {
    let caps = "video/x-raw,format=NV12,width=320,height=180,framerate=30/1";
    let player = Player::launch(&format!(
        "{} ! {caps} ! queue name=hoard min-threshold-buffers=20 ! fakesink",
        source()
    ));
    player.play();
    player.wait_frames(5);
    let source = player.by_factory("dmaheapv4l2src");
    let stats = source.property::<gst::Structure>("stats");
    let reasons = stats
        .get::<gst::Structure>("copy-reasons")
        .expect("reasons");
    assert!(reasons.get::<u64>("held").expect("held") >= 10, "{stats}");
}

/// What `gst-device-monitor-1.0` and applications ask.
#[test]
fn the_stock_list_of_devices_has_the_camera_and_makes_its_element() {
    gst::init().expect("GStreamer starts");
    let vivid = Vivid::find();
    let monitor = gst::DeviceMonitor::new();
    monitor.add_filter(Some("Video/Source"), None);
    monitor.start().expect("providers start");
    let devices = monitor.devices();
    let path = |device: &gst::Device| {
        let properties = device.properties()?;
        properties.get::<String>("device.path").ok()
    };
    let ours = |device: &&gst::Device| {
        device.type_().name() == "GstDmaheapV4l2Device" && path(device) == Some(vivid.node())
    };
    let device = devices.iter().find(ours);
    let paths: Vec<_> = devices.iter().map(path).collect();
    let device = device.unwrap_or_else(|| panic!("{paths:?}"));
    let caps = device.caps().expect("caps");
    assert!(caps.to_string().contains("NV12"), "{caps}");
    let element = device.create_element(Some("found")).expect("its element");
    assert_eq!(element.property::<String>("device"), vivid.node());
    assert_eq!(
        element.factory().expect("a factory").name(),
        "dmaheapv4l2src"
    );
    monitor.stop();
}
