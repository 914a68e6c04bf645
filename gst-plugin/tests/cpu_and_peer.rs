//! The CPU converter against the converter of GStreamer, which `videoconvertscale` runs: every pair of formats that both have, in
//! every matrix and range.

use std::str::FromStr;

use cpu_convert::{Conversion, Filter, Orientation, Picture, PlaneMut, PlaneRef};
use dmabuf_heap::{Fourcc, YuvColor, YuvEncoding, YuvRange};
use gst_video::prelude::*;
use gst_video::{
    VideoChromaMode, VideoColorimetry, VideoConverter, VideoConverterConfig, VideoDitherMethod,
    VideoFormat, VideoFrame, VideoInfo,
};

type Readable = VideoFrame<gst_video::video_frame::Readable>;

const WIDTH: u32 = 64;
const HEIGHT: u32 = 48;
/// Below this a difference is seen.
const LEAST_DB: f64 = 45.0;
/// Five bits of blue are one of 32 steps, and each rounds in its own way.
const LEAST_DB_OF_16_BITS: f64 = 35.0;

/// The names of one format in DRM and in GStreamer.
const FORMATS: [(Fourcc, VideoFormat); 15] = [
    (Fourcc::NV12, VideoFormat::Nv12),
    (Fourcc::NV21, VideoFormat::Nv21),
    (Fourcc::NV16, VideoFormat::Nv16),
    (Fourcc::YUV420, VideoFormat::I420),
    (Fourcc::YVU420, VideoFormat::Yv12),
    (Fourcc::YUYV, VideoFormat::Yuy2),
    (Fourcc::UYVY, VideoFormat::Uyvy),
    (Fourcc::Y8, VideoFormat::Gray8),
    (Fourcc::XRGB8888, VideoFormat::Bgrx),
    (Fourcc::ARGB8888, VideoFormat::Bgra),
    (Fourcc::XBGR8888, VideoFormat::Rgbx),
    (Fourcc::ABGR8888, VideoFormat::Rgba),
    (Fourcc::RGB888, VideoFormat::Bgr),
    (Fourcc::BGR888, VideoFormat::Rgb),
    (Fourcc::RGB565, VideoFormat::Rgb16),
];

/// Matrix and range, and GStreamer's words for them: range, matrix, and one transfer function and set of primaries for all,
/// since these stay as they are.
const COLORS: [(YuvColor, &str); 6] = [
    (
        YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited),
        "2:4:5:1",
    ),
    (YuvColor::new(YuvEncoding::Bt601, YuvRange::Full), "1:4:5:1"),
    (
        YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited),
        "2:3:5:1",
    ),
    (YuvColor::new(YuvEncoding::Bt709, YuvRange::Full), "1:3:5:1"),
    (
        YuvColor::new(YuvEncoding::Bt2020, YuvRange::Limited),
        "2:6:5:1",
    ),
    (
        YuvColor::new(YuvEncoding::Bt2020, YuvRange::Full),
        "1:6:5:1",
    ),
];
const RGB: &str = "1:1:5:1";

/// One end of a conversion, in both languages.
#[derive(Debug, Clone)]
struct End {
    picture: Picture,
    info: VideoInfo,
}

impl End {
    fn all() -> Vec<End> {
        let ends = FORMATS.into_iter().flat_map(|format| {
            let is_rgb = End::of(format, COLORS[0]).info.is_rgb();
            let colors = if is_rgb { &COLORS[..1] } else { &COLORS[..] };
            colors.iter().map(move |&color| End::of(format, color))
        });
        ends.collect()
    }

    fn of((fourcc, format): (Fourcc, VideoFormat), (color, words): (YuvColor, &str)) -> End {
        let info = |words| {
            let colorimetry = VideoColorimetry::from_str(words).expect("four numbers");
            let info = VideoInfo::builder(format, WIDTH, HEIGHT).colorimetry(&colorimetry);
            info.build().expect("a picture")
        };
        let picture = Picture {
            fourcc,
            width: WIDTH,
            height: HEIGHT,
            color,
        };
        let is_rgb = info(words).is_rgb();
        End {
            picture,
            info: info(if is_rgb { RGB } else { words }),
        }
    }

    fn is_gray(&self) -> bool {
        self.info.format() == VideoFormat::Gray8
    }
}

fn by_peer(from: &Readable, to: &VideoInfo, chroma: VideoChromaMode) -> Readable {
    let mut config = VideoConverterConfig::new();
    config.set_dither_method(VideoDitherMethod::None);
    config.set_chroma_mode(chroma);
    let converter = VideoConverter::new(from.info(), to, Some(config)).expect("a converter");
    let buffer = gst::Buffer::with_size(to.size()).expect("memory");
    let mut frame = VideoFrame::from_buffer_writable(buffer, to).expect("a picture");
    converter.frame(from, &mut frame);
    VideoFrame::from_buffer_readable(frame.into_buffer(), to).expect("a picture")
}

