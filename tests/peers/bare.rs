//! A machine without camera and display.

use dmaheap_tests::command::Run;

#[test]
fn the_demo_says_which_devices_it_looked_at_and_what_is_missing() {
    let outcome = Run::new("dmaheap-demo")
        .args(["view", "--seconds", "1"])
        .finish()
        .expect_failure();
    for name in ["/dev/video", "/dev/dri"] {
        assert!(
            outcome.stderr.contains(name),
            "{name} is missing: {}",
            outcome.describe()
        );
    }
    assert!(
        !outcome.stderr.contains("panicked"),
        "{}",
        outcome.describe()
    );
}

#[test]
fn a_sink_without_a_display_says_where_it_looked() {
    let pipeline = "videotestsrc ! video/x-raw,format=NV12,width=640,height=360 ! dmaheapkmssink";
    let outcome = Run::pipeline(pipeline).finish().expect_failure();
    assert!(
        outcome.stderr.contains("/dev/dri"),
        "{}",
        outcome.describe()
    );
}

#[test]
fn heap_memory_needs_no_device_at_all() {
    let pipeline = "-q videotestsrc num-buffers=5 ! video/x-raw,format=NV12,width=640,height=360 ! dmaheapalloc ! fakesink";
    Run::pipeline(pipeline).finish().expect_success();
}
