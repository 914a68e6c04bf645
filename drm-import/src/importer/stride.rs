//! Which strides a driver takes.
//!
//! KMS has no word for it. Two things show it without a picture on screen: the pitch of a dumb buffer of odd width,
//! which the driver rounds as it likes it, and `ADDFB2`, which some drivers let refuse what they dislike. Neither is
//! the whole truth. The kernel's own helper rounds to 8 bytes on behalf of drivers that have not said anything, so a
//! rounding up to that is no statement, and what ADDFB2 takes stands. A rounding to more is the driver's own wish;
//! that is believed even where ADDFB2 takes less: such drivers show the picture askew, without an error.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use dmabuf_heap::{Fourcc, FrameLayout, LayoutRequest, PixelFormat};
use rustix::io::Errno;
use tracing::debug;

use crate::device::Device;
use crate::dumb::{Dumb, Shape};

/// What `drm_gem_dma_dumb_create` and `drm_gem_shmem_dumb_create` round to for whoever uses them (Linux 6.19).
const HELPERS_ALIGN: u32 = 8;
/// The coarsest alignment that ADDFB2 is asked about.
const MAX_ALIGN: u32 = 1024;
/// Pixels; chosen so that of their rows, rounded up to any power of two, one at least is an odd multiple of it.
const ODD_WIDTHS: [u32; 3] = [33, 67, 131];
/// Size of the pictures that ADDFB2 is asked about, where the card takes such small ones. No odd numbers: those of
/// subsampled formats are refused for other reasons.
const PICTURE: (u32, u32) = (144, 16);

/// What was found out about a card, by fourcc.
#[derive(Debug, Default)]
pub(crate) struct StrideRules(Mutex<HashMap<Fourcc, u32>>);

impl StrideRules {
    /// Bytes of which strides must be a multiple for pictures of this format; 1 where nothing is known.
    ///
    /// Asks the card once. It leaves nothing behind and changes nothing that anybody sees.
    pub(crate) fn align(&self, device: &Device, fourcc: Fourcc) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&align) = known.get(&fourcc) {
            return align;
        }
        let Some(format) = PixelFormat::find(fourcc) else {
            return 1;
        };
        match ask(device, format) {
            Ok(align) => {
                debug!(card = %device.card(), %fourcc, align, "strides");
                known.insert(fourcc, align);
                align
            }
            // Memory is short or the card is gone: a later question may get an answer.
            Err(error) => {
                debug!(card = %device.card(), %fourcc, %error, "strides cannot be asked about");
                1
            }
        }
    }
}

fn ask(device: &Device, format: &PixelFormat) -> io::Result<u32> {
    let Some(rounding) = dumb_rounding(device, format)? else {
        return Ok(1);
    };
    Ok(rule(rounding, least_taken(device, format.fourcc)?))
}

/// The rule from what dumb rows are rounded to, and the least alignment that ADDFB2 takes, if it takes any.
fn rule(rounding: u32, least_taken: Option<u32>) -> u32 {
    let wish = if rounding > HELPERS_ALIGN {
        rounding
    } else {
        1
    };
    wish.max(least_taken.unwrap_or(1))
}

/// Bytes that the driver rounds rows of dumb buffers to; `None` if it makes none for such pixels.
fn dumb_rounding(device: &Device, format: &PixelFormat) -> io::Result<Option<u32>> {
    let mut pitches = [0; ODD_WIDTHS.len()];
    for (pitch, width) in pitches.iter_mut().zip(ODD_WIDTHS) {
        let shape = Shape::row(format, width);
        *pitch = match Dumb::create(device.card(), shape) {
            Ok(dumb) => dumb.pitch(),
            Err(error) if is_transient(&error) => return Err(error),
            Err(_no_such_dumb_buffers) => return Ok(None),
        };
    }
    Ok(Some(common_power_of_two(&pitches)))
}

