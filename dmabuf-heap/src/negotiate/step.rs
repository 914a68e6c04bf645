use std::fmt;
use std::sync::Arc;

use crate::{Account, AllocateError, Refusal, Verdict, Why};

/// What became of one candidate.
#[derive(Clone, Debug)]
pub struct Step {
    /// Name of the allocator.
    pub allocator: String,
    /// What became of it.
    pub outcome: Outcome,
    /// What each importer said of its memory; empty if there was none to ask about.
    pub answers: Vec<Answer>,
}

/// What became of a candidate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It serves.
    Chosen,
    /// An importer refused its memory. The answers say which, and why.
    Refused,
    /// Somebody could not be asked whose consent was needed: one who said beforehand that it wants other memory, or
    /// anybody while frames are streaming. At any other time silence is no reason against memory.
    Unconfirmed,
    /// Its memory was not tried: by what is known of it, it cannot serve.
    PassedOver(Unsuitable),
    /// It made no memory.
    Failed {
        /// What it said.
        error: Arc<AllocateError>,
        /// Who held memory then; empty unless there was too little of it.
        holders: Vec<Account>,
    },
}

/// What one importer said of the memory of one allocator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its name.
    pub importer: String,
    /// The worst it said of any frame.
    pub verdict: Verdict,
    /// Whether it said so earlier and was not asked again.
    pub remembered: bool,
}

/// Why memory was not even tried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsuitable {
    /// The CPU is to touch the pixels.
    #[error("the CPU cannot map it")]
    NotMappable,
    /// It is closed to the CPU and most devices.
    #[error("it is protected, and nobody asked for protected memory")]
    Protected,
    /// The content may not be seen by the CPU.
    #[error("it is not protected, and protected memory is wanted")]
    Unprotected,
    /// Who negotiates set the condition, which no probe can lift.
    #[error("its pages are scattered, and contiguous memory is required")]
    Scattered,
    /// The allocator has a limit.
    #[error("it makes at most {max_len} bytes in one buffer, {len} are wanted")]
    TooLarge {
        /// Bytes wanted.
        len: u64,
        /// Bytes.
        max_len: u64,
    },
    /// The allocator chose a layout of its own.
    #[error("it laid out the picture as nobody asked: {0}")]
    Layout(String),
}

impl Step {
    pub(super) fn passed_over(allocator: &str, why: Unsuitable) -> Self {
        Self {
            allocator: allocator.to_owned(),
            outcome: Outcome::PassedOver(why),
            answers: Vec::new(),
        }
    }

    /// Who refused, and why.
    pub fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        self.answers.iter().filter_map(Answer::refusal)
    }

    /// Who could not be asked, and why.
    pub fn unknown(&self) -> impl Iterator<Item = (&str, &Why)> {
        self.answers
            .iter()
            .filter_map(|answer| match &answer.verdict {
                Verdict::Unknown(why) => Some((answer.importer.as_str(), why)),
                Verdict::Accepted | Verdict::Refused(_) => None,
            })
    }

    /// All of it in one line.
    pub(crate) fn to_line(&self) -> String {
        let answers: Vec<_> = self.answers.iter().map(ToString::to_string).collect();
        match answers.as_slice() {
            [] => format!("{}: {}", self.allocator, self.outcome),
            some => format!("{}: {} ({})", self.allocator, self.outcome, some.join(", ")),
        }
    }

    /// Whether the allocator had too little memory.
    pub fn ran_out(&self) -> bool {
        matches!(&self.outcome, Outcome::Failed { error, .. } if error.is_shortage())
    }
}

impl Answer {
    /// The refusal, if it is one.
    pub const fn refusal(&self) -> Option<&Refusal> {
        match &self.verdict {
            Verdict::Refused(refusal) => Some(refusal),
            Verdict::Accepted | Verdict::Unknown(_) => None,
        }
    }
}

/// One line for the allocator, and one for each importer.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.allocator, self.outcome)?;
        for answer in &self.answers {
            write!(f, "\n  {answer}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chosen => f.write_str("chosen"),
            Self::Refused => f.write_str("refused"),
            Self::Unconfirmed => f.write_str("not accepted by all"),
            Self::PassedOver(why) => write!(f, "passed over, {why}"),
            Self::Failed { error, holders } => {
                write!(f, "failed, {error}")?;
                if error.is_shortage() {
                    Holders(holders).fmt(f)?;
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.verdict {
            Verdict::Accepted => write!(f, "{} accepted", self.importer)?,
            // It begins with the name.
            Verdict::Refused(refusal) => refusal.fmt(f)?,
            Verdict::Unknown(why) => write!(f, "{} could not be asked: {why}", self.importer)?,
        }
        f.write_str(if self.remembered { " (remembered)" } else { "" })
    }
}

/// What this process holds when there is too little, as the end of a sentence. The rest is other processes'.
pub(crate) struct Holders<'a>(pub(crate) &'a [Account]);

impl fmt::Display for Holders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; this process holds none");
        }
        for (index, account) in self.0.iter().enumerate() {
            let lead = if index == 0 {
                "; this process holds "
            } else {
                ", "
            };
            let buffers = match account.live_buffers {
                1 => "1 buffer".to_owned(),
                several => format!("{several} buffers"),
            };
            let bytes = account.live_bytes;
            write!(
                f,
                "{lead}{bytes} bytes in {buffers} of {}",
                account.allocator
            )?;
        }
        Ok(())
    }
}
