//! Pictures and how far one is from another.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::Path;

/// A rectangle in pixels, from the top left corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Rect {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

impl Rect {
    fn contains(&self, x: u32, y: u32) -> bool {
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }
}

/// Rows of red, green, blue, one byte each, without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Picture {
    /// Takes `rgb`, three bytes for each pixel.
    pub fn new(width: u32, height: u32, rgb: Vec<u8>) -> Picture {
        assert_eq!(
            rgb.len(),
            width as usize * height as usize * 3,
            "bytes of an RGB picture of {width}x{height}"
        );
        Picture { width, height, rgb }
    }

    /// A picture of one colour.
    pub fn filled(width: u32, height: u32, color: [u8; 3]) -> Picture {
        let rgb = color.repeat(width as usize * height as usize);
        Picture { width, height, rgb }
    }

    /// Reads an 8 bit RGB or RGBA PNG file; alpha is ignored.
    pub fn read_png(path: &Path) -> Picture {
        let file = File::open(path)
            .unwrap_or_else(|error| panic!("cannot open {}: {error}", path.display()));
        let mut reader = png::Decoder::new(BufReader::new(file))
            .read_info()
            .expect("a PNG file");
        let mut bytes = vec![
            0;
            reader
                .output_buffer_size()
                .expect("a picture that fits in memory")
        ];
        let info = reader.next_frame(&mut bytes).expect("a whole PNG file");
        let rgb = match info.color_type {
            png::ColorType::Rgb => bytes,
            png::ColorType::Rgba => bytes
                .chunks_exact(4)
                .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
                .collect(),
            other => panic!("{} has pixels of type {other:?}", path.display()),
        };
        Picture::new(info.width, info.height, rgb)
    }

    /// Writes an RGB PNG file.
    pub fn write_png(&self, path: &Path) {
        let file = File::create(path)
            .unwrap_or_else(|error| panic!("cannot create {}: {error}", path.display()));
        let mut encoder = png::Encoder::new(BufWriter::new(file), self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        let mut writer = encoder.write_header().expect("PNG header");
        writer.write_image_data(&self.rgb).expect("PNG data");
    }

    /// Writes the picture where it survives the guest, for a person to look at after a failure.
    pub fn keep(&self, name: &str) {
        let shared = Path::new("/out");
        if shared.is_dir() {
            self.write_png(&shared.join(format!("{name}.png")));
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of one pixel.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y as usize * self.width as usize + x as usize) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// The part inside `rect`.
    #[must_use]
    pub fn crop(&self, rect: Rect) -> Picture {
        let rows = rect.y..rect.y + rect.height;
        let pixels =
            rows.flat_map(|y| (rect.x..rect.x + rect.width).flat_map(move |x| self.pixel(x, y)));
        Picture::new(rect.width, rect.height, pixels.collect())
    }

    /// The same with `other` on it, its left top corner at `x`, `y`. What of it lies outside is cut.
    #[must_use]
    pub fn with(mut self, other: &Picture, x: u32, y: u32) -> Picture {
        let columns = other.width.min(self.width.saturating_sub(x));
        let rows = other.height.min(self.height.saturating_sub(y));
        for row in 0..rows {
            for column in 0..columns {
                let at = (((y + row) * self.width + x + column) * 3) as usize;
                self.rgb[at..at + 3].copy_from_slice(&other.pixel(column, row));
            }
        }
        self
    }

    /// Whether every pixel outside `rect` is black.
    pub fn is_black_outside(&self, rect: Rect) -> bool {
        self.points()
            .all(|(x, y)| rect.contains(x, y) || self.pixel(x, y) == [0; 3])
    }

    /// Whether the whole picture has one colour.
    pub fn is_uniform(&self) -> bool {
        self.rgb
            .chunks_exact(3)
            .all(|pixel| pixel == &self.rgb[..3])
    }

    /// Compares every pixel outside the rectangles of `mask`.
    #[track_caller]
    pub fn difference(&self, other: &Picture, mask: &[Rect]) -> Difference {
        let sizes = ((self.width, self.height), (other.width, other.height));
        assert_eq!(
            sizes.0, sizes.1,
            "only pictures of one size can be compared"
        );
        let mut difference = Difference {
            max: [0; 3],
            mean: [0.0; 3],
            worst: None,
        };
        let mut sums = [0_u64; 3];
        let mut count = 0_u64;
        for (x, y) in self
            .points()
            .filter(|&(x, y)| !mask.iter().any(|rect| rect.contains(x, y)))
        {
            let (ours, theirs) = (self.pixel(x, y), other.pixel(x, y));
            count += 1;
            for channel in 0..3 {
                let distance = ours[channel].abs_diff(theirs[channel]);
                sums[channel] += u64::from(distance);
                if distance > difference.max.iter().copied().max().unwrap_or(0) {
                    difference.worst = Some(Worst { x, y, ours, theirs });
                }
                difference.max[channel] = difference.max[channel].max(distance);
            }
        }
        assert!(count > 0, "the mask leaves nothing to compare");
        #[expect(
            clippy::cast_precision_loss,
            reason = "sums of bytes of one picture are far below 2^53"
        )]
        let mean = sums.map(|sum| sum as f64 / count as f64);
        Difference { mean, ..difference }
    }

    fn points(&self) -> impl Iterator<Item = (u32, u32)> + use<> {
        let (width, height) = (self.width, self.height);
        (0..height).flat_map(move |y| (0..width).map(move |x| (x, y)))
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Picture({}x{})", self.width, self.height)
    }
}

