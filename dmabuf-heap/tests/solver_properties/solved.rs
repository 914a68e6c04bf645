use dmabuf_heap::{FrameLayout, LayoutRequest, Need, PixelFormat, PlaneLayout, Topology};

/// A layout, the format it is of, and the bytes of its dma-bufs.
pub(crate) struct Solved {
    format: &'static PixelFormat,
    pub(crate) layout: FrameLayout,
    lens: Vec<u64>,
    topology: Topology,
}

impl Solved {
    /// What a request that the solver made leads to.
    pub(crate) fn of(request: &LayoutRequest, format: &'static PixelFormat) -> Self {
        Self {
            format,
            layout: request.layout().expect("the request is possible"),
            lens: request.dmabuf_lens().expect("the request is possible"),
            topology: request.topology(),
        }
    }

    /// Of every plane, in bytes.
    pub(crate) fn strides(&self) -> Vec<u32> {
        self.layout
            .planes()
            .iter()
            .map(|plane| plane.stride)
            .collect()
    }

    /// Where the rows of a plane end when the first plane has so many.
    fn end(&self, plane: usize, rows: u32) -> u64 {
        let PlaneLayout { offset, stride, .. } = self.layout.planes()[plane];
        let rows = self.format.planes()[plane].rows(rows.max(self.layout.height()));
        offset + u64::from(stride) * u64::from(rows)
    }

    /// Room for so many rows in each plane, up to the next one or the end of the dma-buf.
    fn has_rows(&self, rows: u32) -> bool {
        let planes = self.layout.planes();
        (0..planes.len()).all(|plane| {
            let limit = match (self.topology, planes.get(plane + 1)) {
                (Topology::ONE, Some(next)) => next.offset,
                (Topology::ONE, None) => self.lens[0],
                _ => self.lens[plane],
            };
            self.end(plane, rows) <= limit
        })
    }

    /// Whether one need is met, judged by the numbers alone.
    pub(crate) fn meets(&self, need: &Need) -> bool {
        let (planes, strides) = (self.layout.planes(), self.strides());
        let height = self.layout.height();
        let single = planes.len() == 1;
        match *need {
            Need::StrideAlign(bytes) => strides.iter().all(|stride| stride % bytes == 0),
            Need::StrideMin { plane, bytes } => {
                strides.get(plane).is_none_or(|&stride| stride >= bytes)
            }
            Need::StrideMax(bytes) => strides.iter().all(|&stride| stride <= bytes),
            Need::Stride { plane, bytes } => {
                strides.get(plane).is_none_or(|&stride| stride == bytes)
            }
            Need::DerivedStrides => {
                let layout = self.layout;
                let derived = LayoutRequest::new(layout.fourcc(), layout.width(), height)
                    .plane_strides(&strides[..1])
                    .layout()
                    .expect("the first stride is possible");
                derived
                    .planes()
                    .iter()
                    .zip(&strides)
                    .all(|(plane, &stride)| plane.stride == stride)
            }
            Need::OffsetAlign(bytes) => planes.iter().all(|plane| plane.offset % bytes == 0),
            Need::OffsetMax(bytes) => planes.iter().all(|plane| plane.offset <= bytes),
            Need::PackedPlanes {
                row_align,
                rows_min,
            } => {
                let rows = height.max(rows_min).next_multiple_of(row_align);
                let packed = |plane: usize| planes[plane + 1].offset == self.end(plane, rows);
                single || self.topology == Topology::ONE && (0..planes.len() - 1).all(packed)
            }
            Need::RowAlign(rows) => self.has_rows(height.next_multiple_of(rows)),
            Need::RowsMin(rows) => self.has_rows(rows),
            Need::Tail(bytes) => match self.topology {
                Topology::ONE => self.layout.size() + bytes <= self.lens[0],
                _ => planes
                    .iter()
                    .zip(&self.lens)
                    .all(|(plane, &len)| plane.end() + bytes <= len),
            },
            Need::MinLen { dmabuf, bytes } => self.lens.get(dmabuf).is_none_or(|&len| len >= bytes),
            Need::Topology(topology) => single || topology == self.topology,
            ref other => unreachable!("{other} is no matter of layout"),
        }
    }

    /// All rows are there, in bounds, and none twice.
    pub(crate) fn is_sound(&self) -> bool {
        let planes = self.layout.planes();
        let in_bounds = match self.topology {
            Topology::ONE => self.lens.len() == 1 && self.layout.size() <= self.lens[0],
            _ => {
                self.lens.len() == planes.len()
                    && planes
                        .iter()
                        .zip(&self.lens)
                        .all(|(p, &len)| p.end() <= len)
            }
        };
        let apart = self.topology == Topology::PER_PLANE
            || planes
                .windows(2)
                .all(|pair| pair[0].end() <= pair[1].offset);
        let whole = planes.iter().enumerate().all(|(index, plane)| {
            let row = self.layout.row_bytes(index).expect("linear");
            let rows = self.layout.rows(index).expect("linear");
            u64::from(plane.stride) >= row && plane.len == u64::from(plane.stride) * u64::from(rows)
        });
        in_bounds && apart && whole
    }
}
