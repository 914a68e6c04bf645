//! The queue of the driver, from the first buffers to the last.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use v4l2_import::{Allocated, Buffer, Capture, CaptureQueue, Dequeued, QueueError, Streaming};

/// A queue with buffers. Whoever lets go of a frame gives its buffer back here, while the element takes the next one.
#[derive(Debug)]
pub(super) struct Line(RwLock<Option<Stage>>);

#[derive(Debug)]
enum Stage {
    Ready(CaptureQueue<Allocated>),
    Runs(CaptureQueue<Streaming>),
}

/// Why a buffer did not get to the driver.
#[derive(Debug)]
pub(super) enum NotGiven {
    /// There is no queue any more.
    Closed,
    /// The driver refused it.
    Refused(Box<QueueError>, Buffer<Capture>),
}

impl Line {
    /// A queue that does not run yet.
    pub(super) fn new(queue: CaptureQueue<Allocated>) -> Self {
        Self(RwLock::new(Some(Stage::Ready(queue))))
    }

    /// Has the driver begin, if it has not.
    ///
    /// # Errors
    ///
    /// It does not.
    pub(super) fn start(&self) -> Result<(), QueueError> {
        if matches!(*self.read(), Some(Stage::Runs(_)) | None) {
            return Ok(());
        }
        let mut stage = self.write();
        match stage.take() {
            Some(Stage::Ready(queue)) => match queue.start() {
                Ok(queue) => *stage = Some(Stage::Runs(queue)),
                Err(failed) => {
                    *stage = Some(Stage::Ready(failed.given_back));
                    return Err(*failed.error);
                }
            },
            other => *stage = other,
        }
        Ok(())
    }

    /// Has the driver fill a buffer.
    ///
    /// # Errors
    ///
    /// The driver refuses it, or there is no queue any more.
    pub(super) fn give(&self, buffer: Buffer<Capture>) -> Result<(), NotGiven> {
        let given = match &*self.read() {
            Some(Stage::Ready(queue)) => queue.enqueue(buffer),
            Some(Stage::Runs(queue)) => queue.enqueue(buffer),
            None => return Err(NotGiven::Closed),
        };
        given.map_err(|failed| NotGiven::Refused(failed.error, failed.given_back))
    }

    /// The next buffer that is filled, if there is one.
    ///
    /// # Errors
    ///
    /// The driver failed, or is gone.
    pub(super) fn take(&self) -> Result<Dequeued<Capture>, QueueError> {
        match &*self.read() {
            Some(Stage::Runs(queue)) => queue.try_dequeue(),
            Some(Stage::Ready(_)) | None => Ok(Dequeued::NotYet),
        }
    }

    /// How many buffers the driver has.
    pub(super) fn queued(&self) -> usize {
        match &*self.read() {
            Some(Stage::Ready(queue)) => queue.queued(),
            Some(Stage::Runs(queue)) => queue.queued(),
            None => 0,
        }
    }

    /// Whether the queue is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.read().is_none()
    }

    /// Stops the driver and frees its buffers. Frames that are still in use downstream stay what they are.
    pub(super) fn close(&self) {
        let stage = self.write().take();
        drop(stage);
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Stage>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Option<Stage>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
