//! What every device on a path needs of memory, and which memory meets it.
//!
//! An [`Importer`] is a device on the path, or the CPU. It says beforehand what it needs ([`Constraints`]) and afterwards
//! what it makes of a real frame ([`Verdict`]).

mod constraints;
mod cpu;
mod device_key;
mod importer;
mod refusal;
mod role;
mod translation;
mod verdict;

pub use constraints::{Conflict, Constraints, Need, Needs, SolveError, Wish};
pub use cpu::CpuImporter;
pub use device_key::DeviceKey;
pub use importer::Importer;
pub use refusal::{Refusal, Suspect};
pub use role::Role;
pub use translation::Translation;
pub use verdict::{Verdict, Why};
