//! From the conditions on the frames of a pool to their memory.

use dmabuf_heap::{
    AllocateError, Allocation, Constraints, Frame, FrameLayout, FrameSpec, NegotiateError,
    Negotiation, PlaneLayout, Topology, Verdict,
};

use super::SizeError;
use super::layout::{Asked, Shape};
use super::users::Users;
use crate::caps::VideoCaps;
use crate::heap::{Choice, HeapSource};
use crate::report::chain;

/// What is settled before the devices are asked with real frames.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    picture: FrameSpec,
    constraints: Constraints,
    users: Users,
    /// Those that only read, if they are left out, and why.
    left_out: Option<(String, String)>,
    /// Strides and offsets by what the devices say beforehand.
    pub layout: FrameLayout,
    /// Where the planes are within the padding that was asked for.
    pub padded: Option<FrameLayout>,
    /// Bytes of a buffer, at least.
    pub size: u32,
}

/// Memory that the devices agreed on.
#[derive(Debug)]
pub(super) struct Memory {
    allocation: Allocation,
    choice: Choice,
    is_accepted_by_writer: bool,
}

impl Plan {
    /// What the devices say beforehand about frames of `video`. Where those that read cannot have what the writer needs,
    /// the frames are planned without them, if that is allowed: they will have to copy.
    ///
    /// # Errors
    ///
    /// The picture cannot be laid out, or not so that all can take it.
    pub(super) fn make(
        source: &HeapSource,
        users: &Users,
        video: &VideoCaps,
        asked: &Asked,
    ) -> Result<Self, SizeError> {
        let shape = Shape::of(video, asked, &users.writer)?;
        let picture = video.picture();
        let with = |users: &Users| Self::with(source, users, picture, &shape, asked.size);
        match with(users) {
            Err(SizeError::Negotiate(error)) if users.can_do_without_readers() => {
                let fewer = users.without_readers();
                Ok(Self {
                    left_out: Some((users.reader_names(), chain(&error))),
                    ..with(&fewer)?
                })
            }
            made => made,
        }
    }

    fn with(
        source: &HeapSource,
        users: &Users,
        picture: FrameSpec,
        shape: &Shape,
        asked_size: u64,
    ) -> Result<Self, SizeError> {
        let request = |all: &Constraints| negotiation(source, picture, all, users).request();
        let (constraints, request) = shape.first_met(request)?;
        let layout = request.layout()?;
        let is_split = request.topology() == Topology::PER_PLANE;
        let len = if is_split {
            layout.planes().iter().map(PlaneLayout::end).sum()
        } else {
            layout.size()
        };
        let len = shape.len.max(len);
        let size = u32::try_from(len).map_err(|_beyond_32_bits| SizeError::TooLarge(len))?;
        Ok(Self {
            picture,
            constraints: if is_split {
                constraints
            } else {
                constraints.min_len(0, len.max(asked_size))
            },
            users: users.clone(),
            left_out: None,
            layout,
            padded: shape.padded,
            size,
        })
    }

    /// Has everybody try real frames, and left out those that only read if nothing suits them and that is allowed.
    ///
    /// # Errors
    ///
    /// No memory suits everybody that is needed.
    pub(super) fn negotiate(&self, source: &HeapSource) -> Result<Memory, NegotiateError> {
        let all = negotiation(source, self.picture, &self.constraints, &self.users).allocate();
        match all {
            Ok(allocation) => Ok(self.memory(allocation, self.left_out.as_ref())),
            Err(error) if self.users.can_do_without_readers() => {
                let users = self.users.without_readers();
                let fewer = negotiation(source, self.picture, &self.constraints, &users);
                match fewer.allocate() {
                    Ok(allocation) => {
                        let left_out = (self.users.reader_names(), chain(&error));
                        Ok(self.memory(allocation, Some(&left_out)))
                    }
                    Err(_says_no_more) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn memory(&self, allocation: Allocation, left_out: Option<&(String, String)>) -> Memory {
        let mut choice = Choice::of(&allocation);
        if let Some((readers, why)) = left_out {
            choice.leave_out(readers, why);
        }
        let allocator = allocation.allocator();
        let is_accepted = |name: &str| {
            let explanation = allocation.explain();
            let answer = explanation.answer(name, allocator.name());
            answer.is_some_and(|it| it.verdict == Verdict::Accepted)
        };
        Memory {
            is_accepted_by_writer: self
                .users
                .writer
                .device()
                .is_some_and(|device| is_accepted(device.name())),
            allocation,
            choice,
        }
    }
}

impl Memory {
    /// A frame.
    ///
    /// # Errors
    ///
    /// There is no more memory that everybody accepts.
    pub(super) fn frame(&self) -> Result<Frame, AllocateError> {
        self.allocation.frame()
    }

    /// Whether frames made while the writer is at work are taken as those before.
    pub(super) fn is_certain(&self) -> bool {
        self.allocation.is_certain()
    }

    /// Which memory it is, and why.
    pub(super) fn choice(&self) -> &Choice {
        &self.choice
    }

    /// Whether the driver that will write the frames has said that it takes them.
    pub(super) fn is_accepted_by_writer(&self) -> bool {
        self.is_accepted_by_writer
    }
}

fn negotiation(
    source: &HeapSource,
    picture: FrameSpec,
    constraints: &Constraints,
    users: &Users,
) -> Negotiation {
    let mut negotiation = source.negotiation(picture).require(constraints.clone());
    for importer in users.importers() {
        negotiation.attach(importer);
    }
    negotiation
}
