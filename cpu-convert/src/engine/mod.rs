//! The conversion itself: bands of the target, made one strip after the other by as many threads as are wanted.
//!
//! A strip is a few target rows, chosen so that all that is made of it on the way stays in the processor's cache. Each
//! strip goes through the same stations: *fetch* the source rows that it needs, one lane for each plane of samples, mirrored
//! and turned ([`lane`]); *resample* each lane to the size it has in the target ([`resample`]); *finish* the lanes to pixels
//! of the target ([`finish`]). A station with nothing to do passes the memory of the one before on, down to the mapped frame.

mod band;
mod fetch;
mod finish;
mod forward;
mod inverse;
mod lane;
mod matrix;
mod resample;
mod shuffle;
mod store;
mod unpack;
mod view;

use dmabuf_heap::{Rect, YuvColor, YuvEncoding};
use rayon::{ThreadPool, ThreadPoolBuilder};
use yuv::{YuvError, YuvRange, YuvStandardMatrix};

use crate::format::{Shape, planes};
use crate::{Filter, Orientation, Picture, PlaneMut, PlaneRef, Unsupported};

use band::Band;
use finish::{Finish, Scratch};
use lane::{Lane, LaneScratch};

/// Bytes of one strip on its way: about half of a second-level cache.
const STRIP_BYTES: u32 = 256 << 10;
/// Rows in a strip, at least: filters read some rows twice.
const STRIP_ROWS: u32 = 16;
/// Strips in a picture, unless it is so small that they would be too low. Not more where something is scaled: the weights of
/// a row's samples are computed for each strip anew.
const STRIPS: u32 = 8;

/// All that is decided before the first frame, and the memory and threads for every frame.
#[derive(Debug)]
pub(crate) struct Engine {
    plan: Plan,
    workers: Vec<Worker>,
    /// None for the caller's own thread.
    pool: Option<ThreadPool>,
}

#[derive(Debug)]
struct Plan {
    lanes: Vec<Lane>,
    finish: Finish,
    strip_rows: u32,
    height: u32,
    /// Vertical subsampling of each target plane.
    subs: [u32; 3],
    /// Bytes of whole blocks of pixels in a row of each target plane.
    row_bytes: [usize; 3],
}

/// What one thread works with. Grows at the first frame, and never again.
#[derive(Debug, Default)]
struct Worker {
    lanes: [LaneScratch; 3],
    finish: Scratch,
    /// For a strip whose last row is cut short.
    spare: [Vec<u8>; 3],
}

impl Engine {
    pub(crate) fn new(
        from: &Picture,
        to: &Picture,
        orientation: Orientation,
        crop: Rect,
        filter: Filter,
        threads: usize,
    ) -> Result<Self, Unsupported> {
        let plan = Plan::new(from, to, orientation, crop, filter);
        let threads = match threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            given => given,
        };
        let threads = threads.min(to.height.div_ceil(plan.strip_rows) as usize);
        let pool = (threads > 1).then(|| start_threads(threads)).transpose()?;
        let workers = std::iter::repeat_with(Worker::default).take(threads);
        Ok(Self {
            plan,
            workers: workers.collect(),
            pool,
        })
    }

    /// The planes have been checked against both pictures.
    pub(crate) fn run(&mut self, from: &[PlaneRef<'_>], to: &mut [PlaneMut<'_>]) {
        let Self {
            plan,
            workers,
            pool,
        } = self;
        let band = Band::new(to, plan.height, plan.subs);
        match pool {
            Some(pool) => pool.install(|| plan.spread(workers, from, band)),
            None => plan.spread(workers, from, band),
        }
    }
}

