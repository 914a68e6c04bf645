use dmabuf_heap::{Fourcc, Frame, Rect};

use crate::engine::Engine;
use crate::format::{self, KNOWN, Shape};
use crate::mapping::Mappings;
use crate::{
    ConvertError, Done, End, Filter, Orientation, Picture, PlaneMut, PlaneRef, Unsupported,
};

/// One conversion, made once and run for each frame: what to do, the threads to do it with, and their memory.
///
/// The part of the source that `crop` leaves is turned by the [`Orientation`], and then scaled to the whole target.
///
/// ```
/// use cpu_convert::{Conversion, Filter, Orientation, Picture, PlaneMut, PlaneRef};
/// use dmabuf_heap::{Fourcc, YuvColor, YuvEncoding, YuvRange};
///
/// let color = YuvColor::new(YuvEncoding::Bt709, YuvRange::Limited);
/// let from = Picture { fourcc: Fourcc::Y8, width: 2, height: 1, color };
/// let to = Picture { fourcc: Fourcc::Y8, width: 1, height: 2, color };
/// let mut conversion = Conversion::new(from, to, Orientation::Rotate90, None, Filter::Bilinear, 1)?;
///
/// let mut turned = [0; 2];
/// let target = PlaneMut { data: &mut turned, stride: 1 };
/// conversion.convert_planes(&[PlaneRef { data: &[16, 235], stride: 2 }], &mut [target])?;
/// assert_eq!(turned, [16, 235]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Conversion {
    from: Picture,
    to: Picture,
    crop: Rect,
    engine: Engine,
    /// Sources and targets.
    pub(crate) mappings: [Mappings; 2],
}

impl Conversion {
    /// A conversion of pictures like `from` to pictures like `to`.
    ///
    /// `crop` is in pixels of the source, before it is turned; none means all of it. An odd offset in a picture with
    /// subsampled chroma moves chroma by up to half a sample. `threads` is how many work on each frame; 1 is the caller's
    /// own, 0 means as many as the machine has processors.
    ///
    /// # Errors
    ///
    /// The step that is missing: a format, a size, a crop that is no part of the source, or threads that the system refuses.
    pub fn new(
        from: Picture,
        to: Picture,
        orientation: Orientation,
        crop: Option<Rect>,
        filter: Filter,
        threads: usize,
    ) -> Result<Self, Unsupported> {
        for (end, picture) in [(End::From, from), (End::To, to)] {
            check_picture(end, picture)?;
        }
        let crop = crop.unwrap_or(Rect::new(0, 0, from.width, from.height));
        if crop.width == 0 || crop.height == 0 || !crop.fits_in(from.width, from.height) {
            return Err(Unsupported::Crop {
                crop,
                width: from.width,
                height: from.height,
            });
        }
        let engine = Engine::new(&from, &to, orientation, crop, filter, threads)?;
        Ok(Self {
            from,
            to,
            crop,
            engine,
            mappings: Default::default(),
        })
    }

    /// Whether pixels of one format are converted to another. Every size, orientation, crop, colour and filter is then
    /// possible, too.
    pub fn supports(from: Fourcc, to: Fourcc) -> bool {
        Shape::of(from).is_some() && Shape::of(to).is_some()
    }

