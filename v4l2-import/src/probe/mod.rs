//! Imports a real frame into a queue without streaming, and leaves everything as it was.

mod buffers;
mod fit;
mod outcome;
mod state;

use std::os::fd::AsFd;

use dmabuf_heap::{Frame, Reach, Refusal, Suspect, Verdict, Witness};

use buffers::Buffers;
pub(crate) use fit::{Misfit, Picture, Piece, pieces};
pub(crate) use outcome::Party;
use outcome::{Negative, Outcome};
use state::SavedState;

use crate::device::{Device, Queue};
use crate::format::{QueueFormat, RawFormat, V4l2Fourcc};
use crate::uapi;

/// One probe of one queue.
pub(crate) struct Probe<'a> {
    pub(crate) device: &'a Device,
    pub(crate) party: Party<'a>,
    pub(crate) may_set_format: bool,
    pub(crate) reach: Reach,
}

impl Probe<'_> {
    pub(crate) fn run(&self, frame: &Frame) -> Verdict {
        Outcome::from(self.attempt(frame)).0
    }

    fn attempt(&self, frame: &Frame) -> Result<(), Negative> {
        self.check_queue()?;
        let current = self.device.format(self.queue());
        let pieces = match current {
            Ok(format) => self.pieces(frame, &format),
            Err(error) => Err(Misfit::Format(error.to_string())),
        };
        match pieces {
            Ok(pieces) => self.import(frame, &pieces),
            Err(Misfit::Layout(detail)) if !self.may_set_format => {
                Err(self.party.layout("VIDIOC_PREPARE_BUF", detail))
            }
            Err(Misfit::Format(detail)) if !self.may_set_format => Err(Negative::unknown(detail)),
            Err(_other_format) => {
                let _restored_on_drop = SavedState::save(self.device, self.queue());
                let pieces = self.set_format(frame)?;
                self.import(frame, &pieces)
            }
        }
    }

    const fn queue(&self) -> Queue {
        self.party.queue
    }

    fn buffer_type(&self) -> u32 {
        self.device.info().buffer_type(self.queue())
    }

    /// That there is such a queue, that it imports, and that it is nobody's.
    fn check_queue(&self) -> Result<(), Negative> {
        let info = self.device.info();
        if let Err(refusal) = check_kind(self.device, self.party) {
            return Err(Negative::Refused(refusal));
        }
        // REQBUFS on a file that has buffers would free them, and this may be a duplicate of somebody's file.
        if uapi::has_buffers(self.device.as_fd(), self.buffer_type()) {
            let queue = self.queue();
            return Err(Negative::unknown(format!(
                "its {queue} is in use: it has buffers; stop the program that streams from {}",
                info.path.display()
            )));
        }
        Ok(())
    }

    fn pieces(&self, frame: &Frame, format: &QueueFormat) -> Result<Vec<Piece>, Misfit> {
        let is_multiplanar = self.device.info().is_multiplanar;
        pieces(
            &Picture::from(frame),
            format,
            self.queue(),
            is_multiplanar,
            0,
        )
    }

    /// Sets the format of the frame, by each code that has its pixels.
    fn set_format(&self, frame: &Frame) -> Result<Vec<Piece>, Negative> {
        let layout = frame.layout();
        let is_split = frame.dmabufs().count() > 1;
        let mut misfits = Vec::new();
        for code in V4l2Fourcc::of(layout.fourcc()) {
            let strides: Vec<u32> = layout.planes().iter().map(|plane| plane.stride).collect();
            let strides = if code.is_split() {
                &strides[..]
            } else {
                &strides[..1]
            };
            let wanted =
                RawFormat::wanted(self.buffer_type(), code, layout.width(), layout.height())
                    .with_strides(strides);
            let misfit = match self.device.set_raw(self.queue(), wanted) {
                Ok(answer) => match self.pieces(frame, &QueueFormat::from(&answer)) {
                    Ok(pieces) => return Ok(pieces),
                    Err(Misfit::Format(detail) | Misfit::Layout(detail)) => detail,
                },
                Err(error) => match rustix::io::Errno::from_io_error(&error.errno) {
                    Some(rustix::io::Errno::INVAL) | None => error.to_string(),
                    Some(errno) => return Err(self.party.at_any("VIDIOC_S_FMT", errno)),
                },
            };
            // What a variant for the frame's number of dma-bufs says is worth more than that others have another number.
            let at = if code.is_split() == is_split {
                0
            } else {
                misfits.len()
            };
            misfits.insert(at, misfit);
        }
        let unknown = || format!("V4L2 has no format for {}", layout.fourcc());
        Err(self.party.layout(
            "VIDIOC_S_FMT",
            misfits.into_iter().next().unwrap_or_else(unknown),
        ))
    }

    fn import(&self, frame: &Frame, pieces: &[Piece]) -> Result<(), Negative> {
        // Made first, so that on every way out it takes back its marks when the device has let go.
        let mut witness = Witness::of(frame);
        let buffers = Buffers::request(self.device.as_fd(), self.buffer_type())
            .map_err(|errno| self.party.at_request(errno))?;
        let offsets = buffers
            .prepare(frame, pieces)
            .map_err(|errno| self.party.at_prepare(errno, &describe(pieces)))?;
        self.check_offsets(pieces, &offsets)?;
        if let Some(witness) = &mut witness {
            witness.change();
        }
        drop(buffers);
        let testimony = witness.map(Witness::saw_a_copy);
        let is_blind = testimony == Some(None) || Witness::is_blind_to(frame);
        let doubt = if testimony == Some(Some(true)) {
            "the kernel gave the device a copy (swiotlb), pixels would be stale".to_owned()
        } else if self.reach == Reach::Unknown && is_blind {
            format!(
                "perhaps the kernel gave the device a copy (swiotlb): nobody knows the reach of the device, and {} hides copies",
                frame.dmabuf(0).exporter().unwrap_or_default()
            )
        } else {
            return Ok(());
        };
        let detail = format!("buffer 0, {}: {doubt}", describe(pieces));
        let suspect = Some(Suspect::Unreachable);
        let refusal = self
            .party
            .refusal("VIDIOC_PREPARE_BUF", detail, None, suspect);
        Err(Negative::Refused(refusal))
    }

    /// A driver may insist on room before the pixels, which it tells only now.
    fn check_offsets(&self, pieces: &[Piece], answered: &[u32]) -> Result<(), Negative> {
        for (piece, &got) in pieces.iter().zip(answered) {
            if piece.data_offset != got {
                let detail = format!(
                    "buffer 0, plane {}: the driver puts the pixels at offset {got} of the dma-buf, the frame has them at {}",
                    piece.plane, piece.data_offset
                );
                return Err(self.party.layout("VIDIOC_PREPARE_BUF", detail));
            }
        }
        Ok(())
    }
}

/// That a device has a queue that could import at all.
pub(crate) fn check_kind(device: &Device, party: Party<'_>) -> Result<(), Refusal> {
    let info = device.info();
    let lack = if !info.queues().contains(&party.queue) {
        "the device has no such queue"
    } else if !info.is_streaming {
        "the device has no buffers, only read() and write()"
    } else {
        return Ok(());
    };
    Err(party.refusal("VIDIOC_QUERYCAP", lack, None, Some(Suspect::Foreign)))
}

/// As in `plane 0 of 345600 bytes`.
fn describe(pieces: &[Piece]) -> String {
    let piece = |piece: &Piece| format!("plane {} of {} bytes", piece.plane, piece.length);
    pieces.iter().map(piece).collect::<Vec<_>>().join(", ")
}
