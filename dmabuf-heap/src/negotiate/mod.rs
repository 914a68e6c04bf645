//! What every device on a path needs of memory, and which memory meets it.
//!
//! An [`Importer`] is a device on the path, or the CPU. It says beforehand what it needs ([`Constraints`]) and afterwards
//! what it makes of a real frame ([`Verdict`]). A [`Negotiation`] asks all of them and ends with an [`Allocation`], which
//! makes the frames and can say how the choice came about ([`Explanation`]).

mod advice;
mod allocation;
mod candidate;
mod constraints;
mod cpu;
mod device_key;
mod error;
mod explanation;
mod fit;
mod hearing;
mod importer;
mod member;
mod negotiation;
mod panel;
mod reach;
mod refusal;
mod role;
mod step;
mod translation;
mod verdict;
mod verdicts;

pub use allocation::Allocation;
pub use constraints::{Conflict, Constraints, Need, Needs, SolveError, Wish};
pub use cpu::CpuImporter;
pub use device_key::DeviceKey;
pub use error::NegotiateError;
pub use explanation::{Explanation, Shortage};
pub use importer::Importer;
pub use negotiation::Negotiation;
pub use reach::Reach;
pub use refusal::{Refusal, Suspect};
pub use role::Role;
pub(crate) use step::Holders;
pub use step::{Answer, Outcome, Step, Unsuitable};
pub use translation::Translation;
pub use verdict::{Verdict, Why};
pub use verdicts::Remembered;
pub(crate) use verdicts::Verdicts;

#[cfg(test)]
mod tests;