/// The least power of two that ADDFB2 takes strides of.
fn least_taken(device: &Device, fourcc: Fourcc) -> io::Result<Option<u32>> {
    let (min, max) = device.size_bounds();
    let size = (
        PICTURE.0.max(min.0).min(max.0),
        PICTURE.1.max(min.1).min(max.1),
    );
    for align in (0..=MAX_ALIGN.ilog2()).map(|shift| 1 << shift) {
        let Some(layout) = aligned_to_no_more(fourcc, size, align) else {
            continue;
        };
        let Some(shape) = Shape::of(&layout) else {
            continue;
        };
        let dumb = Dumb::create(device.card(), shape)?;
        match device.imports().try_layout(&layout, dumb.handle()) {
            Ok(()) => return Ok(Some(align)),
            Err(error) if is_transient(&error) => return Err(error),
            Err(_refused) => {}
        }
    }
    Ok(None)
}

/// A layout whose strides are all multiples of `align`, one of them an odd multiple. `None` where the format has none
/// such.
fn aligned_to_no_more(fourcc: Fourcc, size: (u32, u32), align: u32) -> Option<FrameLayout> {
    let request = LayoutRequest::new(fourcc, size.0, size.1);
    let least = request.clone().stride_align(align).layout().ok()?;
    let first = least.planes()[0].stride;
    // Every second step is an odd multiple, unless the chroma of the format does not fit then.
    let layouts = (0..8).filter_map(|step| {
        let stride = first.checked_add(step * align)?;
        request.clone().plane_strides(&[stride]).layout().ok()
    });
    layouts
        .into_iter()
        .find(|layout| common_power_of_two(&strides(layout)) == align)
}

fn strides(layout: &FrameLayout) -> Vec<u32> {
    layout.planes().iter().map(|plane| plane.stride).collect()
}

/// The largest power of two that divides all.
fn common_power_of_two(numbers: &[u32]) -> u32 {
    let bits = numbers.iter().fold(0, |bits, number| bits | number);
    1 << bits.trailing_zeros().min(u32::BITS - 1)
}

/// Whether the card refused for want of memory, time or life, not for what it was asked.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw_os_error),
        Some(Errno::NOMEM | Errno::NOSPC | Errno::AGAIN | Errno::BUSY | Errno::NODEV | Errno::IO)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn any_rounding_is_recognised_from_three_odd_widths() {
        for bytes_per_pixel in 1..=4 {
            for align in (0..=8).map(|shift| 1_u32 << shift) {
                let rows = ODD_WIDTHS.map(|width| width * bytes_per_pixel);
                let pitches = rows.map(|row| row.next_multiple_of(align));
                let natural = common_power_of_two(&rows);
                assert_eq!(
                    common_power_of_two(&pitches),
                    align.max(natural),
                    "{bytes_per_pixel} bytes in multiples of {align}"
                );
            }
        }
    }

    #[test]
    fn what_the_kernel_helpers_round_to_is_nobodys_wish() {
        assert_eq!(rule(1, Some(1)), 1);
        assert_eq!(rule(8, Some(1)), 1);
        assert_eq!(rule(8, Some(4)), 4);
        assert_eq!(rule(8, None), 1, "a picture refused for another reason");
    }

    #[test]
    fn a_coarser_rounding_is_believed_even_where_less_is_taken() {
        assert_eq!(rule(64, Some(1)), 64);
        assert_eq!(rule(64, Some(256)), 256);
        assert_eq!(rule(256, None), 256);
    }

    #[test]
    fn two_planes_are_tried_with_strides_that_are_odd_multiples() {
        let layout = aligned_to_no_more(Fourcc::YUV420, PICTURE, 1).unwrap();
        assert_eq!(strides(&layout), [145, 72, 72]);
        let layout = aligned_to_no_more(Fourcc::NV12, PICTURE, 64).unwrap();
        assert_eq!(strides(&layout), [192, 192]);
        let layout = aligned_to_no_more(Fourcc::XRGB8888, PICTURE, 1).unwrap();
        assert_eq!(strides(&layout), [577]);
    }

    proptest! {
        #[test]
        fn what_is_tried_is_aligned_as_said_and_no_better(
            format in 0..PixelFormat::all().len(), shift in 0_u32..=10, width in 1_u32..4096,
        ) {
            let fourcc = PixelFormat::all()[format].fourcc;
            if let Some(layout) = aligned_to_no_more(fourcc, (width, 16), 1 << shift) {
                prop_assert_eq!(common_power_of_two(&strides(&layout)), 1 << shift);
            }
        }
    }
}
