//! The last station: lanes become pixels of the target.

use dmabuf_heap::YuvColor;

use crate::format::{Packing, Shape, Sub, YuvShape};

use super::band::Band;
use super::forward::Forward;
use super::inverse::Inverse;
use super::lane::Scene;
use super::matrix::{Levels, Matrix};
use super::shuffle::Shuffle;
use super::store;
use super::unpack::Unpack;
use super::view::{View, room};

/// How lanes become the target.
#[derive(Debug)]
pub(super) enum Finish {
    /// From RGB to RGB: another order of bytes.
    Shuffle(Shuffle),
    /// From RGB to YUV.
    Forward(Forward),
    /// From YUV to RGB.
    Inverse(Inverse),
    /// From packed YUV to RGB; the lane is of whole pixels.
    Unpack(Unpack),
    /// From YUV to YUV of the same matrix: samples are put in their places.
    Place {
        shape: YuvShape,
        /// For luma and chroma, where the range changes.
        levels: [Option<Levels>; 2],
    },
    /// From YUV to YUV of another matrix; lanes arrive without subsampling.
    Recolor { shape: YuvShape, matrix: Matrix },
}

/// Memory for what a strip is on its way from lanes to pixels.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub planes: [Vec<u8>; 3],
}

/// The lanes of a strip; grey has no chroma.
pub(super) type Lanes<'a> = [Option<View<'a>>; 3];

/// The station for these two pictures, and the subsamplings with which it wants luma and chroma; without luma, it wants whole
/// pixels.
pub(super) fn choose(
    (source, from): (Shape, YuvColor),
    (target, to): (Shape, YuvColor),
    scene: &Scene,
) -> (Finish, [Option<Sub>; 2]) {
    let full = Some(Sub::NONE);
    match (source, target) {
        (Shape::Rgb(source), Shape::Rgb(target)) => {
            (Finish::Shuffle(Shuffle::new(source, target)), [full; 2])
        }
        (Shape::Rgb(source), Shape::Yuv(target)) => (
            Finish::Forward(Forward::new(source.fetched(), target, to)),
            [full; 2],
        ),
        (Shape::Yuv(source), Shape::Rgb(target)) => {
            if let Some(unpack) = Unpack::new(source, from, target, scene) {
                return (Finish::Unpack(unpack), [None; 2]);
            }
            let chroma = arriving_chroma(source, scene);
            let inverse = Inverse::new(chroma, target, from);
            (Finish::Inverse(inverse), [full, chroma])
        }
        (Shape::Yuv(source), Shape::Yuv(target)) => between_yuv((source, from), (target, to)),
    }
}

/// Chroma is left as sparse as it is where nothing is scaled and the conversion to RGB repeats samples itself.
fn arriving_chroma(source: YuvShape, scene: &Scene) -> Option<Sub> {
    let [cb, _] = source.chroma?;
    let sub = scene.turn(cb.sub);
    let is_taken = !scene.is_scaled() && Inverse::takes(sub);
    Some(if is_taken { sub } else { Sub::NONE })
}

fn between_yuv(
    (source, from): (YuvShape, YuvColor),
    (target, to): (YuvShape, YuvColor),
) -> (Finish, [Option<Sub>; 2]) {
    let full = Some(Sub::NONE);
    match (source.chroma, target.chroma) {
        (Some(_), Some(_)) if from.encoding != to.encoding => {
            let finish = Finish::Recolor {
                shape: target,
                matrix: Matrix::new(from, to),
            };
            (finish, [full; 2])
        }
        (_, chroma) => {
            let finish = Finish::Place {
                shape: target,
                levels: Levels::between(from.range, to.range),
            };
            (finish, [full, chroma.map(|[cb, _]| cb.sub)])
        }
    }
}

impl Packing {
    /// How pixels of this packing arrive in a lane.
    pub(super) const fn fetched(self) -> Self {
        match self {
            Self::Rgb565 => Self::Rgba { has_alpha: true },
            other => other,
        }
    }
}

impl Finish {
    pub(super) fn store(&self, lanes: &Lanes<'_>, band: &mut Band<'_>, scratch: &mut Scratch) {
        let Some(first) = lanes[0] else { return };
        let chroma = lanes[1].zip(lanes[2]).map(|(cb, cr)| [cb, cr]);
        match self {
            Self::Shuffle(shuffle) => shuffle.run(first, &mut band.planes[0]),
            Self::Unpack(unpack) => unpack.run(first, &mut band.planes[0]),
            Self::Forward(forward) => forward.run(first, band, scratch),
            Self::Inverse(inverse) => inverse.run(first, chroma, band, scratch),
            Self::Place { shape, levels } => {
                let Scratch { planes: [y, u, v] } = scratch;
                let [luma_levels, chroma_levels] = levels;
                let luma = leveled(luma_levels.as_ref(), first, y);
                let chroma = chroma.map(|[cb, cr]| {
                    let levels = chroma_levels.as_ref();
                    [leveled(levels, cb, u), leveled(levels, cr, v)]
                });
                store::planes(shape, luma, chroma, band);
            }
            Self::Recolor { shape, matrix } => {
                if let Some(chroma) = chroma {
                    recolor(shape, matrix, [first, chroma[0], chroma[1]], band, scratch);
                }
            }
        }
    }
}

/// A lane in another range.
fn leveled<'a>(levels: Option<&Levels>, lane: View<'a>, scratch: &'a mut Vec<u8>) -> View<'a> {
    let Some(levels) = levels else { return lane };
    let row_bytes = lane.row_bytes();
    let leveled = room(scratch, row_bytes * lane.height as usize);
    for (to, from) in leveled.chunks_exact_mut(row_bytes).zip(lane.rows()) {
        levels.apply(from, to);
    }
    View::packed(leveled, lane.width, lane.height, lane.size)
}

fn recolor(
    shape: &YuvShape,
    matrix: &Matrix,
    lanes: [View<'_>; 3],
    band: &mut Band<'_>,
    scratch: &mut Scratch,
) {
    let (width, height) = (lanes[0].width, lanes[0].height);
    let row_bytes = width as usize;
    let mut planes = scratch
        .planes
        .each_mut()
        .map(|plane| room(plane, row_bytes * height as usize));
    for (row, start) in (0..height).zip((0..).step_by(row_bytes)) {
        let mut rows = planes
            .each_mut()
            .map(|plane| &mut plane[start..start + row_bytes]);
        for (to, lane) in rows.iter_mut().zip(lanes) {
            to.copy_from_slice(lane.row(row));
        }
        let [luma, cb, cr] = rows;
        matrix.apply(luma, cb, cr);
    }
    let sub = shape.chroma.map_or(Sub::NONE, |[cb, _]| cb.sub);
    let (chroma_width, chroma_height) = sub.size((width, height));
    let [luma, cb, cr] = planes;
    let chroma = [cb, cr].map(|plane| {
        store::average(plane, (width, height), sub);
        View::packed(plane, chroma_width, chroma_height, 1)
    });
    store::planes(
        shape,
        View::packed(luma, width, height, 1),
        Some(chroma),
        band,
    );
}
