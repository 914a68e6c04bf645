use crate::layout::arithmetic::{gcd, lcm};
use crate::layout::linear::{Ratio, strides};
use crate::{FrameLayout, FrameSpec, LayoutRequest, MAX_PLANES, Needs, Topology};

use super::solve::Picture;

/// How the strides of planes hang together.
#[derive(Clone, Copy)]
enum Rule {
    /// By V4L2's rule.
    Derived,
    /// Not at all.
    Each,
}

/// Looks for the strides of a picture whose rows and topology are settled.
pub(super) struct Solver<'a> {
    pub(super) picture: &'a Picture,
    pub(super) needs: &'a Needs,
    /// Of the first plane, with padding.
    pub(super) rows: u32,
    /// One of the two.
    pub(super) topology: Topology,
}

impl Solver<'_> {
    pub(super) fn solve(&self) -> Option<LayoutRequest> {
        let rules: &[Rule] = if self.needs.derived_strides {
            &[Rule::Derived]
        } else {
            &[Rule::Derived, Rule::Each]
        };
        rules.iter().find_map(|&rule| {
            let strides = match rule {
                Rule::Derived => self.derived_strides(),
                Rule::Each => self.smallest_strides(),
            }?;
            self.request(&strides[..self.picture.format.planes().len()])
        })
    }

    /// Strides by V4L2's rule. Everything else grows with the first stride, so if not even the smallest possible meets
    /// the upper bounds, none does.
    fn derived_strides(&self) -> Option<[u32; MAX_PLANES]> {
        let FrameSpec { width, height, .. } = self.picture.spec;
        let first = match self.needs.strides[0] {
            Some(stride) => stride,
            None => self.smallest_first_stride()?,
        };
        strides(self.picture.format, width, height, first).ok()
    }

    fn smallest_first_stride(&self) -> Option<u32> {
        let planes = self.picture.format.planes();
        let align = u64::from(self.needs.stride_align);
        let mut least = 0;
        let mut step = align;
        for (index, plane) in planes.iter().enumerate() {
            let ratio = Ratio::of(&planes[0], plane);
            least = least.max(ratio.first_for(self.least_stride(index))?);
            step = lcm(step, ratio.step(align)?)?;
        }
        let step = lcm(step, self.packing_step()?)?;
        u32::try_from(least.checked_next_multiple_of(step)?).ok()
    }

    /// Of what the first stride must be a multiple, so that derived planes without a gap start at aligned offsets.
    fn packing_step(&self) -> Option<u64> {
        let planes = self.picture.format.planes();
        let ratios = || planes.iter().map(|plane| Ratio::of(&planes[0], plane));
        let whole = ratios().try_fold(1, |whole, ratio| lcm(whole, ratio.denominator))?;
        if !self.is_packed() {
            return Some(whole);
        }
        let mut step = whole;
        // Bytes before a plane, for a first stride of `whole` bytes.
        let mut offset = 0_u64;
        for (plane, ratio) in planes.iter().zip(ratios()).take(planes.len() - 1) {
            let stride = whole / ratio.denominator * ratio.numerator;
            offset = offset.checked_add(stride.checked_mul(plane.rows(self.rows).into())?)?;
            let align = self.needs.offset_align;
            step = lcm(step, whole.checked_mul(align / gcd(align, offset))?)?;
        }
        Some(step)
    }

    /// The smallest stride of each plane, whatever those of the others are.
    fn smallest_strides(&self) -> Option<[u32; MAX_PLANES]> {
        let planes = self.picture.format.planes();
        let mut strides = [0; MAX_PLANES];
        for (index, plane) in planes.iter().enumerate() {
            let mut step = u64::from(self.needs.stride_align);
            if self.is_packed() && index + 1 < planes.len() {
                let align = self.needs.offset_align;
                step = lcm(step, align / gcd(align, plane.rows(self.rows).into()))?;
            }
            let least = self.least_stride(index).checked_next_multiple_of(step)?;
            strides[index] = self.needs.strides[index].or_else(|| u32::try_from(least).ok())?;
        }
        Some(strides)
    }

    /// What a stride that nobody fixes must have for its rows and for those who want more.
    fn least_stride(&self, plane: usize) -> u64 {
        let shape = &self.picture.format.planes()[plane];
        let width = self.picture.spec.width;
        let rows = if plane == 0 {
            shape.whole_row_bytes(width)
        } else {
            shape.row_bytes(width)
        };
        let exact = self.needs.strides[plane].unwrap_or(0);
        rows.max(self.needs.stride_min[plane].into())
            .max(exact.into())
    }

    /// The request with these strides, if it meets everything.
    fn request(&self, strides: &[u32]) -> Option<LayoutRequest> {
        let needs = self.needs;
        if !self.strides_suit(strides) {
            return None;
        }
        let mut request = LayoutRequest::for_spec(self.picture.spec)
            .plane_strides(strides)
            .tail(needs.tail);
        if self.rows > self.picture.spec.height {
            request = request.rows(self.rows);
        }
        if self.topology == Topology::PER_PLANE {
            request = request.per_plane();
        } else if strides.len() > 1 {
            request = request.offset_align(needs.offset_align);
        }
        let dmabufs = if self.topology == Topology::ONE {
            1
        } else {
            strides.len()
        };
        for (dmabuf, &len) in needs.min_lens[..dmabufs].iter().enumerate() {
            request = request.dmabuf_min_len(dmabuf, in_pages(len)?);
        }
        let layout = request.layout().ok()?;
        request.dmabuf_lens().ok()?;
        self.offsets_suit(&layout).then_some(request)
    }

    fn strides_suit(&self, strides: &[u32]) -> bool {
        let needs = self.needs;
        strides.iter().enumerate().all(|(plane, &stride)| {
            stride.is_multiple_of(needs.stride_align)
                && stride >= needs.stride_min[plane]
                && needs.stride_max.is_none_or(|most| stride <= most)
                && needs.strides[plane].is_none_or(|exact| stride == exact)
        })
    }

    /// `layout` holds its rows with their padding, so their ends are numbers of 63 bits.
    fn offsets_suit(&self, layout: &FrameLayout) -> bool {
        let mut end = 0;
        layout
            .planes()
            .iter()
            .zip(self.picture.format.planes())
            .all(|(plane, shape)| {
                let suits = (!self.is_packed() || plane.offset == end)
                    && self
                        .needs
                        .offset_max
                        .is_none_or(|most| plane.offset <= most);
                end = plane.offset + u64::from(plane.stride) * u64::from(shape.rows(self.rows));
                suits
            })
    }

    fn is_packed(&self) -> bool {
        self.needs.packed_planes && self.topology == Topology::ONE
    }
}

/// Every dma-buf has whole pages.
fn in_pages(len: u64) -> Option<u64> {
    len.checked_next_multiple_of(rustix::param::page_size() as u64)
}