    /// The formats that are read and written, linear only: each can be made of each.
    pub const fn formats() -> &'static [Fourcc] {
        KNOWN
    }

    /// What is read.
    pub const fn from(&self) -> &Picture {
        &self.from
    }

    /// What is written.
    pub const fn to(&self) -> &Picture {
        &self.to
    }

    /// Converts planes in memory; [`run`](Self::run) does it for frames.
    ///
    /// Only pixels are written: padding of rows, and what lies behind the last one, stay as they are.
    ///
    /// # Errors
    ///
    /// Another number of planes than the format has, or a plane that does not hold its pixels.
    pub fn convert_planes(
        &mut self,
        from: &[PlaneRef<'_>],
        to: &mut [PlaneMut<'_>],
    ) -> Result<(), ConvertError> {
        let sources = from.iter().map(|plane| (plane.data.len(), plane.stride));
        check_planes(End::From, &self.from, sources)?;
        let targets = to.iter().map(|plane| (plane.data.len(), plane.stride));
        check_planes(End::To, &self.to, targets)?;
        self.engine.run(from, to);
        Ok(())
    }

    /// Unmaps all frames. They are mapped again when they come again.
    pub fn forget(&mut self) {
        for mappings in &mut self.mappings {
            mappings.clear();
        }
    }

    /// Bytes of pixels that are read and written for one frame.
    pub(crate) fn cost(&self) -> Done {
        let bytes = |fourcc, width, height| {
            let planes = format::planes(fourcc).iter();
            planes
                .map(|plane| plane.row_bytes(width) * u64::from(plane.rows(height)))
                .sum()
        };
        Done {
            bytes_read: bytes(self.from.fourcc, self.crop.width, self.crop.height),
            bytes_written: bytes(self.to.fourcc, self.to.width, self.to.height),
            sync_ioctls: 0,
        }
    }

    /// Whether two frames are what this conversion was made for. [`run`](Self::run) asks this first.
    ///
    /// # Errors
    ///
    /// Another format, modifier or size on either side, or memory that both share.
    pub fn check_frames(&self, from: &Frame, to: &Frame) -> Result<(), ConvertError> {
        for (end, expected, frame) in [(End::From, self.from, from), (End::To, self.to, to)] {
            let layout = frame.layout();
            let is_linear = layout.format() == dmabuf_heap::Format::linear(expected.fourcc);
            if !is_linear || (layout.width(), layout.height()) != (expected.width, expected.height)
            {
                return Err(ConvertError::Mismatch {
                    end,
                    expected,
                    frame: frame.clone(),
                });
            }
        }
        let mut sources = from.dmabufs();
        let shared = sources.find(|source| to.dmabufs().any(|target| target.id() == source.id()));
        shared.map_or(Ok(()), |dmabuf| {
            Err(ConvertError::SameMemory {
                inode: dmabuf.id().inode,
            })
        })
    }
}

fn check_picture(end: End, picture: Picture) -> Result<(), Unsupported> {
    let fourcc = picture.fourcc;
    if Shape::of(fourcc).is_none() {
        let known: Vec<_> = KNOWN.iter().map(ToString::to_string).collect();
        return Err(Unsupported::Format {
            end,
            fourcc,
            known: known.join(", "),
        });
    }
    let sides = 1..=u32::from(u16::MAX);
    if !sides.contains(&picture.width) || !sides.contains(&picture.height) {
        return Err(Unsupported::Size { end, picture });
    }
    Ok(())
}

/// Every plane is there and holds its rows; only the padding of the last one may be missing.
fn check_planes(
    end: End,
    picture: &Picture,
    given: impl ExactSizeIterator<Item = (usize, usize)>,
) -> Result<(), ConvertError> {
    let planes = format::planes(picture.fourcc);
    if given.len() != planes.len() {
        return Err(ConvertError::PlaneCount {
            end,
            fourcc: picture.fourcc,
            expected: planes.len(),
            got: given.len(),
        });
    }
    for (index, (plane, (len, stride))) in planes.iter().zip(given).enumerate() {
        let rows = plane.rows(picture.height) as usize;
        // Sides are below 65536, so bytes of a row fit.
        let row_bytes = usize::try_from(plane.row_bytes(picture.width)).unwrap_or(usize::MAX);
        let needed = (rows - 1)
            .checked_mul(stride)
            .and_then(|bytes| bytes.checked_add(row_bytes));
        if stride < row_bytes || needed.is_none_or(|needed| needed > len) {
            return Err(ConvertError::PlaneTooSmall {
                end,
                picture: *picture,
                plane: index,
                rows,
                row_bytes,
                len,
                stride,
            });
        }
    }
    Ok(())
}
