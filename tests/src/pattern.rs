//! Frames drawn by the CPU, and what the display must show of them.

use dmabuf_heap::{Fourcc, Frame};

use crate::picture::Picture;

/// Red, green, blue and white, as a display shows them.
const COLORS: [[u8; 3]; 4] = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
/// The same as Y, Cb, Cr of ITU-R BT.601 in limited range.
const YUV: [[u8; 3]; 4] = [
    [81, 90, 240],
    [145, 54, 34],
    [41, 240, 110],
    [235, 128, 128],
];

/// Draws four quadrants: red and green above blue and white.
#[track_caller]
pub fn draw_quadrants(frame: &Frame) {
    let layout = *frame.layout();
    let mut mapping = frame.map().expect("heap memory can be mapped");
    let mut access = mapping.write().expect("the CPU may write");
    for plane in 0..layout.planes().len() {
        let rows = layout.rows(plane).expect("a known format");
        let len = layout.row_bytes(plane).expect("a known format");
        let len = usize::try_from(len).expect("a row that fits in memory");
        let half = |left: usize| {
            let bytes = |color: usize, len| {
                block(layout.fourcc(), plane, color)
                    .into_iter()
                    .cycle()
                    .take(len)
            };
            bytes(left, len / 2)
                .chain(bytes(left + 1, len - len / 2))
                .collect::<Vec<u8>>()
        };
        let (above, below) = (half(0), half(2));
        for row in 0..rows {
            let bytes = if row < rows / 2 { &above } else { &below };
            access
                .write_row(plane, row, bytes)
                .expect("a row of the frame");
        }
    }
    access.finish().expect("the end of CPU access");
}

/// The picture of [`draw_quadrants`] in `width` × `height` pixels.
pub fn quadrants(width: u32, height: u32) -> Picture {
    let pixel = |index: u32| {
        let (x, y) = (index % width, index / width);
        COLORS[usize::from(y >= height / 2) * 2 + usize::from(x >= width / 2)]
    };
    Picture::new(width, height, (0..width * height).flat_map(pixel).collect())
}

/// What an `XRGB8888` frame holds.
#[track_caller]
pub fn picture_of(frame: &Frame) -> Picture {
    let layout = frame.layout();
    assert_eq!(
        layout.fourcc(),
        Fourcc::XRGB8888,
        "the format that snapshots have"
    );
    let mapping = frame.map().expect("heap memory can be mapped");
    let access = mapping.read().expect("the CPU may read");
    let mut rgb = Vec::with_capacity(layout.width() as usize * layout.height() as usize * 3);
    let mut row = vec![0; layout.width() as usize * 4];
    for line in 0..layout.height() {
        access
            .read_row(0, line, &mut row)
            .expect("a row of the frame");
        rgb.extend(
            row.chunks_exact(4)
                .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]),
        );
    }
    Picture::new(layout.width(), layout.height(), rgb)
}

/// The bytes of one block of pixels in a plane.
fn block(fourcc: Fourcc, plane: usize, color: usize) -> Vec<u8> {
    let [red, green, blue] = COLORS[color];
    let [y, u, v] = YUV[color];
    match (fourcc, plane) {
        (Fourcc::XRGB8888 | Fourcc::ARGB8888, 0) => vec![blue, green, red, 255],
        (Fourcc::RGB565, 0) => {
            let word =
                u16::from(red >> 3) << 11 | u16::from(green >> 2) << 5 | u16::from(blue >> 3);
            word.to_le_bytes().to_vec()
        }
        (Fourcc::YUYV, 0) => vec![y, u, y, v],
        (Fourcc::NV12 | Fourcc::NV16 | Fourcc::YUV420 | Fourcc::YUV422, 0) => vec![y],
        (Fourcc::NV12 | Fourcc::NV16, 1) => vec![u, v],
        (Fourcc::YUV420 | Fourcc::YUV422, 1) => vec![u],
        (Fourcc::YUV420 | Fourcc::YUV422, 2) => vec![v],
        (fourcc, plane) => panic!("no pattern for plane {plane} of {fourcc}"),
    }
}
