use crate::PlaneMut;

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
        let planes = std::array::from_fn(|_| match planes.next() {
            Some(plane) => PlaneMut {
                data: &mut *plane.data,
                stride: plane.stride,
            },
            None => PlaneMut {
                data: &mut [],
                stride: 0,
            },
        });
        Self {
            planes,
            subs,
            start: 0,
            rows,
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
        let mut subs_of = subs.into_iter();
        let halves = planes.map(|PlaneMut { data, stride }| {
            let sub = subs_of.next().unwrap_or(1);
            let len = rows.div_ceil(sub) as usize * stride;
            let (upper, lower) = data.split_at_mut(len.min(data.len()));
            (
                PlaneMut {
                    data: upper,
                    stride,
                },
                PlaneMut {
                    data: lower,
                    stride,
                },
            )
        });
        let [(a, x), (b, y), (c, z)] = halves;
        let part = |planes, start, rows| Self {
            planes,
            subs,
            start,
            rows,
        };
        (
            part([a, b, c], start, rows),
            part([x, y, z], start + rows, all - rows),
        )
    }
}
