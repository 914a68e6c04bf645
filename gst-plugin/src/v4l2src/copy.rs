//! Pictures out of the driver's own memory, where nothing but a copy helps.

use gst::glib;
use gst_video::{VideoFrameExt, VideoFrameRef, VideoInfo};
use v4l2_import::{Buffer, Capture, MapError, QueueFormat};

/// Why a picture was not copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyOutError {
    /// The driver's layout is none.
    #[error(transparent)]
    Layout(#[from] dmabuf_heap::LayoutError),
    /// The driver's memory is shorter than its picture.
    #[error(transparent)]
    Map(#[from] MapError),
    /// GStreamer could not map the target.
    #[error("{0}")]
    Gst(#[from] glib::BoolError),
    /// The target is shorter than its picture.
    #[error("plane {0} of the copy is too short")]
    Short(usize),
}

/// Copies a picture that lies in mapped memory; how many bytes that were.
///
/// # Errors
///
/// The picture does not fit where it is said to be.
pub(super) fn copy_picture(
    slot: &Buffer<Capture>,
    format: &QueueFormat,
    target: &mut gst::BufferRef,
    info: &VideoInfo,
) -> Result<u64, CopyOutError> {
    let layout = format.layout()?;
    let is_split = format.buffers.len() > 1;
    let mut frame = VideoFrameRef::from_buffer_ref_writable(target, info)?;
    let strides: Vec<usize> = frame
        .plane_stride()
        .iter()
        .map(|&stride| usize::try_from(stride).unwrap_or_default())
        .collect();
    let mut bytes = 0;
    for (index, plane) in layout.planes().iter().enumerate() {
        let short = || CopyOutError::Short(index);
        let row_bytes = layout.row_bytes(index).ok_or_else(short)?;
        let row_bytes = usize::try_from(row_bytes).map_err(|_beyond| short())?;
        let rows = layout.rows(index).ok_or_else(short)?;
        let stride = *strides.get(index).ok_or_else(short)?;
        let mut from = usize::try_from(plane.offset).map_err(|_beyond| short())?;
        let pixels = frame.plane_data_mut(u32::try_from(index).unwrap_or_default())?;
        for row in 0..rows as usize {
            let row = pixels.get_mut(row * stride..row * stride + row_bytes);
            let memory = if is_split { index } else { 0 };
            slot.read(memory, from, row.ok_or_else(short)?)?;
            from += plane.stride as usize;
        }
        bytes += u64::from(rows) * row_bytes as u64;
    }
    Ok(bytes)
}

/// Copies so many bytes of a compressed picture that lies in mapped memory.
///
/// # Errors
///
/// The memory is shorter.
pub(super) fn copy_bytes(slot: &Buffer<Capture>, len: u32) -> Result<gst::Buffer, CopyOutError> {
    let mut bytes = vec![0; len as usize];
    slot.read(0, 0, &mut bytes)?;
    Ok(gst::Buffer::from_mut_slice(bytes))
}
