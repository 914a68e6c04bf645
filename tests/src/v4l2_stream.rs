//! Streams frames through V4L2 queues with ioctls of its own, as an independent word on what the kernel does with memory.
#![expect(
    unsafe_code,
    reason = "ioctls take untyped pointers; these must not be those of the crate under test"
)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;

use dmabuf_heap::Frame;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};
use v4l2_import::{Queue, QueueFormat};

const S_FMT: Opcode = opcode::read_write::<Format>(b'V', 5);
const REQBUFS: Opcode = opcode::read_write::<[u32; 5]>(b'V', 8);
const QBUF: Opcode = opcode::read_write::<Buffer>(b'V', 15);
const DQBUF: Opcode = opcode::read_write::<Buffer>(b'V', 17);
const STREAMON: Opcode = opcode::write::<u32>(b'V', 18);
const MEMORY_DMABUF: u32 = 4;
const PATIENCE: Timespec = Timespec {
    tv_sec: 10,
    tv_nsec: 0,
};

/// One direction of a device: its format and the frames that go round.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// Which one.
    pub queue: Queue,
    /// Size, pixels and strides to set.
    pub format: &'a QueueFormat,
    /// At least as many as the driver wants, usually 2.
    pub frames: &'a [Frame],
}

/// Sets formats, queues every frame, starts, and waits until each side has finished one frame.
///
/// # Errors
///
/// The first system call that failed, by name.
pub fn stream(node: &Path, is_multiplanar: bool, sides: &[Side<'_>]) -> io::Result<()> {
    let device = OpenOptions::new().read(true).write(true).open(node)?;
    let kind = |queue| match (queue, is_multiplanar) {
        (Queue::Capture, false) => 1,
        (Queue::Output, false) => 2,
        (Queue::Capture, true) => 9,
        (Queue::Output, true) => 10,
    };
    for side in sides {
        call::<S_FMT, _>(
            "VIDIOC_S_FMT",
            &device,
            &mut format(kind(side.queue), side.format),
        )?;
    }
    for side in sides {
        let kind = kind(side.queue);
        let count = u32::try_from(side.frames.len()).expect("a few frames");
        let mut request = [count, kind, MEMORY_DMABUF, 0, 0];
        call::<REQBUFS, _>("VIDIOC_REQBUFS", &device, &mut request)?;
        for (index, frame) in side.frames.iter().enumerate() {
            let mut planes = planes(side.format, frame);
            let mut buffer = Buffer::new(index, kind, &mut planes);
            call::<QBUF, _>("VIDIOC_QBUF", &device, &mut buffer)?;
        }
    }
    for side in sides {
        call::<STREAMON, _>("VIDIOC_STREAMON", &device, &mut kind(side.queue))?;
    }
    for side in sides {
        let events = match side.queue {
            Queue::Capture => PollFlags::IN,
            Queue::Output => PollFlags::OUT,
        };
        poll(&mut [PollFd::new(&device, events)], Some(&PATIENCE))?;
        let mut planes = [Plane::default(); 8];
        let mut buffer = Buffer::new(
            0,
            kind(side.queue),
            &mut planes[..side.format.buffers.len()],
        );
        call::<DQBUF, _>("VIDIOC_DQBUF", &device, &mut buffer)?;
    }
    // Closing the file stops the queues and frees the buffers.
    Ok(())
}

/// `struct v4l2_format` on 64-bit machines.
#[repr(C, align(8))]
#[derive(Debug, Clone, Copy)]
struct Format([u32; 52]);

/// `struct v4l2_plane`
#[repr(C, align(8))]
#[derive(Debug, Clone, Copy, Default)]
struct Plane {
    bytesused: u32,
    length: u32,
    fd: u64,
    data_offset: u32,
    reserved: [u32; 11],
}

/// `struct v4l2_buffer` on 64-bit little-endian machines, which the guest is.
#[repr(C, align(8))]
#[derive(Debug, Clone, Copy, Default)]
struct Buffer {
    index: u32,
    kind: u32,
    bytesused: u32,
    flags: u32,
    field: u32,
    times: [u32; 10],
    memory: u32,
    planes_or_fd: u64,
    length: u32,
    rest: [u32; 3],
}

impl Buffer {
    fn new(index: usize, kind: u32, planes: &mut [Plane]) -> Self {
        let is_multiplanar = kind > 2;
        Self {
            index: u32::try_from(index).expect("a few buffers"),
            kind,
            bytesused: planes[0].bytesused,
            field: 1,
            memory: MEMORY_DMABUF,
            planes_or_fd: if is_multiplanar {
                planes.as_mut_ptr().expose_provenance() as u64
            } else {
                planes[0].fd
            },
            length: if is_multiplanar {
                u32::try_from(planes.len()).expect("at most 8 planes")
            } else {
                planes[0].length
            },
            ..Self::default()
        }
    }
}

fn planes(format: &QueueFormat, frame: &Frame) -> Vec<Plane> {
    let plane = |index| {
        let dmabuf = frame.dmabuf(index);
        let length = u32::try_from(dmabuf.len()).expect("a small frame");
        Plane {
            bytesused: format.buffers[index].size_image,
            length,
            fd: u64::from(dmabuf.as_fd().as_raw_fd().cast_unsigned()),
            ..Plane::default()
        }
    };
    (0..format.buffers.len()).map(plane).collect()
}

fn format(kind: u32, wanted: &QueueFormat) -> Format {
    let mut words = [0; 52];
    // Behind the type and its padding: width, height, pixelformat, field.
    words[0] = kind;
    words[2..6].copy_from_slice(&[wanted.width, wanted.height, wanted.code.0, 1]);
    if kind > 2 {
        // colorspace, then 5 words for each of 8 planes, of which the second is bytesperline.
        for (index, buffer) in wanted.buffers.iter().enumerate() {
            words[7 + 5 * index + 1] = buffer.bytes_per_line;
        }
        words[7 + 5 * 8] = u32::try_from(wanted.buffers.len()).expect("at most 8 planes");
    } else {
        words[6] = wanted.buffers[0].bytes_per_line;
    }
    Format(words)
}

fn call<const OPCODE: Opcode, T>(name: &str, device: &File, value: &mut T) -> io::Result<()> {
    // SAFETY: every opcode above stands with the type that mirrors its struct.
    let update = unsafe { Updater::<OPCODE, T>::new(value) };
    // SAFETY: the kernel reads and writes the value, and the planes that a Buffer of this module points to, which live on.
    unsafe { ioctl(device, update) }
        .map_err(|errno| io::Error::new(io::Error::from(errno).kind(), format!("{name}: {errno}")))
}

const _: () = {
    assert!(size_of::<Format>() == 208);
    assert!(size_of::<Plane>() == 64);
    assert!(size_of::<Buffer>() == 88);
};
