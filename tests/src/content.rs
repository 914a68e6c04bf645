//! What is in a frame, read and written by the CPU.

use dmabuf_heap::Frame;

/// The bytes of one plane, as the CPU reads them.
#[track_caller]
pub fn content(frame: &Frame, plane: usize) -> Vec<u8> {
    let len = usize::try_from(frame.layout().planes()[plane].len).expect("it is mapped");
    let mut bytes = vec![0; len];
    let mapping = frame.map().expect("heap memory can be mapped");
    let access = mapping.read().expect("reading begins");
    access
        .read_plane(plane, &mut bytes)
        .expect("the slice has the size of the plane");
    access.finish().expect("reading ends");
    bytes
}

/// Sets every byte of every plane.
#[track_caller]
pub fn fill(frame: &Frame, byte: u8) {
    let mut mapping = frame.map().expect("heap memory can be mapped");
    let mut access = mapping.write().expect("writing begins");
    for plane in 0..frame.layout().planes().len() {
        access.fill_plane(plane, byte).expect("the plane exists");
    }
    access.finish().expect("writing ends");
}
