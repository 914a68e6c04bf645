//! Writing a sample as PNG.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use gst_video::prelude::*;

/// Writes a `BGRx` sample to `path`, without its unused fourth byte.
pub(super) fn save(sample: &gst::Sample, path: &Path) -> Result<()> {
    let caps = sample.caps().context("the snapshot has no caps")?;
    let info = gst_video::VideoInfo::from_caps(caps)?;
    ensure!(
        info.format() == gst_video::VideoFormat::Bgrx,
        "the snapshot is {}, not BGRx",
        info.format()
    );
    let buffer = sample.buffer().context("the snapshot is empty")?;
    let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &info)?;
    let rgb = rgb_rows(
        frame.plane_data(0)?,
        frame.plane_stride()[0].try_into()?,
        frame.width(),
    );
    let mut encoder = png::Encoder::new(
        BufWriter::new(File::create(path)?),
        frame.width(),
        frame.height(),
    );
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(())
}

/// The colours of rows of 32-bit little-endian `BGRx` pixels, `stride` bytes apart.
fn rgb_rows(bgrx: &[u8], stride: usize, width: u32) -> Vec<u8> {
    let row_len = width as usize * 4;
    bgrx.chunks(stride)
        .filter_map(|row| row.get(..row_len))
        .flat_map(|row| row.chunks_exact(4))
        .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_and_the_fourth_byte_are_left_out() {
        let rows = [
            1, 2, 3, 0, 4, 5, 6, 0, 9, 9, 9, 9, 7, 8, 9, 0, 10, 11, 12, 0,
        ];
        assert_eq!(
            rgb_rows(&rows, 12, 2),
            [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]
        );
    }
}
