//! Commands of codecs: `VIDIOC_DECODER_CMD` and `VIDIOC_ENCODER_CMD`.

use std::os::fd::BorrowedFd;

use rustix::io::Result;
use rustix::ioctl::{Opcode, opcode};

use super::update;

const ENCODER_CMD: Opcode = opcode::read_write::<EncoderCommand>(b'V', 77);
const DECODER_CMD: Opcode = opcode::read_write::<DecoderCommand>(b'V', 96);

/// `V4L2_DEC_CMD_START` and `V4L2_ENC_CMD_START`
pub(crate) const START: u32 = 0;
/// `V4L2_DEC_CMD_STOP` and `V4L2_ENC_CMD_STOP`
pub(crate) const STOP: u32 = 1;

/// `struct v4l2_decoder_cmd`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct DecoderCommand {
    pub(crate) command: u32,
    pub(crate) flags: u32,
    parameters: [u64; 8],
}

/// `struct v4l2_encoder_cmd`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct EncoderCommand {
    pub(crate) command: u32,
    pub(crate) flags: u32,
    parameters: [u32; 8],
}

const _: () = {
    assert!(size_of::<DecoderCommand>() == 72);
    assert!(size_of::<EncoderCommand>() == 40);
};

/// Starts, stops, or drains a decoder.
pub(crate) fn decoder_command(device: BorrowedFd<'_>, command: u32) -> Result<()> {
    let mut command = DecoderCommand {
        command,
        ..DecoderCommand::default()
    };
    // SAFETY: the type mirrors struct v4l2_decoder_cmd and holds no pointer.
    unsafe { update::<DECODER_CMD, DecoderCommand>(device, &mut command) }
}

/// Starts, stops, or drains an encoder.
pub(crate) fn encoder_command(device: BorrowedFd<'_>, command: u32) -> Result<()> {
    let mut command = EncoderCommand {
        command,
        ..EncoderCommand::default()
    };
    // SAFETY: the type mirrors struct v4l2_encoder_cmd and holds no pointer.
    unsafe { update::<ENCODER_CMD, EncoderCommand>(device, &mut command) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(ENCODER_CMD, 0xc028_564d);
        assert_eq!(DECODER_CMD, 0xc048_5660);
    }
}
