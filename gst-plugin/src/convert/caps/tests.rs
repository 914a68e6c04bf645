use cpu_convert::Orientation;
use dmabuf_heap::{Format, Fourcc, Frame, Importer};
use gst::PadDirection;

use super::*;
use crate::convert::backend::{Cost, Worker};
use crate::convert::job::{Job, Margins};
use crate::pool::Users;
use crate::stats::PathStats;

/// A backend that only says what it does.
#[derive(Debug)]
struct Said {
    reads: FormatSet,
    makes: FormatSet,
    scales: bool,
}

impl Said {
    fn one(reads: &[Fourcc], makes: &[Fourcc], scales: bool) -> Vec<Arc<dyn Backend>> {
        let set = |all: &[Fourcc]| all.iter().map(|&it| Format::linear(it)).collect();
        vec![Arc::new(Self {
            reads: set(reads),
            makes: set(makes),
            scales,
        })]
    }
}

impl Backend for Said {
    fn name(&self) -> &'static str {
        "a backend of a test"
    }

    fn reads(&self) -> &FormatSet {
        &self.reads
    }

    fn makes(&self) -> &FormatSet {
        &self.makes
    }

    fn bounds(&self) -> Bounds {
        Bounds {
            min: (16, 16),
            max: (1920, 1080),
        }
    }

    fn scales(&self) -> bool {
        self.scales
    }

    fn check(&self, _job: &Job) -> Result<Cost, String> {
        Ok(Cost(1))
    }

    fn reader(&self, _: &Job, _: &Arc<PathStats>) -> Result<Arc<dyn Importer>, String> {
        Err("a test".to_owned())
    }

    fn writer(&self, _: &Job, _: &Arc<PathStats>) -> Result<Users, String> {
        Err("a test".to_owned())
    }

    fn start(&self, _: &Job, _: &Frame, _: &Frame) -> Result<Box<dyn Worker>, String> {
        Err("a test".to_owned())
    }
}

fn caps(text: &str) -> gst::Caps {
    gst::init().expect("GStreamer");
    text.parse().expect("caps syntax")
}

const RGB: &str = "video/x-raw,format=RGB,width=640,height=480,framerate=30/1";
const ONLY_TO_YUYV: (&[Fourcc], &[Fourcc]) = (&[Fourcc::BGR888], &[Fourcc::YUYV]);

fn turned() -> Wishes {
    Wishes {
        orientation: Orientation::Rotate90,
        margins: Margins {
            top: 80,
            ..Margins::default()
        },
    }
}

fn takes(offered: &gst::Caps, text: &str) -> bool {
    offered.can_intersect(&caps(text))
}

#[test]
fn only_what_a_backend_does_is_offered_and_what_needs_none() {
    let (reads, makes) = ONLY_TO_YUYV;
    let backends = Said::one(reads, makes, false);
    let none = Wishes::default();
    let offered = transform(&caps(RGB), PadDirection::Sink, &backends, none);
    assert!(takes(&offered, RGB), "passing through");
    assert!(takes(
        &offered,
        "video/x-raw,format=YUY2,width=640,height=480"
    ));
    let drm = "video/x-raw(memory:DMABuf),format=DMA_DRM,drm-format=YUYV,framerate=30/1";
    assert!(takes(&offered, drm));
    for refused in [
        "video/x-raw,format=YUY2,width=320,height=240",
        "video/x-raw,format=YUY2,framerate=15/1",
        "video/x-raw,format=BGR",
    ] {
        assert!(!takes(&offered, refused), "{refused}");
    }
    let nv12 = caps("video/x-raw,format=NV12,width=640,height=480");
    let offered = transform(&nv12, PadDirection::Sink, &backends, none);
    assert_eq!(offered, nv12);
}

