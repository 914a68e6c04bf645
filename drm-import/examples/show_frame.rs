//! Shows one frame of dma-buf heap memory on the first display and reads the screen back.
//!
//! `show_frame [FOURCC [DEVICE]]`, for instance `show_frame NV12 /dev/dri/card0`: red in the left half,
//! blue in the right one. Prints the route the frame took and the two pixels that the display really
//! shows, and fails if they are not red and blue.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use dmabuf_heap::{Fourcc, Frame, LayoutRequest, Registry};
use drm_import::{Device, Output, Placement, Rect, YuvColor, YuvEncoding, YuvRange};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const COLOR: YuvColor = YuvColor::new(YuvEncoding::Bt601, YuvRange::Limited);
const TOLERANCE: u8 = 3;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let fourcc: Fourcc = arguments.next().as_deref().unwrap_or("XR24").parse()?;
    let device = match arguments.next() {
        Some(path) => Device::open(Path::new(&path))?,
        None => Device::open_first_connected()?,
    };
    let output = Output::builder(&device).build()?;
    let mode = output.mode();
    println!(
        "{} ({}), {} at {mode}",
        device.path().display(),
        device.driver(),
        output.connector_name()
    );

    let registry = Registry::discover();
    let request = LayoutRequest::new(fourcc, WIDTH, HEIGHT).stride_align(64);
    let (heap, frame, why) = registry.first_working(&request)?;
    println!("{fourcc} {WIDTH}x{HEIGHT} in {}: {why}", heap.name());
    draw(&frame)?;

    let screen = Rect::new(0, 0, mode.width, mode.height);
    let placement = Placement::centered(Rect::new(0, 0, WIDTH, HEIGHT), screen).with_color(COLOR);
    output.show(&frame, &placement, Box::new(frame.clone()))?;
    if !output.wait_idle(Duration::from_secs(2)) {
        return Err("the frame did not reach the screen".into());
    }
    println!(
        "on plane {:?}, {:?}, {:?}",
        output.plane_id(),
        output.stats(),
        device.import_stats()
    );

    let picture = output.snapshot(&*heap)?;
    let middle = mode.height / 2;
    let left = pixel(&picture, mode.width / 2 - WIDTH / 4, middle)?;
    let right = pixel(&picture, mode.width / 2 + WIDTH / 4, middle)?;
    println!("left {left:?}, right {right:?}");
    let is_right = near(left, [255, 0, 0]) && near(right, [0, 0, 255]);
    Ok(if is_right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Red in the left half, blue in the right one.
fn draw(frame: &Frame) -> Result<(), Box<dyn Error>> {
    let layout = *frame.layout();
    let mut mapping = frame.map()?;
    let mut access = mapping.write()?;
    for (plane, (red, blue)) in halves(layout.fourcc())?.into_iter().enumerate() {
        let len = usize::try_from(layout.row_bytes(plane).ok_or("an unknown format")?)?;
        let left = red.iter().cycle().take(len / 2);
        let row: Vec<u8> = left
            .chain(blue.iter().cycle().take(len - len / 2))
            .copied()
            .collect();
        for line in 0..layout.rows(plane).ok_or("an unknown format")? {
            access.write_row(plane, line, &row)?;
        }
    }
    access.finish()?;
    Ok(())
}

/// Bytes of one plane for a red and for a blue block of pixels.
type Block = (&'static [u8], &'static [u8]);

/// The blocks of each plane; YUV as BT.601, limited range.
fn halves(fourcc: Fourcc) -> Result<Vec<Block>, String> {
    Ok(match fourcc {
        Fourcc::XRGB8888 => vec![(&[0, 0, 255, 0], &[255, 0, 0, 0])],
        Fourcc::RGB565 => vec![(&[0x00, 0xf8], &[0x1f, 0x00])],
        Fourcc::NV12 => vec![(&[81], &[41]), (&[90, 240], &[240, 110])],
        Fourcc::YUV420 => vec![(&[81], &[41]), (&[90], &[240]), (&[240], &[110])],
        other => {
            return Err(format!(
                "no picture for {other}: try XR24, RG16, NV12 or YU12"
            ));
        }
    })
}

/// Red, green and blue of one pixel of an `XRGB8888` frame.
fn pixel(frame: &Frame, x: u32, y: u32) -> Result<[u8; 3], Box<dyn Error>> {
    let mapping = frame.map()?;
    let access = mapping.read()?;
    let mut row =
        vec![0; usize::try_from(frame.layout().row_bytes(0).ok_or("an unknown format")?)?];
    access.read_row(0, y, &mut row)?;
    let start = usize::try_from(x)? * 4;
    Ok([row[start + 2], row[start + 1], row[start]])
}

fn near(pixel: [u8; 3], wanted: [u8; 3]) -> bool {
    pixel
        .iter()
        .zip(wanted)
        .all(|(got, want)| got.abs_diff(want) <= TOLERANCE)
}
