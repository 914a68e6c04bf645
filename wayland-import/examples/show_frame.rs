//! Shows one frame of dma-buf heap memory in a window until it is closed.
//!
//! `show_frame [FOURCC [DISPLAY]]`, for instance `show_frame XR24 wayland-1`: a grey frame, scaled into the window in shape.
//! Prints what the compositor offers, the memory that it agreed to, and when it showed the frame.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::error::Error;
use std::ffi::OsString;
use std::sync::{Arc, mpsc};

use dmabuf_heap::{CpuImporter, CpuUse, Fourcc, Frame, FrameSpec, Negotiation, Registry};
use wayland_import::{Display, Placement, Rect, Surface, SurfaceEvent, SurfaceImporter};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let fourcc = arguments.next().and_then(|text| text.into_string().ok());
    let fourcc: Fourcc = fourcc.as_deref().unwrap_or("XR24").parse()?;
    let name: Option<OsString> = arguments.next();
    let display = Display::connect(name.as_deref())?;
    println!(
        "{}: {:?}, imports {}",
        display.name(),
        display.offers(),
        display.formats()
    );

    let surface = Surface::builder(&display)
        .title("show_frame")
        .size(WIDTH, HEIGHT)
        .build()?;
    let registry = Arc::new(Registry::discover());
    let mut negotiation = Negotiation::new(&registry, FrameSpec::new(fourcc, WIDTH, HEIGHT));
    negotiation.attach(Arc::new(CpuImporter::new(CpuUse::Write)));
    negotiation.attach(Arc::new(SurfaceImporter::for_surface(&surface)));
    let allocation = negotiation.allocate()?;
    println!("{}", allocation.explain());
    let frame = allocation.frame()?;
    draw(&frame)?;

    let (sender, events) = mpsc::channel();
    surface.on_event(Box::new(move |event| {
        // Nobody listens any more when the window is about to go.
        let _ended = sender.send(event);
    }));
    let place = |surface: &Surface| {
        Placement::fitted(Rect::new(0, 0, WIDTH, HEIGHT), (1, 1), surface.area())
    };
    surface.show(&frame, &place(&surface), Box::new(frame.clone()))?;
    for event in events {
        match event {
            SurfaceEvent::Shown { time, clock, .. } => println!("shown at {time:?} of {clock}"),
            SurfaceEvent::Resized { .. } => surface.rearrange(&place(&surface))?,
            SurfaceEvent::Refused { error, .. } => return Err(error.into()),
            SurfaceEvent::Lost(error) => return Err(error.into()),
            SurfaceEvent::Closed => break,
            _ => {}
        }
    }
    println!("{:?}", surface.stats());
    Ok(())
}

/// Grey, in RGB and YUV alike.
fn draw(frame: &Frame) -> Result<(), Box<dyn Error>> {
    let mut mapping = frame.map()?;
    let mut access = mapping.write()?;
    for plane in 0..frame.layout().planes().len() {
        access.fill_plane(plane, 128)?;
    }
    access.finish()?;
    Ok(())
}
