use crate::PlaneMut;

use super::view::room;

/// Rows of the target, with their part of each plane.
#[derive(Debug)]
pub(super) struct Band<'a> {
    pub(super) planes: [PlaneMut<'a>; 3],
    /// Vertical subsampling of each plane.
    subs: [u32; 3],
    start: u32,
    rows: u32,
}

impl<'a> Band<'a> {
    pub(super) fn new(planes: &'a mut [PlaneMut<'_>], rows: u32, subs: [u32; 3]) -> Self {
        let mut planes = planes.iter_mut();
        let planes = subs.map(|sub| match planes.next() {
            Some(PlaneMut { data, stride }) => {
                // What lies behind the last row is no part of the picture.
                let len = data.len().min(rows.div_ceil(sub) as usize * *stride);
                PlaneMut {
                    data: &mut data[..len],
                    stride: *stride,
                }
            }
            None => PlaneMut::default(),
        });
        Self {
            planes,
            subs,
            start: 0,
            rows,
        }
    }

    /// Whether the last row of a plane is shorter than its stride: the functions that convert pass over such a row.
    pub(super) fn is_cut_short(&self) -> bool {
        let mut planes = self.planes.iter().zip(self.subs);
        planes
            .any(|(plane, sub)| plane.data.len() < self.rows.div_ceil(sub) as usize * plane.stride)
    }

    /// Runs `store` on a copy of this band in `scratch` whose rows are all as long as the stride.
    pub(super) fn detour(
        &mut self,
        row_bytes: [usize; 3],
        scratch: &mut [Vec<u8>; 3],
        store: impl FnOnce(&mut Band<'_>),
    ) {
        let (rows, subs) = (self.rows, self.subs);
        let mut spares = scratch.iter_mut();
        let mut index = 0..3;
        let planes = subs.map(|sub| {
            let (spare, index) = (spares.next(), index.next().unwrap_or(0));
            let stride = row_bytes[index];
            let len = rows.div_ceil(sub) as usize * stride;
            let data = spare.map_or(&mut [][..], |spare| room(spare, len));
            copy_rows(&self.planes[index], &mut PlaneMut { data, stride });
            PlaneMut { data, stride }
        });
        let mut copy = Band {
            planes,
            subs,
            start: self.start,
            rows,
        };
        store(&mut copy);
        for (from, to) in copy.planes.iter().zip(&mut self.planes) {
            copy_rows(from, to);
        }
    }

    /// The first row, in rows of the picture.
    pub(super) const fn start(&self) -> u32 {
        self.start
    }

    pub(super) const fn rows(&self) -> u32 {
        self.rows
    }

    /// The first `rows`, an even number unless nothing is left, and the others.
    pub(super) fn split(self, rows: u32) -> (Self, Self) {
        let Self {
            planes,
            subs,
            start,
            rows: all,
        } = self;
        let mut lower = [const { None }; 3];
        let mut below = lower.iter_mut().zip(subs);
        let upper = planes.map(|PlaneMut { data, stride }| {
            let (place, sub) = below.next().unzip();
            let len = rows.div_ceil(sub.unwrap_or(1)) as usize * stride;
            let (upper, lower) = data.split_at_mut(len.min(data.len()));
            if let Some(place) = place {
                *place = Some(PlaneMut {
                    data: lower,
                    stride,
                });
            }
            PlaneMut {
                data: upper,
                stride,
            }
        });
        let lower = lower.map(Option::unwrap_or_default);
        let part = |planes, start, rows| Self {
            planes,
            subs,
            start,
            rows,
        };
        (
            part(upper, start, rows),
            part(lower, start + rows, all - rows),
        )
    }
}

/// As much of each row as both have.
fn copy_rows(from: &PlaneMut<'_>, to: &mut PlaneMut<'_>) {
    let rows = from.data.chunks(from.stride.max(1));
    for (from, to) in rows.zip(to.data.chunks_mut(to.stride.max(1))) {
        let len = from.len().min(to.len());
        to[..len].copy_from_slice(&from[..len]);
    }
}
