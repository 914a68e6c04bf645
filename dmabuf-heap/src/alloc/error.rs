use std::fmt::Write;
use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use crate::negotiate::Holders;
use crate::{Account, Error, FrameError, LayoutError, Step};

/// Memory that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AllocateError {
    /// What was asked for cannot be laid out, whoever makes the memory.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The allocator made less than it was asked for.
    #[error("allocator {allocator} made memory that does not hold the frame: {error}")]
    Frame {
        /// Name of the allocator.
        allocator: String,
        /// What does not fit.
        error: FrameError,
    },
    /// The allocator never makes buffers this large.
    #[error("allocator {allocator} cannot make {len} bytes: it takes at most {limit}")]
    TooLarge {
        /// Name of the allocator.
        allocator: String,
        /// Bytes wanted.
        len: u64,
        /// The limit and where it is set.
        limit: String,
    },
    /// ENOMEM, from the kernel or in its place: it would rather kill processes than refuse a size.
    #[error("allocator {allocator} has no {len} bytes left{hint}: {errno}")]
    NoMemory {
        /// Name of the allocator.
        allocator: String,
        /// Bytes wanted.
        len: u64,
        /// What is free and what can be done, or nothing.
        hint: String,
        /// ENOMEM.
        errno: io::Error,
    },
    /// Any other error of the kernel.
    #[error("allocator {allocator} failed at {operation} for {len} bytes: {errno}")]
    Failed {
        /// Name of the allocator.
        allocator: String,
        /// The system call.
        operation: &'static str,
        /// Bytes wanted.
        len: u64,
        /// What the kernel said.
        errno: io::Error,
    },
    /// The kernel gave an fd that is no dma-buf.
    #[error("allocator {allocator} made no dma-buf: {error}")]
    NotDmaBuf {
        /// Name of the allocator.
        allocator: String,
        /// What it is instead.
        error: Error,
    },
    /// The allocator makes frames only, no plain bytes.
    #[error("allocator {allocator} makes pictures, no plain bytes")]
    NoBytes {
        /// Name of the allocator.
        allocator: String,
    },
    /// The CPU is to touch the pixels, and cannot.
    #[error("allocator {allocator} makes memory that the CPU cannot map")]
    NotMappable {
        /// Name of the allocator.
        allocator: String,
    },
    /// The allocator ran out of memory while frames were streaming, and no other suits those who use them.
    #[error("{error}{}{}", Holders(holders), in_vain(others))]
    Exhausted {
        /// What the allocator said: how much was wanted, and how much there is.
        error: Arc<AllocateError>,
        /// Who holds memory, the largest first.
        holders: Vec<Account>,
        /// Who was asked for help, and what came of it.
        others: Vec<Step>,
    },
    /// A frame of the allocator was not taken by somebody who took others before, and no other memory suits those who use
    /// them.
    #[error("no further frame is taken by all: {}{}; {advice}", step.to_line(), in_vain(others))]
    Doubtful {
        /// What became of the frame.
        step: Box<Step>,
        /// Who was asked for help, and what came of it.
        others: Vec<Step>,
        /// What can be done.
        advice: String,
    },
    /// Every allocator was tried, in order of preference.
    #[error("no allocator could make the memory{}", list(tried, unavailable))]
    NoneWorked {
        /// Who was asked, and what came of it.
        tried: Vec<Attempt>,
        /// Who could not be asked, and why.
        unavailable: Vec<String>,
    },
}

impl AllocateError {
    /// Whether memory is all that is missing, so that another allocator, a smaller frame or a later try may do.
    pub fn is_shortage(&self) -> bool {
        match self {
            Self::NoMemory { .. } | Self::Exhausted { .. } => true,
            Self::Failed { errno, .. } => errno.raw_os_error() == Some(Errno::NOMEM.raw_os_error()),
            _ => false,
        }
    }
}

/// One allocator that was asked in vain.
#[derive(Debug, thiserror::Error)]
#[error("{allocator}: {error}")]
pub struct Attempt {
    /// Its name.
    pub allocator: String,
    /// Its answer.
    pub error: AllocateError,
}

fn in_vain(others: &[Step]) -> String {
    let mut text = String::new();
    for step in others {
        _ = write!(text, "; {}", step.to_line());
    }
    text
}

fn list(tried: &[Attempt], unavailable: &[String]) -> String {
    let mut text = String::new();
    for attempt in tried {
        // The error names the allocator itself.
        _ = write!(text, "; {}", attempt.error);
    }
    for reason in unavailable {
        _ = write!(text, "; {reason}");
    }
    if text.is_empty() {
        text.push_str("; none is registered");
    }
    text
}
