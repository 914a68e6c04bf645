use cpu_convert::Picture;
use dmabuf_heap::Fourcc;

/// Where the components of a picture lie: red, green, blue and alpha, or luma, Cb and Cr.
pub(super) struct Places {
    pub components: Vec<Place>,
    pub is_yuv: bool,
    pub width: usize,
    pub height: usize,
}

/// Where one component lies: from byte `offset` of each row of a plane, every `step` bytes.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub plane: usize,
    pub offset: usize,
    pub step: usize,
    /// Columns and rows of the picture for each sample.
    pub across: usize,
    pub down: usize,
}

const fn sparse(plane: usize, offset: usize, step: usize, across: usize, down: usize) -> Place {
    Place {
        plane,
        offset,
        step,
        across,
        down,
    }
}

const fn full(plane: usize, offset: usize, step: usize) -> Place {
    sparse(plane, offset, step, 1, 1)
}

/// Components of whole pixels of `step` bytes.
fn pixels(offsets: &[usize], step: usize) -> Vec<Place> {
    let places = offsets.iter().map(|&offset| full(0, offset, step));
    places.collect()
}

/// Luma in a plane of its own, Cb and Cr at these planes and offsets.
fn planes(chroma: [(usize, usize); 2], step: usize, down: usize) -> Vec<Place> {
    let chroma = chroma.map(|(plane, offset)| sparse(plane, offset, step, 2, down));
    [full(0, 0, 1)].into_iter().chain(chroma).collect()
}

fn pairs(luma: usize, chroma: [usize; 2]) -> Vec<Place> {
    let chroma = chroma.map(|offset| sparse(0, offset, 4, 2, 1));
    [full(0, luma, 2)].into_iter().chain(chroma).collect()
}

impl Places {
    pub(super) fn of(picture: Picture) -> Self {
        let (components, is_yuv) = match picture.fourcc {
            Fourcc::NV12 => (planes([(1, 0), (1, 1)], 2, 2), true),
            Fourcc::NV21 => (planes([(1, 1), (1, 0)], 2, 2), true),
            Fourcc::NV16 => (planes([(1, 0), (1, 1)], 2, 1), true),
            Fourcc::YUV420 => (planes([(1, 0), (2, 0)], 1, 2), true),
            Fourcc::YVU420 => (planes([(2, 0), (1, 0)], 1, 2), true),
            Fourcc::YUYV => (pairs(0, [1, 3]), true),
            Fourcc::UYVY => (pairs(1, [0, 2]), true),
            Fourcc::Y8 | Fourcc::R8 => (vec![full(0, 0, 1)], true),
            Fourcc::XRGB8888 => (pixels(&[2, 1, 0], 4), false),
            Fourcc::XBGR8888 => (pixels(&[0, 1, 2], 4), false),
            Fourcc::ARGB8888 => (pixels(&[2, 1, 0, 3], 4), false),
            Fourcc::ABGR8888 => (pixels(&[0, 1, 2, 3], 4), false),
            Fourcc::RGB888 => (pixels(&[2, 1, 0], 3), false),
            Fourcc::BGR888 => (pixels(&[0, 1, 2], 3), false),
            Fourcc::RGB565 => (pixels(&[0, 0, 0], 2), false),
            other => panic!("the reference does not know {other}"),
        };
        Self {
            components,
            is_yuv,
            width: picture.width as usize,
            height: picture.height as usize,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.components.len()
    }

    /// Columns and rows of a component.
    pub(super) fn size(&self, component: usize) -> (usize, usize) {
        let Place { across, down, .. } = self.components[component];
        (self.width.div_ceil(across), self.height.div_ceil(down))
    }
}
