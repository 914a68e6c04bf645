//! What an element remembers from one ALLOCATION query to the next.
//!
//! Upstream asks again with every RECONFIGURE, and a `tee` with every branch. As long as caps and devices are those of the
//! last time, so is the answer, and no driver need be asked for it. What is said without a system call is asked each time:
//! a display may have changed its mind.

use std::sync::{Arc, Mutex};

use dmabuf_heap::{Constraints, FrameSpec, Importer, Refusal};

use super::users::Writer;
use super::{HeapPool, Proposal, SizeError, Users};
use crate::caps::VideoCaps;
use crate::stats::PathStats;
use crate::sync::lock;
use crate::upstream::Upstream;
use crate::v4l2::KnownCapture;

/// The last answer, and whom it was for.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    capture: KnownCapture,
    last: Mutex<Option<Answer>>,
}

#[derive(Debug, Clone)]
struct Answer {
    question: Question,
    proposal: Proposal,
}

/// All that an answer depends on.
#[derive(Debug, Clone)]
struct Question {
    picture: FrameSpec,
    /// Bytes of a buffer in GStreamer's usual layout, which knows of interlacing and the like.
    usual_size: usize,
    users: Users,
    /// What those said who need no system call for it.
    said: Vec<Result<Constraints, Refusal>>,
}

impl Answers {
    /// The users of frames that `upstream` writes. A device upstream is opened only if it was not the last time.
    pub(crate) fn users_behind(
        &self,
        upstream: Option<&Upstream>,
        stats: &Arc<PathStats>,
    ) -> Users {
        Users::behind(upstream, &self.capture, stats)
    }

    /// What to propose of `pool`: as the last time, if the question is the same.
    ///
    /// # Errors
    ///
    /// As [`HeapPool::proposal`].
    pub(crate) fn proposal(
        &self,
        pool: &HeapPool,
        video: &VideoCaps,
    ) -> Result<Proposal, SizeError> {
        let users = pool.users().ok_or(SizeError::NoHeap)?;
        let question = Question::about(video, users);
        let known = lock(&self.last).clone();
        if let Some(known) = known.filter(|known| known.question.is(&question)) {
            return Ok(known.proposal);
        }
        let proposal = pool.proposal(video)?;
        let answer = Answer {
            question,
            proposal: proposal.clone(),
        };
        let before = lock(&self.last).replace(answer);
        drop(before);
        Ok(proposal)
    }

    /// The devices may be others from now on.
    pub(crate) fn forget(&self) {
        self.capture.forget();
        let forgotten = lock(&self.last).take();
        drop(forgotten);
    }
}

impl Question {
    fn about(video: &VideoCaps, users: Users) -> Self {
        let picture = video.picture();
        let said = users.cpu.iter().chain(&users.readers);
        Self {
            picture,
            usual_size: video.info().size(),
            said: said.map(|it| it.constraints(&picture)).collect(),
            users,
        }
    }

    fn is(&self, other: &Self) -> bool {
        self.picture == other.picture
            && self.usual_size == other.usual_size
            && self.said == other.said
            && self.users.readers_may_copy == other.users.readers_may_copy
            && is_same_writer(&self.users.writer, &other.users.writer)
            && are_same(&self.users.readers, &other.users.readers)
    }
}

fn is_same_writer(one: &Writer, other: &Writer) -> bool {
    match (one, other) {
        (Writer::Element, Writer::Element) => true,
        (Writer::V4l2(one), Writer::V4l2(other)) => are_same(one.as_slice(), other.as_slice()),
        (Writer::Device(one), Writer::Device(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}

fn are_same(some: &[Arc<dyn Importer>], others: &[Arc<dyn Importer>]) -> bool {
    let mut pairs = some.iter().zip(others);
    some.len() == others.len() && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
}

#[cfg(test)]
mod tests {
    use dmabuf_heap::Registry;

    use super::*;
    use crate::heap::{AUTO, HeapSource};
    use crate::testing::{Device, Plentiful};

    fn video(width: u32) -> VideoCaps {
        gst::init().expect("GStreamer");
        let text = format!("video/x-raw,format=NV12,width={width},height=48,framerate=30/1");
        let caps: gst::Caps = text.parse().expect("caps syntax");
        VideoCaps::parse(&caps).expect("video")
    }

    fn pool(driver: &Arc<dyn Importer>, readers: &[Arc<dyn Importer>]) -> HeapPool {
        let registry = Registry::empty();
        let allocator = Arc::new(Plentiful("plenty"));
        registry.register(allocator).expect("a free name");
        let source = HeapSource::among(Arc::new(registry), AUTO).expect("an allocator");
        let users = Users {
            writer: Writer::V4l2(Some(Arc::clone(driver))),
            ..Users::default()
        };
        let users = users.for_readers(readers.to_vec(), false);
        HeapPool::new(
            Arc::new(source),
            users,
            Arc::default(),
            Box::new(|_event| {}),
        )
    }

    #[test]
    fn the_same_question_is_answered_without_the_driver() {
        let camera = Device::willing("camera");
        let driver: Arc<dyn Importer> = camera.clone();
        let display: Arc<dyn Importer> = Device::willing("display");
        let answers = Answers::default();
        let ask = |width, readers: &[Arc<dyn Importer>]| {
            let before = camera.asked();
            let proposal = answers.proposal(&pool(&driver, readers), &video(width));
            (proposal.expect("plenty").size, camera.asked() - before)
        };
        let (size, asked) = ask(64, std::slice::from_ref(&display));
        assert!(asked > 0);
        assert_eq!(ask(64, std::slice::from_ref(&display)), (size, 0));
        assert!(ask(32, std::slice::from_ref(&display)).1 > 0, "other caps");
        assert!(
            ask(64, std::slice::from_ref(&display)).1 > 0,
            "the last only"
        );
        assert!(ask(64, &[]).1 > 0, "other importers");
        answers.forget();
        assert!(ask(64, &[]).1 > 0, "forgotten");
    }

    #[test]
    fn a_reader_that_changes_its_mind_is_heard() {
        let driver: Arc<dyn Importer> = Device::willing("camera");
        let display = Device::willing("display");
        let reader: Arc<dyn Importer> = display.clone();
        let answers = Answers::default();
        let readers = [reader];
        let stride = || {
            let proposal = answers.proposal(&pool(&driver, &readers), &video(64));
            proposal.expect("plenty").layout.planes()[0].stride
        };
        assert_eq!(stride(), 64);
        display.demand(Constraints::of("display").stride_align(256));
        assert_eq!(stride(), 256);
    }
}
