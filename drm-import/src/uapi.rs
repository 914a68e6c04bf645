//! The three system calls that the `drm` crate does not offer, and nothing else.
//!
//! `drm` 0.15 asserts that fourcc, modifier and flags agree (a panic for what a camera may send) and
//! knows only the fourccs of Linux 5.10, so ADDFB2 is issued here with plain numbers. It lacks CLOSEFB,
//! without which a framebuffer cannot be freed while it may still be on screen. `kcmp` tells whether two
//! descriptors share one open file, and with it one table of GEM handles.
//!
//! Layouts and numbers are those of `include/uapi/drm/drm.h`, `drm_mode.h` and `linux/kcmp.h`.

#![expect(unsafe_code, reason = "the raw system calls of this crate live here")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

/// `DRM_MODE_FB_MODIFIERS`: the `modifier` fields of [`FramebufferCommand`] are valid.
pub(crate) const FB_MODIFIERS: u32 = 1 << 1;

const ADDFB2: Opcode = opcode::read_write::<FramebufferCommand>(b'd', 0xb8);
const CLOSEFB: Opcode = opcode::read_write::<CloseFramebuffer>(b'd', 0xd0);
const KCMP_FILE: libc::c_int = 0;

/// `struct drm_mode_fb_cmd2`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FramebufferCommand {
    pub(crate) fb_id: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixel_format: u32,
    pub(crate) flags: u32,
    pub(crate) handles: [u32; 4],
    pub(crate) pitches: [u32; 4],
    pub(crate) offsets: [u32; 4],
    pub(crate) modifier: [u64; 4],
}

/// `struct drm_mode_closefb`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct CloseFramebuffer {
    fb_id: u32,
    pad: u32,
}

const _: () = assert!(size_of::<FramebufferCommand>() == 104);
const _: () = assert!(size_of::<CloseFramebuffer>() == 8);

/// Makes a framebuffer of the GEM handles in `command` and returns its id.
pub(crate) fn add_framebuffer(fd: BorrowedFd<'_>, command: &FramebufferCommand) -> io::Result<u32> {
    let mut command = *command;
    loop {
        // SAFETY: the opcode was made from the size of FramebufferCommand, whose layout is that of
        // struct drm_mode_fb_cmd2 (asserted above); it holds no pointer.
        let update = unsafe { Updater::<ADDFB2, _>::new(&mut command) };
        // SAFETY: ADDFB2 reads and writes only the struct that `update` borrows.
        match unsafe { ioctl(fd, update) } {
            Ok(()) => return Ok(command.fb_id),
            Err(error) if interrupted(error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives up a framebuffer without touching the planes that still show it.
///
/// # Errors
///
/// `ENOTTY` or `EINVAL` before Linux 6.8, which has no such call.
pub(crate) fn close_framebuffer(fd: BorrowedFd<'_>, fb_id: u32) -> io::Result<()> {
    let mut command = CloseFramebuffer { fb_id, pad: 0 };
    loop {
        // SAFETY: the opcode was made from the size of CloseFramebuffer, whose layout is that of
        // struct drm_mode_closefb (asserted above); it holds no pointer.
        let update = unsafe { Updater::<CLOSEFB, _>::new(&mut command) };
        // SAFETY: CLOSEFB reads only the struct that `update` borrows.
        match unsafe { ioctl(fd, update) } {
            Ok(()) => return Ok(()),
            Err(error) if interrupted(error) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes over the fence that the kernel stored through `WRITEBACK_OUT_FENCE_PTR`; -1 stands for none.
pub(crate) fn take_fence(stored: RawFd) -> Option<OwnedFd> {
    if stored < 0 {
        return None;
    }
    // SAFETY: the kernel installed this descriptor for us in the commit that has just succeeded, nobody
    // else learned its number, and the caller swaps -1 into the slot, so it is taken only once.
    Some(unsafe { OwnedFd::from_raw_fd(stored) })
}

/// Whether two descriptors of this process are duplicates of one open file; `None` where the kernel
/// cannot tell (no `CONFIG_KCMP`, or a seccomp filter).
pub(crate) fn same_open_file(a: impl AsFd, b: impl AsFd) -> Option<bool> {
    let pid = rustix::process::getpid().as_raw_nonzero().get();
    let (a, b) = (a.as_fd().as_raw_fd(), b.as_fd().as_raw_fd());
    // SAFETY: kcmp(pid, pid, KCMP_FILE, fd, fd) takes numbers only and changes nothing.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, pid, pid, KCMP_FILE, a, b) };
    (order >= 0).then_some(order == 0)
}

fn interrupted(error: rustix::io::Errno) -> bool {
    error == rustix::io::Errno::INTR || error == rustix::io::Errno::AGAIN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(ADDFB2, 0xc068_64b8);
        assert_eq!(CLOSEFB, 0xc008_64d0);
    }

    #[test]
    fn no_fence_is_made_of_minus_one() {
        assert!(take_fence(-1).is_none());
    }

    #[test]
    fn a_duplicate_shares_its_open_file_and_a_second_open_does_not() {
        let first = std::fs::File::open("/dev/null").unwrap();
        let duplicate = first.try_clone().unwrap();
        let second = std::fs::File::open("/dev/null").unwrap();
        assert_ne!(same_open_file(&first, &duplicate), Some(false));
        assert_ne!(same_open_file(&first, &second), Some(true));
    }
}