#[test]
fn what_scales_offers_its_sizes_and_no_others() {
    let (reads, makes) = ONLY_TO_YUYV;
    let backends = Said::one(reads, makes, true);
    let offered = transform(&caps(RGB), PadDirection::Sink, &backends, Wishes::default());
    assert!(takes(
        &offered,
        "video/x-raw,format=YUY2,width=320,height=240"
    ));
    assert!(!takes(
        &offered,
        "video/x-raw,format=YUY2,width=4096,height=240"
    ));
}

#[test]
fn turned_and_cropped_sizes_are_told_in_both_directions() {
    let (reads, makes) = ONLY_TO_YUYV;
    let backends = Said::one(reads, makes, false);
    let offered = transform(&caps(RGB), PadDirection::Sink, &backends, turned());
    assert!(takes(
        &offered,
        "video/x-raw,format=YUY2,width=400,height=640"
    ));
    assert!(!takes(&offered, RGB), "there is something to do");
    let yuy2 = caps("video/x-raw,format=YUY2,width=400,height=640");
    let wanted = transform(&yuy2, PadDirection::Src, &backends, turned());
    assert!(takes(&wanted, RGB), "{wanted}");
    assert!(!takes(&wanted, "video/x-raw,format=RGB,width=400"));
}

fn fixated(from: &str, others: &str, wishes: Wishes) -> gst::Caps {
    let all = [Fourcc::BGR888, Fourcc::YUYV, Fourcc::RGB565, Fourcc::NV12];
    let backends = Said::one(&all, &all, true);
    let from = caps(from);
    let offered = transform(&from, PadDirection::Sink, &backends, wishes);
    let others = offered.intersect_with_mode(&caps(others), gst::CapsIntersectMode::First);
    let fixing = Fixing {
        direction: PadDirection::Sink,
        backends: &backends,
        wishes,
    };
    fixate(&from, others, &fixing)
}

#[track_caller]
fn expect(got: &gst::Caps, expected: &str) {
    assert!(
        got.is_fixed() && got.is_subset(&caps(expected)),
        "{got} is not {expected}"
    );
}

#[test]
fn what_passes_is_preferred() {
    let got = fixated(RGB, "video/x-raw(ANY)", Wishes::default());
    assert_eq!(got, caps(RGB));
}

#[test]
fn the_pixels_that_lose_least_in_the_size_that_there_is() {
    let got = fixated(
        RGB,
        "video/x-raw,format={RGB16,NV12,YUY2}",
        Wishes::default(),
    );
    expect(
        &got,
        "video/x-raw,format=YUY2,width=640,height=480,framerate=30/1,pixel-aspect-ratio=1/1",
    );
    let got = fixated(RGB, "video/x-raw(ANY)", turned());
    expect(&got, "video/x-raw,format=RGB,width=400,height=640");
}

#[test]
fn one_side_that_is_given_makes_the_other() {
    let got = fixated(RGB, "video/x-raw,format=RGB,width=320", Wishes::default());
    expect(&got, "video/x-raw,width=320,height=240");
    let got = fixated(RGB, "video/x-raw,format=RGB,height=120", Wishes::default());
    expect(&got, "video/x-raw,width=160,height=120");
    let wide = "video/x-raw,format=RGB,width=720,height=576,pixel-aspect-ratio=16/11";
    let square = "video/x-raw,format=RGB,height=576,pixel-aspect-ratio=1/1";
    expect(
        &fixated(wide, square, Wishes::default()),
        "video/x-raw,width=1047",
    );
}

#[test]
fn a_size_that_is_given_keeps_the_picture_in_shape() {
    let got = fixated(RGB, "video/x-raw,width=640,height=240", Wishes::default());
    expect(
        &got,
        "video/x-raw,width=640,height=240,pixel-aspect-ratio=1/2",
    );
}

#[test]
fn colours_stay_where_the_pixels_stay_yuv() {
    let nv12 = "video/x-raw,format=NV12,width=640,height=480,colorimetry=bt709";
    let got = fixated(nv12, "video/x-raw,format=YUY2", Wishes::default());
    expect(&got, "video/x-raw,format=YUY2,colorimetry=bt709");
}
