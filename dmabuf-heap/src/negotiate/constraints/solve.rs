use crate::{
    Format, FrameLayout, FrameSpec, LayoutError, LayoutRequest, Modifier, Needs, PixelFormat,
    SolveError, Topology,
};

use super::contradiction::contradiction;
use super::solver::Solver;
use super::{CALLER, Constraints};

impl Constraints {
    /// A layout that meets all needs, as the request for frames of it: with the stride of every plane, and with what
    /// says offsets and lengths.
    ///
    /// All planes lie in one dma-buf wherever that is possible. The strides of further planes follow from the first by
    /// V4L2's rule wherever that is possible, and the first is then the smallest that does; else each is the smallest
    /// for itself. Lengths that are asked for are rounded up to whole pages, as every dma-buf is.
    ///
    /// ```
    /// use dmabuf_heap::{Constraints, Fourcc, FrameSpec};
    ///
    /// let camera = Constraints::of("camera").derived_strides().packed_planes().row_align(16);
    /// let display = Constraints::of("display").stride_align(64);
    /// let request = camera.merge(&display)?.request(FrameSpec::new(Fourcc::YUV420, 1366, 762))?;
    /// let planes = request.layout()?.planes().to_vec();
    /// assert_eq!((planes[0].stride, planes[1].stride), (1408, 704));
    /// assert_eq!(planes[1].offset, 1408 * 768);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The picture cannot be laid out at all, or not for these importers together; then the error names them.
    pub fn request(&self, spec: FrameSpec) -> Result<LayoutRequest, SolveError> {
        let caller = Self::of(CALLER).cpu(spec.cpu).modifiers([spec.modifier]);
        let parties = self.parties.iter().chain(&caller.parties);
        let all = Self::of_parties(parties.cloned().collect());

        if !all.is_possible() {
            let wishes = all.conflict().wishes().to_vec();
            return Err(SolveError::Unsuited { spec, wishes });
        }
        let picture = Picture::new(spec)?;
        let Some(request) = all.solve(&picture) else {
            let wishes = contradiction(all.wishes().collect(), |wishes| {
                Self::of_wishes(wishes).solve(&picture).is_some()
            });
            return Err(SolveError::Unsuited { spec, wishes });
        };
        Ok(request.cpu(all.needs.cpu))
    }

    fn solve(&self, picture: &Picture) -> Option<LayoutRequest> {
        if !self.is_possible() {
            return None;
        }
        let rows = picture.rows(&self.needs)?;
        if !self.packed_as(picture, rows) {
            return None;
        }
        [Topology::ONE, Topology::PER_PLANE]
            .into_iter()
            .filter(|&topology| picture.is_possible_in(topology, &self.needs))
            .find_map(|topology| {
                Solver {
                    picture,
                    needs: &self.needs,
                    rows,
                    topology,
                }
                .solve()
            })
    }

    /// Whether all that know no offsets pad rows to the same number: each computes offsets from its own.
    fn packed_as(&self, picture: &Picture, rows: u32) -> bool {
        self.parties
            .iter()
            .filter(|party| party.needs.packed_planes && picture.format.planes().len() > 1)
            .all(|party| picture.rows(&party.needs) == Some(rows))
    }
}

/// What is to be laid out.
pub(super) struct Picture {
    pub(super) spec: FrameSpec,
    pub(super) format: &'static PixelFormat,
}

impl Picture {
    /// # Errors
    ///
    /// Nobody can lay it out.
    fn new(spec: FrameSpec) -> Result<Self, LayoutError> {
        let FrameSpec {
            width,
            height,
            fourcc,
            modifier,
            cpu: _,
        } = spec;
        if modifier != Modifier::LINEAR {
            return Err(LayoutError::NotLinear(Format { fourcc, modifier }));
        }
        FrameLayout::linear(fourcc, width, height, 1)?;
        let format = PixelFormat::find(fourcc).ok_or(LayoutError::UnknownFormat(fourcc))?;
        Ok(Self { spec, format })
    }

    /// Rows of the first plane with padding.
    fn rows(&self, needs: &Needs) -> Option<u32> {
        let rows = self.spec.height.max(needs.rows_min);
        rows.checked_next_multiple_of(needs.row_align)
    }

    /// A picture of one plane is in one dma-buf either way.
    fn is_possible_in(&self, topology: Topology, needs: &Needs) -> bool {
        if self.format.planes().len() == 1 {
            return topology == Topology::ONE;
        }
        needs.topology.contains(topology) && (topology == Topology::ONE || !needs.packed_planes)
    }
}
