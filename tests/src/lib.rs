//! Support for tests that run on a real kernel.
//!
//! A claim such as "no copy" or "nothing leaked" is worth little when the code under test makes it. The modules here look from
//! outside instead: at the kernel's own trace of dma-bufs and system calls, at the object counts in
//! debugfs, and at the picture that the display reads back. Peers (`v4l2src`, `kmssink`, `videoconvert`) give the reference.
//!
//! Everything here panics with a full account when something is missing: in the guest a missing device is a failure.

#![allow(
    clippy::missing_errors_doc,
    reason = "an error here is an io error, or what the pipeline itself reports"
)]
#![allow(
    clippy::missing_panics_doc,
    reason = "a panic is how support code fails a test, as said above"
)]

pub mod account;
pub mod application;
pub mod branch;
pub mod cameras;
pub mod caps;
pub mod census;
pub mod command;
pub mod content;
pub mod device;
pub mod failing;
pub mod foreign;
pub mod hoard;
pub mod kernel_log;
pub mod kms;
pub mod machine;
pub mod misuse;
pub mod passing;
pub mod pattern;
pub mod picture;
pub mod pipewire;
pub mod player;
pub mod raw;
pub mod reference;
pub mod scanout;
pub mod screen;
pub mod shadow;
pub mod sway;
pub mod threads;
pub mod told;
pub mod trace;
mod tracefs;
pub mod two_cameras;
pub mod v4l2_frame;
pub mod v4l2_m2m;
pub mod v4l2_queue;
pub mod v4l2_stream;
pub mod vivid;
pub mod vkms;
pub mod vkms_card;
pub mod vmalloc;
pub mod wait;
pub mod watched;
pub mod weston;
pub mod window;

/// Writes a line to the output of the test, which is shown when it fails.
#[expect(clippy::print_stdout, reason = "libtest shows standard output")]
pub fn note(line: impl std::fmt::Display) {
    println!("{line}");
}