/// How far two pictures are apart, per channel, in steps of 1/255.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The greatest distance of any pixel.
    pub max: [u8; 3],
    /// The mean distance over all pixels.
    pub mean: [f64; 3],
    /// The pixel that is farthest off.
    pub worst: Option<Worst>,
}

/// One pixel that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Worst {
    pub x: u32,
    pub y: u32,
    pub ours: [u8; 3],
    pub theirs: [u8; 3],
}

impl Difference {
    /// Whether no channel is off by more than `max` anywhere and by more than `mean` on average.
    pub fn is_within(&self, max: u8, mean: f64) -> bool {
        self.max.iter().all(|&value| value <= max) && self.mean.iter().all(|&value| value <= mean)
    }
}

#[cfg(test)]
mod tests {
    use super::{Picture, Rect};

    fn grey(value: u8) -> Picture {
        Picture::new(4, 2, vec![value; 24])
    }

    #[test]
    fn one_wrong_pixel_is_found_unless_it_is_masked() {
        let mut picture = grey(100);
        picture.rgb[(4 + 2) * 3 + 1] = 110;
        let difference = picture.difference(&grey(100), &[]);
        assert_eq!(difference.max, [0, 10, 0]);
        assert_eq!(
            difference.worst.map(|worst| (worst.x, worst.y)),
            Some((2, 1))
        );
        assert!(!difference.is_within(3, 1.0));
        let mask = Rect {
            x: 2,
            y: 1,
            width: 1,
            height: 1,
        };
        assert!(picture.difference(&grey(100), &[mask]).is_within(0, 0.0));
    }

    #[test]
    fn a_png_file_brings_back_every_pixel() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("picture.png");
        let picture = Picture::new(4, 2, (0..24).collect());
        picture.write_png(&path);
        assert_eq!(Picture::read_png(&path), picture);
    }

    #[test]
    fn a_picture_on_another_is_cut_at_its_edge() {
        let both = Picture::filled(3, 2, [9; 3]).with(&grey(100), 2, 1);
        assert_eq!(both.pixel(2, 1), [100; 3]);
        for (x, y) in [(0, 0), (2, 0), (1, 1)] {
            assert_eq!(both.pixel(x, y), [9; 3]);
        }
    }

    #[test]
    fn a_crop_keeps_the_pixels_in_place() {
        let picture = Picture::new(4, 2, (0..24).collect());
        let crop = picture.crop(Rect {
            x: 1,
            y: 1,
            width: 2,
            height: 1,
        });
        assert_eq!(crop.pixel(0, 0), picture.pixel(1, 1));
    }
}
