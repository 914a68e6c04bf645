//! An application with a Wayland window of its own that shows a pipeline in a part of it.
//!
//! ```sh
//! cargo run --example embed -- v4l2src io-mode=dmabuf-import ! video/x-raw,format=NV12 ! dmaheapwaylandsink
//! ```
//!
//! A line `x y width height` on standard input moves the picture; the end of the input ends the application. The window is
//! one of smithay-client-toolkit's; a toolkit that draws with libwayland does the same.

mod handles;
mod window;

use std::io::{self, BufRead as _};

use anyhow::{Context as _, Result, anyhow, bail};
use gst::glib;
use gst::prelude::*;
use gst_video::prelude::*;

use window::Window;

/// What sinks ask the application for when they go to READY.
const CONTEXT_TYPE: &str = "GstWaylandDisplayHandleContextType";

fn main() -> Result<()> {
    gst::init()?;
    gstdmaheap::plugin_register_static()?;
    let description: Vec<String> = std::env::args().skip(1).collect();
    let window = Window::open("embed")?;
    let pipeline = gst::parse::launch(&description.join(" "))?
        .downcast::<gst::Pipeline>()
        .map_err(|_element| anyhow!("one element alone is no pipeline"))?;
    let bus = pipeline.bus().context("a pipeline has a bus")?;
    let asked = window.clone();
    bus.set_sync_handler(move |_bus, message| answer(&asked, message));
    let sink = pipeline
        .iterate_all_by_interface(gst_video::VideoOverlay::static_type())
        .into_iter()
        .find_map(|element| element.ok()?.dynamic_cast::<gst_video::VideoOverlay>().ok())
        .context("no element of the pipeline draws into windows")?;
    obey_input(window, &sink, &bus);
    pipeline.set_state(gst::State::Playing)?;
    let ended = wait(&bus);
    pipeline.set_state(gst::State::Null)?;
    ended
}

/// Gives a sink what it asks for, in the thread that asks.
fn answer(window: &Window, message: &gst::Message) -> gst::BusSyncReply {
    if let gst::MessageView::NeedContext(needed) = message.view() {
        let element = message
            .src()
            .and_then(|it| it.downcast_ref::<gst::Element>());
        if let (CONTEXT_TYPE, Some(element)) = (needed.context_type(), element) {
            element.set_context(&handles::context(CONTEXT_TYPE, window));
            return gst::BusSyncReply::Drop;
        }
    } else if gst_video::is_video_overlay_prepare_window_handle_message(message) {
        let overlay = message
            .src()
            .and_then(|it| it.dynamic_cast_ref::<gst_video::VideoOverlay>());
        if let Some(overlay) = overlay {
            handles::set_window(overlay, window);
            move_to(overlay, window.place());
            return gst::BusSyncReply::Drop;
        }
    }
    gst::BusSyncReply::Pass
}

/// Moves the picture where the lines of the input say, in a thread of its own.
fn obey_input(window: Window, sink: &gst_video::VideoOverlay, bus: &gst::Bus) {
    let (sink, bus) = (sink.downgrade(), bus.clone());
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let numbers: Vec<i32> = line.split(' ').filter_map(|it| it.parse().ok()).collect();
            if let (&[x, y, width, height], Some(sink)) = (&numbers[..], sink.upgrade()) {
                // For a sink that has yet to ask for its window, too.
                window.set_place([x, y, width, height]);
                move_to(&sink, [x, y, width, height]);
                window.commit();
            }
        }
        // A bus that takes no messages belongs to a pipeline that has ended.
        let _ended = bus.post(gst::message::Eos::new());
    });
}

/// Moves the picture to a rectangle of the window.
fn move_to(overlay: &gst_video::VideoOverlay, [x, y, width, height]: [i32; 4]) {
    if let Err(error) = overlay.set_render_rectangle(x, y, width, height) {
        glib::g_warning!("embed", "{width}x{height}+{x}+{y}: {error}");
    }
}

fn wait(bus: &gst::Bus) -> Result<()> {
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(()),
            gst::MessageView::Error(error) => bail!("{}", error.error()),
            _ => {}
        }
    }
    Ok(())
}
