//! A camera that is the end of a chain of sub-devices: what is not set up is named.

use dmabuf_heap::Registry;
use dmaheap_tests::census::Census;
use dmaheap_tests::command::Run;
use dmaheap_tests::device;
use dmaheap_tests::v4l2_frame::memory;
use dmaheap_tests::v4l2_queue::{camera, next};

/// vimc's sensor makes RGB until it is told that it is a Bayer sensor, as its debayer and this node expect.
#[test]
fn a_chain_that_is_not_set_up_is_named_with_what_sets_it_up() {
    let node = device::video_node("Raw Capture 0");
    let heap = Registry::discover()
        .find("system")
        .expect("the system heap");
    let census = Census::take();
    let (idle, format) = camera(&node, b"RGGB", (640, 480));
    let size = format.buffers[0].size_image;
    let memories = (0..3).map(|_index| memory(&*heap, size)).collect();
    let (ready, buffers) = idle
        .import_bytes(memories)
        .unwrap_or_else(|error| panic!("{error}"));
    for buffer in buffers {
        ready.enqueue(buffer).expect("good memory");
    }
    let failed = ready.start().expect_err("its sensor makes RGB");
    let text = failed.to_string();
    for part in [
        "VIDIOC_STREAMON",
        "with 3 buffers queued",
        "Broken pipe",
        "its entity \"Raw Capture 0\" is fed by \"Sensor A\"",
        "set up /dev/media0 with media-ctl",
        "libcamerasrc",
    ] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
    // Done as it says, the same queue starts with the buffers that it has.
    Run::new("media-ctl")
        .args(["-d", "/dev/media0", "-V"])
        .arg("\"Sensor A\":0 [fmt:SRGGB8_1X8/640x480]")
        .finish()
        .expect_success();
    let ready = failed.given_back;
    assert_eq!(ready.queued(), 3);
    let running = ready.start().unwrap_or_else(|error| panic!("{error}"));
    for _frame in 0..3 {
        let done = next(&running);
        assert_eq!(done.planes()[0].bytes_used, 640 * 480);
        running.enqueue(done.buffer).expect("good memory");
    }
    drop(running);
    census.expect_restored("a refused and a good start");
}
