//! The camera of the test bed: the kernel's `vivid` driver.

use std::path::PathBuf;

use crate::command::Run;
use crate::device;
use crate::picture::Rect;

/// The capture node of one vivid instance, set back to its defaults when dropped.
#[derive(Debug)]
pub struct Vivid {
    node: PathBuf,
}

/// What vivid writes over its picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OsdText {
    /// Counter, size, input and controls.
    All = 0,
    /// One line: time code and frame counter.
    Counters = 1,
    /// Nothing: all frames are equal.
    None = 2,
}

/// Test pictures by their number in vivid's menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pattern {
    /// Vertical bars, three quarters of full intensity.
    Colorbar75 = 0,
    /// Squares of full intensity.
    ColorSquares = 4,
    /// One colour all over.
    Red = 7,
    /// One colour all over.
    Green = 8,
    /// From black to white.
    GrayRamp = 20,
}

impl Vivid {
    /// Where `OsdText::Counters` writes: one line of 8×16 glyphs.
    pub const COUNTER: Rect = Rect {
        x: 8,
        y: 8,
        width: 264,
        height: 32,
    };

    /// The first instance's capture node.
    #[track_caller]
    pub fn find() -> Vivid {
        Vivid::find_instance(0)
    }

    /// The capture node of the given instance.
    #[track_caller]
    pub fn find_instance(instance: u32) -> Vivid {
        Vivid {
            node: device::video_node(&format!("vivid-{instance:03}-vid-cap")),
        }
    }

    /// As `/dev/video0`.
    pub fn node(&self) -> String {
        self.node.display().to_string()
    }

    /// The head of a pipeline: `v4l2src` on this device.
    pub fn source(&self) -> String {
        format!("v4l2src device={}", self.node())
    }

    /// Our source, as fast as vim2m is, which takes 40 ms for a frame, and behind it vim2m in the element called `convert`.
    pub fn converted(&self, (width, height): (u32, u32)) -> String {
        format!(
            "{} name=camera zero-copy=required ! \
             video/x-raw(ANY),format=RGB,width={width},height={height},framerate=15/1 ! \
             dmaheapconvert backend=m2m name=convert zero-copy=required ! video/x-raw(ANY),format=RGB16",
            self.own_source()
        )
    }

    /// The head of a pipeline: the plugin's own source on this device.
    pub fn own_source(&self) -> String {
        format!("dmaheapv4l2src device={}", self.node())
    }

    /// Sets one control by its `v4l2-ctl` name.
    #[track_caller]
    pub fn set_control(&self, name: &str, value: i64) {
        self.v4l2_ctl(&["--set-ctrl", &format!("{name}={value}")]);
    }

    /// Chooses the picture and the text over it.
    #[track_caller]
    pub fn show(&self, pattern: Pattern, text: OsdText) {
        self.v4l2_ctl(&[
            "--set-ctrl",
            &format!(
                "test_pattern={},osd_text_mode={}",
                pattern as i32, text as i32
            ),
        ]);
    }

    /// Back to the colours that it has by itself. It keeps those that a format has asked for, and a control that is set to what it
    /// is set to changes nothing.
    #[track_caller]
    pub fn reset_colors(&self) {
        for values in [
            "colorspace=1,transfer_function=1,y_cbcr_encoding=1,quantization=1",
            "colorspace=2,transfer_function=0,y_cbcr_encoding=0,quantization=0",
        ] {
            self.v4l2_ctl(&["--set-ctrl", values]);
        }
    }

    /// Sets the size that a sender puts on the HDMI input; the grabber's scaler then delivers any size.
    #[track_caller]
    pub fn set_dv_timings(&self, width: u32, height: u32) {
        self.v4l2_ctl(&[
            "--set-dv-bt-timings",
            &format!("cvt,width={width},height={height},fps=60"),
        ]);
    }

    /// Runs `v4l2-ctl` on this device.
    #[track_caller]
    pub fn v4l2_ctl(&self, args: &[&str]) -> String {
        Run::new("v4l2-ctl")
            .args(["-d", &self.node()])
            .args(args)
            .finish()
            .expect_success()
            .stdout
    }
}

impl Drop for Vivid {
    fn drop(&mut self) {
        let defaults = "test_pattern=0,osd_text_mode=0";
        let _outcome = Run::new("v4l2-ctl")
            .args(["-d", &self.node(), "--set-ctrl", defaults])
            .finish();
    }
}
