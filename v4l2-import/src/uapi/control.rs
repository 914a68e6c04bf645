//! Controls: `struct v4l2_query_ext_ctrl`, `struct v4l2_querymenu`, `struct v4l2_ext_controls`.

use std::os::fd::BorrowedFd;

use rustix::io::Result;
use rustix::ioctl::{Opcode, opcode};

use super::update;

const QUERYMENU: Opcode = opcode::read_write::<QueryMenu>(b'V', 37);
const G_EXT_CTRLS: Opcode = opcode::read_write::<ExtControls>(b'V', 71);
const S_EXT_CTRLS: Opcode = opcode::read_write::<ExtControls>(b'V', 72);
const QUERY_EXT_CTRL: Opcode = opcode::read_write::<QueryControl>(b'V', 103);

/// `struct v4l2_query_ext_ctrl`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct QueryControl {
    pub(crate) id: u32,
    pub(crate) kind: u32,
    pub(crate) name: [u8; 32],
    pub(crate) minimum: i64,
    pub(crate) maximum: i64,
    pub(crate) step: u64,
    pub(crate) default_value: i64,
    pub(crate) flags: u32,
    pub(crate) elem_size: u32,
    pub(crate) elems: u32,
    pub(crate) nr_of_dims: u32,
    pub(crate) dims: [u32; 4],
    pub(crate) reserved: [u32; 32],
}

/// `struct v4l2_querymenu`, whose union holds a name or, on integer menus, a value.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct QueryMenu {
    pub(crate) id: u32,
    pub(crate) index: u32,
    pub(crate) name: [u8; 32],
    pub(crate) reserved: u32,
}

/// The union of `struct v4l2_ext_control`.
#[repr(C, packed)]
#[derive(Clone, Copy)]
union ExtValue {
    value: i32,
    value64: i64,
    text: *mut u8,
}

/// `struct v4l2_ext_control`
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct ExtControl {
    id: u32,
    size: u32,
    reserved: u32,
    value: ExtValue,
}

/// `struct v4l2_ext_controls`
#[repr(C)]
struct ExtControls {
    which: u32,
    count: u32,
    error_index: u32,
    request_fd: i32,
    reserved: u32,
    controls: *mut ExtControl,
}

const _: () = {
    assert!(size_of::<QueryControl>() == 232);
    assert!(size_of::<QueryMenu>() == 44);
    assert!(size_of::<ExtControl>() == 20);
};

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<ExtControls>() == 32);
    assert!(std::mem::offset_of!(ExtControls, controls) == 24);
};

/// The text of a control, with the NUL at its end.
pub(crate) type ControlText = Vec<u8>;

/// What a control is. EINVAL: there is none.
pub(crate) fn query_control(device: BorrowedFd<'_>, query: &mut QueryControl) -> Result<()> {
    // SAFETY: the type mirrors struct v4l2_query_ext_ctrl and holds no pointer.
    unsafe { update::<QUERY_EXT_CTRL, QueryControl>(device, query) }
}

/// One entry of a menu. EINVAL: there is none at this index.
pub(crate) fn query_menu(device: BorrowedFd<'_>, query: &mut QueryMenu) -> Result<()> {
    // SAFETY: the type mirrors struct v4l2_querymenu and holds no pointer.
    unsafe { update::<QUERYMENU, QueryMenu>(device, query) }
}

/// The number that a control has. `is_wide`: it is of 64 bits.
pub(crate) fn control_value(device: BorrowedFd<'_>, id: u32, is_wide: bool) -> Result<i64> {
    let mut control = number(id, 0, is_wide);
    exchange::<G_EXT_CTRLS>(device, &mut control)?;
    if is_wide {
        // SAFETY: plain bits, written above and by the kernel.
        return Ok(unsafe { control.value.value64 });
    }
    // SAFETY: as above.
    Ok(i64::from(unsafe { control.value.value }))
}

/// Sets a control to a number. ERANGE: it is too large.
pub(crate) fn set_control_value(
    device: BorrowedFd<'_>,
    id: u32,
    value: i64,
    is_wide: bool,
) -> Result<()> {
    exchange::<S_EXT_CTRLS>(device, &mut number(id, value, is_wide))
}

/// The text that a control has, in a buffer of `capacity` bytes.
pub(crate) fn control_text(
    device: BorrowedFd<'_>,
    id: u32,
    capacity: usize,
) -> Result<ControlText> {
    let mut text = vec![0; capacity];
    exchange::<G_EXT_CTRLS>(device, &mut pointer(id, &mut text))?;
    Ok(text)
}

/// Sets a control to a text that ends with a NUL.
pub(crate) fn set_control_text(
    device: BorrowedFd<'_>,
    id: u32,
    text: &mut ControlText,
) -> Result<()> {
    exchange::<S_EXT_CTRLS>(device, &mut pointer(id, text))
}

fn number(id: u32, value: i64, is_wide: bool) -> ExtControl {
    let mut union = ExtValue { value64: 0 };
    if is_wide {
        union.value64 = value;
    } else {
        // What does not fit is beyond every range, and the kernel says so of the nearest number that fits.
        let limits = i64::from(i32::MIN)..=i64::from(i32::MAX);
        union.value = i32::try_from(value.clamp(*limits.start(), *limits.end())).unwrap_or(0);
    }
    ExtControl {
        id,
        size: 0,
        reserved: 0,
        value: union,
    }
}

/// The control points to `text` and must not outlive it.
fn pointer(id: u32, text: &mut [u8]) -> ExtControl {
    ExtControl {
        id,
        size: u32::try_from(text.len()).unwrap_or(u32::MAX),
        reserved: 0,
        value: ExtValue {
            text: text.as_mut_ptr(),
        },
    }
}

fn exchange<const OPCODE: Opcode>(device: BorrowedFd<'_>, control: &mut ExtControl) -> Result<()> {
    let mut controls = ExtControls {
        which: 0,
        count: 1,
        error_index: 0,
        request_fd: 0,
        reserved: 0,
        controls: control,
    };
    // SAFETY: the type mirrors struct v4l2_ext_controls; it points to one control, as its count says. That one holds a number,
    // or points to text whose length is beside it; both are borrowed by the callers for longer than the call.
    unsafe { update::<OPCODE, ExtControls>(device, &mut controls) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(QUERYMENU, 0xc02c_5625);
        assert_eq!(G_EXT_CTRLS, 0xc020_5647);
        assert_eq!(S_EXT_CTRLS, 0xc020_5648);
        assert_eq!(QUERY_EXT_CTRL, 0xc0e8_5667);
    }

    #[test]
    fn numbers_keep_their_width() {
        // SAFETY: plain bits, written by `number`.
        let narrow = |value| unsafe { number(1, value, false).value.value };
        assert_eq!(narrow(-5), -5);
        assert_eq!(narrow(i64::MAX), i32::MAX);
        // SAFETY: as above.
        let wide = unsafe { number(1, i64::MIN, true).value.value64 };
        assert_eq!(wide, i64::MIN);
    }
}
