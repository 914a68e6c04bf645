//! The way of one plane of samples from the source frame to its place in a strip of the target.

use std::ops::Range;

use dmabuf_heap::Rect;

use crate::format::{Samples, Shape, Sub};
use crate::{Filter, Orientation, PlaneRef};

use super::fetch::{self, Pick};
use super::resample::{Resample, Resampler};
use super::view::{View, room};

/// The geometry of a conversion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub orientation: Orientation,
    pub crop: Rect,
    /// Width and height of the target.
    pub target: (u32, u32),
    pub filter: Filter,
}

impl Scene {
    /// Width and height of the source when it is cropped and turned.
    pub(super) const fn turned(&self) -> (u32, u32) {
        let Rect { width, height, .. } = self.crop;
        if self.orientation.swaps_sides() {
            (height, width)
        } else {
            (width, height)
        }
    }

    pub(super) fn is_upright(&self) -> bool {
        self.orientation == Orientation::Identity
    }

    pub(super) fn is_scaled(&self) -> bool {
        self.turned() != self.target
    }

    /// The subsampling of a plane when it is turned.
    pub(super) const fn turn(&self, sub: Sub) -> Sub {
        if self.orientation.swaps_sides() {
            sub.swapped()
        } else {
            sub
        }
    }
}

#[derive(Debug)]
pub(super) struct Lane {
    pick: Pick,
    orientation: Orientation,
    /// Samples of the source, before they are turned.
    rect: Rect,
    /// Width and height when turned.
    turned: (u32, u32),
    resample: Option<Resample>,
    /// Rows of the target picture for one row of this lane.
    vertical_sub: u32,
    /// Rows of this lane in the target.
    rows: u32,
}

#[derive(Debug, Default)]
pub(super) struct LaneScratch {
    fetched: Vec<u8>,
    turned: Vec<u8>,
    resampled: Vec<u8>,
    resampler: Resampler,
}

/// The lanes of a source: one of whole pixels for RGB, one for each component of YUV. `subs` are the subsamplings with which
/// luma and chroma arrive; without luma, whole pixels do.
pub(super) fn of(source: Shape, [luma, chroma]: [Option<Sub>; 2], scene: &Scene) -> Vec<Lane> {
    match source {
        Shape::Rgb(packing) => {
            let pick = Pick::Pixels(packing);
            vec![Lane::new(pick, [Sub::NONE; 2], scene)]
        }
        Shape::Yuv(_) if luma.is_none() => vec![Lane::new(Pick::Pairs, [Sub::NONE; 2], scene)],
        Shape::Yuv(yuv) => {
            let lane = |samples: Samples, arrives: Option<Sub>| {
                Some(Lane::new(
                    Pick::Samples(samples),
                    [samples.sub, arrives?],
                    scene,
                ))
            };
            let [cb, cr] = yuv.chroma.map_or([None; 2], |chroma| chroma.map(Some));
            [
                lane(yuv.luma, luma),
                cb.and_then(|samples| lane(samples, chroma)),
                cr.and_then(|samples| lane(samples, chroma)),
            ]
            .into_iter()
            .flatten()
            .collect()
        }
    }
}

impl Lane {
    /// The lane of a plane with the first subsampling in the source, and the second in the target.
    fn new(pick: Pick, [source, target]: [Sub; 2], scene: &Scene) -> Self {
        let Scene {
            orientation, crop, ..
        } = *scene;
        let (width, height) = source.size((crop.width, crop.height));
        let rect = Rect::new(crop.x / source.h, crop.y / source.v, width, height);
        let turned_sub = scene.turn(source);
        let turned = turned_sub.size(scene.turned());
        let resample = Resample::new(
            (scene.turned(), turned_sub),
            (scene.target, target),
            scene.filter,
        );
        Self {
            pick,
            orientation,
            rect,
            turned,
            resample,
            vertical_sub: target.v,
            rows: target.size(scene.target).1,
        }
    }

    pub(super) const fn is_scaled(&self) -> bool {
        self.resample.is_some()
    }

    /// Bytes that a row of the target costs in the cache.
    pub(super) fn bytes_per_row(&self) -> u32 {
        let size = u32::try_from(self.pick.size()).unwrap_or(1);
        let target = self.resample.as_ref().map_or(0, |resample| {
            resample.target.0 + self.turned.0 * resample.ratio()
        });
        (self.turned.0 + target) * size
    }

    /// The samples under `rows` rows of the target picture, from row `start`.
    pub(super) fn make<'a>(
        &self,
        scratch: &'a mut LaneScratch,
        from: &[PlaneRef<'a>],
        start: u32,
        rows: u32,
    ) -> View<'a> {
        let first = start / self.vertical_sub;
        let last = (start + rows).div_ceil(self.vertical_sub).min(self.rows);
        let Some(resample) = &self.resample else {
            return self.fetch(
                &mut scratch.fetched,
                &mut scratch.turned,
                from,
                first..last,
                self.turned.0,
            );
        };
        let source_rows = resample.source_rows(first..last);
        let width = resample.source_width();
        let source = self.fetch(
            &mut scratch.fetched,
            &mut scratch.turned,
            from,
            source_rows.clone(),
            width,
        );
        let target = (resample.target.0, last - first);
        let size = self.pick.size();
        let bytes = target.0 as usize * target.1 as usize * size;
        let resampled = room(&mut scratch.resampled, bytes);
        resample.run(
            &mut scratch.resampler,
            source,
            source_rows.start,
            first..last,
            resampled,
        );
        View::packed(resampled, target.0, target.1, size)
    }

    /// Turned rows, `width` samples wide. Beyond the last row and column, those are repeated.
    fn fetch<'a>(
        &self,
        fetched: &'a mut Vec<u8>,
        turned: &'a mut Vec<u8>,
        from: &[PlaneRef<'a>],
        rows: Range<u32>,
        width: u32,
    ) -> View<'a> {
        let needs_padding = width > self.turned.0 || rows.end > self.turned.1;
        if self.orientation == Orientation::Identity && !needs_padding {
            let rect = Rect {
                y: self.rect.y + rows.start,
                height: rows.end - rows.start,
                ..self.rect
            };
            if let Some(view) = self.pick.in_place(from, rect) {
                return view;
            }
        }
        let inside = rows.start..rows.end.min(self.turned.1);
        let strip = fetch::Strip {
            rect: self.rect,
            orientation: self.orientation,
            rows: inside.clone(),
            size: (width, rows.end - rows.start),
        };
        if self.orientation.swaps_sides() {
            let across = fetch::transposed(&self.pick, from, &strip, fetched, turned);
            return View::packed(across, width, rows.end - rows.start, self.pick.size());
        }
        let along = fetch::straight(&self.pick, from, &strip, fetched);
        View::packed(along, width, rows.end - rows.start, self.pick.size())
    }
}
