use crate::device::Queue;

/// Whether a queue fills frames or reads them: [`Capture`] or [`Output`].
pub trait Direction: sealed::Sealed + Send + Sync + 'static {
    /// The same as a value.
    const QUEUE: Queue;
}

/// The device fills the frames.
#[derive(Clone, Copy, Debug)]
pub enum Capture {}

/// The device reads the frames.
#[derive(Clone, Copy, Debug)]
pub enum Output {}

impl Direction for Capture {
    const QUEUE: Queue = Queue::Capture;
}

impl Direction for Output {
    const QUEUE: Queue = Queue::Output;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Capture {}
    impl Sealed for super::Output {}
}
