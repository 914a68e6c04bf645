//! What a picture loses when its pixels become others.

use gst_video::{VideoFormatFlags, VideoFormatInfo};

/// From nothing lost to most: colour, then bits, then samples of chroma; alpha in between. A conversion that loses nothing but
/// is one is still worse than none.
pub(super) fn loss(from: VideoFormatInfo, to: VideoFormatInfo) -> u32 {
    let has = |info: VideoFormatInfo, flag| info.flags().contains(flag);
    let mut loss = u32::from(from.format() != to.format());
    let (gray, rgb) = (VideoFormatFlags::GRAY, VideoFormatFlags::RGB);
    if has(to, gray) && !has(from, gray) {
        loss += 10_000;
    }
    if has(from, VideoFormatFlags::ALPHA) && !has(to, VideoFormatFlags::ALPHA) {
        loss += 2_000;
    }
    let depth = |info: VideoFormatInfo| info.depth().iter().take(3).copied().min().unwrap_or(0);
    loss += 500 * depth(from).saturating_sub(depth(to));
    let samples = |info: VideoFormatInfo| {
        let sub = |subs: &[u32]| subs.get(1).copied().unwrap_or(0);
        sub(info.w_sub()) + sub(info.h_sub())
    };
    loss += 100 * samples(to).saturating_sub(samples(from));
    if has(to, rgb) != has(from, rgb) {
        loss += 50;
    }
    // More than there is to keep costs memory.
    loss += 4 * depth(to).saturating_sub(depth(from));
    loss += 4 * samples(from).saturating_sub(samples(to));
    if has(to, VideoFormatFlags::ALPHA) && !has(from, VideoFormatFlags::ALPHA) {
        loss += 4;
    }
    loss
}

#[cfg(test)]
mod tests {
    use gst_video::VideoFormat;
    use gst_video::VideoFormat::{Bgr, Bgra, Bgrx, Gray8, I420, Nv12, Nv16, Rgb, Rgb16, Yuy2};

    use super::*;

    #[test]
    fn the_nearest_pixels_lose_least() {
        gst::init().expect("GStreamer");
        let best = |from: VideoFormat, among: &[VideoFormat]| {
            let from = VideoFormatInfo::from_format(from);
            let loss_of = |to: &&VideoFormat| loss(from, VideoFormatInfo::from_format(**to));
            *among.iter().min_by_key(loss_of).expect("one")
        };
        assert_eq!(best(Nv12, &[Rgb, Gray8, I420]), I420);
        assert_eq!(best(Rgb, &[Yuy2, Rgb16, Bgr]), Bgr);
        assert_eq!(best(Yuy2, &[Nv12, Nv16, Gray8]), Nv16);
        assert_eq!(best(Bgra, &[Bgrx, Bgra]), Bgra);
        assert_eq!(best(Rgb, &[Bgra, Bgrx]), Bgrx);
        assert_eq!(best(Rgb, &[Rgb16, Yuy2, Nv12]), Yuy2);
    }
}