/// With 16 bits for each colour on the way: in 8 bits it is off by 5 where a range grows, and leaves the range as it is where
/// only that changes. Chroma is repeated, and averaged.
fn by_exact_peer(from: &Readable, to: &VideoInfo) -> Readable {
    let colorimetry = VideoColorimetry::from_str(RGB).expect("four numbers");
    let deep = VideoInfo::builder(VideoFormat::Argb64, WIDTH, HEIGHT).colorimetry(&colorimetry);
    let deep = deep.build().expect("a picture");
    by_peer(
        &by_peer(from, &deep, VideoChromaMode::None),
        to,
        VideoChromaMode::Full,
    )
}

fn by_cpu(from: &Readable, ends: [&End; 2]) -> Readable {
    let [source, target] = ends.map(|end| end.picture);
    let conversion = Conversion::new(
        source,
        target,
        Orientation::Identity,
        None,
        Filter::Bilinear,
        1,
    );
    let mut conversion = conversion.expect("it is supported");
    let stride =
        |strides: &[i32], plane: usize| usize::try_from(strides[plane]).expect("not negative");
    let sources: Vec<_> = (0..from.n_planes())
        .map(|plane| PlaneRef {
            data: from.plane_data(plane).expect("a plane"),
            stride: stride(from.plane_stride(), plane as usize),
        })
        .collect();
    let to = &ends[1].info;
    let mut bytes = vec![0; to.size()];
    let mut rest = bytes.as_mut_slice();
    let mut targets = Vec::new();
    for plane in 0..to.n_planes() as usize {
        let end = to
            .offset()
            .get(plane + 1)
            .map_or(to.size(), |&offset| offset);
        let (data, behind) = rest.split_at_mut(end - to.offset()[plane]);
        rest = behind;
        targets.push(PlaneMut {
            data,
            stride: stride(to.stride(), plane),
        });
    }
    conversion
        .convert_planes(&sources, &mut targets)
        .expect("the planes fit");
    VideoFrame::from_buffer_readable(gst::Buffer::from_mut_slice(bytes), to).expect("a picture")
}

/// Waves of colour, in the middle of what every format can show.
fn waves() -> Readable {
    let info = End::of((Fourcc::XBGR8888, VideoFormat::Rgbx), COLORS[0]).info;
    let level = |share: f64, x: u32, y: u32| {
        let across = (f64::from(x) / f64::from(WIDTH) * 4.0 + 0.3).sin();
        let down = (f64::from(y) / f64::from(HEIGHT) * 4.0 + 1.1).sin();
        let level = 127.0 + 32.0 * (share * across + (1.0 - share) * down);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 95 and 159"
        )]
        {
            level as u8
        }
    };
    let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
    let bytes: Vec<u8> = pixels
        .flat_map(|(x, y)| [level(1.0, x, y), level(0.4, x, y), level(0.0, x, y), 255])
        .collect();
    VideoFrame::from_buffer_readable(gst::Buffer::from_mut_slice(bytes), &info).expect("a picture")
}

/// Of all components, as numbers of their own format.
fn psnr(one: &Readable, other: &Readable) -> f64 {
    let deep = VideoInfo::builder(VideoFormat::Rgbx, WIDTH, HEIGHT)
        .build()
        .expect("a picture");
    let is_16_bits = one.info().format() == VideoFormat::Rgb16;
    let [one, other] = [one, other].map(|frame| {
        let shown = is_16_bits.then(|| by_peer(frame, &deep, VideoChromaMode::Full));
        let frame = shown.as_ref().unwrap_or(frame);
        let is_padded = matches!(frame.format(), VideoFormat::Bgrx | VideoFormat::Rgbx);
        let planes =
            (0..frame.n_planes()).flat_map(|plane| frame.plane_data(plane).expect("a plane"));
        let shown = planes
            .enumerate()
            .filter(|(at, _byte)| !is_padded || at % 4 != 3);
        shown
            .map(|(_at, &byte)| f64::from(byte))
            .collect::<Vec<_>>()
    });
    assert_eq!(one.len(), other.len());
    let squares: f64 = one.iter().zip(&other).map(|(a, b)| (a - b).powi(2)).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let mean = squares / one.len() as f64;
    10.0 * (255.0_f64.powi(2) / mean.max(1e-9)).log10()
}

#[test]
fn the_cpu_and_the_peer_make_the_same_of_every_picture() {
    gst::init().expect("GStreamer starts");
    let waves = waves();
    let mut failures = Vec::new();
    for from in End::all() {
        let source = by_peer(&waves, &from.info, VideoChromaMode::Full);
        for to in End::all() {
            // Grey keeps the luma of its own matrix.
            let is_other = from.picture.color.encoding != to.picture.color.encoding;
            if is_other && (from.is_gray() || to.is_gray()) {
                continue;
            }
            let got = psnr(
                &by_cpu(&source, [&from, &to]),
                &by_exact_peer(&source, &to.info),
            );
            let is_16_bits = to.info.format() == VideoFormat::Rgb16;
            let least = if is_16_bits {
                LEAST_DB_OF_16_BITS
            } else {
                LEAST_DB
            };
            if got < least {
                failures.push(format!("{} to {}: {got:.1} dB", from.picture, to.picture));
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} pairs:\n{}",
        failures.len(),
        failures.join("\n")
    );
}