impl Plan {
    fn new(
        from: &Picture,
        to: &Picture,
        orientation: Orientation,
        crop: Rect,
        filter: Filter,
    ) -> Self {
        // Both formats have been looked up before.
        let [source, target] = [from, to].map(|picture| {
            Shape::of(picture.fourcc).unwrap_or_else(|| unreachable!("{picture} was checked"))
        });
        let scene = lane::Scene {
            orientation,
            crop,
            target: (to.width, to.height),
            filter,
        };
        let (finish, subs) = finish::choose((source, from.color), (target, to.color), &scene);
        let lanes: Vec<_> = lane::of(source, subs, &scene);
        let row_bytes: u32 = lanes.iter().map(Lane::bytes_per_row).sum();
        // So many strips that they can be shared out evenly. Not by the number of threads: pixels do not depend on it.
        let most = (to.height / STRIPS).max(STRIP_ROWS);
        let least = if lanes.iter().any(Lane::is_scaled) {
            most
        } else {
            STRIP_ROWS
        };
        let strip_rows = (STRIP_BYTES / row_bytes.max(1)).clamp(least, most) & !1;
        let mut vertical = [1; 3];
        let mut row_bytes = [0; 3];
        for (index, plane) in planes(to.fourcc).iter().enumerate() {
            vertical[index] = plane.vertical_subsampling;
            let bytes = plane.row_bytes(to.width.next_multiple_of(plane.block_width));
            row_bytes[index] = usize::try_from(bytes).unwrap_or(usize::MAX);
        }
        Self {
            lanes,
            finish,
            strip_rows,
            height: to.height,
            subs: vertical,
            row_bytes,
        }
    }

    /// Halves the band until each worker has its part, in whole strips.
    fn spread(&self, workers: &mut [Worker], from: &[PlaneRef<'_>], band: Band<'_>) {
        let half = workers.len() / 2;
        match workers {
            [] => {}
            [worker] => self.work(worker, from, band),
            several => {
                let strips = band.rows().div_ceil(self.strip_rows) as usize * half / several.len();
                let (left, right) = several.split_at_mut(half);
                let rows = u32::try_from(strips).unwrap_or(0) * self.strip_rows;
                let (upper, lower) = band.split(rows);
                rayon::join(
                    || self.spread(left, from, upper),
                    || self.spread(right, from, lower),
                );
            }
        }
    }

    fn work(&self, worker: &mut Worker, from: &[PlaneRef<'_>], mut band: Band<'_>) {
        while band.rows() > 0 {
            let rows = self.strip_rows.min(band.rows());
            let (mut strip, rest) = band.split(rows);
            let [first, second, third] = &mut worker.lanes;
            let mut scratches = [first, second, third].into_iter();
            let views = std::array::from_fn(|index| {
                let lane = self.lanes.get(index)?;
                Some(lane.make(scratches.next()?, from, strip.start(), rows))
            });
            let Worker { finish, spare, .. } = worker;
            if strip.is_cut_short() {
                strip.detour(self.row_bytes, spare, |strip| {
                    self.finish.store(&views, strip, finish);
                });
            } else {
                self.finish.store(&views, &mut strip, finish);
            }
            band = rest;
        }
    }
}

fn start_threads(threads: usize) -> Result<ThreadPool, Unsupported> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("cpu-convert-{index}"))
        .build()
        .map_err(|error| Unsupported::Threads {
            threads,
            source: std::io::Error::other(error),
        })
}

/// A colour in the words of the crate that converts.
const fn words(color: YuvColor) -> (YuvRange, YuvStandardMatrix) {
    let range = match color.range {
        dmabuf_heap::YuvRange::Limited => YuvRange::Limited,
        dmabuf_heap::YuvRange::Full => YuvRange::Full,
    };
    let matrix = match color.encoding {
        YuvEncoding::Bt601 => YuvStandardMatrix::Bt601,
        YuvEncoding::Bt709 => YuvStandardMatrix::Bt709,
        YuvEncoding::Bt2020 => YuvStandardMatrix::Bt2020,
    };
    (range, matrix)
}

/// A stride in bytes. That of a plane of several rows is below the plane's length, which a frame's layout keeps in 32 bits.
fn stride(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Sizes have been checked against the pictures before; what remains is a defect of this crate.
#[track_caller]
fn check(result: Result<(), YuvError>) {
    if let Err(error) = result {
        unreachable!("planes that were checked are refused: {error}");
    }
}
