//! A video inside an application's own Wayland window.
//!
//! `embed_wayland 'videotestsrc ! dmaheapwaylandsink name=sink'` opens a window, draws its background itself, and has the
//! sink called `sink` show its frames in a rectangle of it. Lines on standard input say what happens next:
//!
//! | line | what the application does |
//! |---|---|
//! | `size 320x180 at 40,60` | moves and resizes the video, in pixels of the window |
//! | `background 204060` | draws its own part anew |
//! | `stop`, `play` | stops the stream and the sink; starts them again |
//! | `hide`, `show` | stops and destroys the window; opens another one |
//! | `drop` | destroys the window under the playing sink, as no application should |
//! | `stats` | prints what the sink counts |
//! | `quit` | ends; so does the end of the input |
//!
//! What an application has to do is in three places: the sink gets its connection and its surface when it asks for them
//! ([`handover`]); the rectangle follows the window ([`app`]); and the pipeline is stopped before the surface is destroyed,
//! and both before the connection is closed. The same works with `waylandsink`.

#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

mod app;
mod command;
mod handover;
mod player;
mod wayland;

use std::io;
use std::thread;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use smithay_client_toolkit::reexports::calloop::EventLoop;
use smithay_client_toolkit::reexports::calloop::channel::{self, Event as Received, Sender};
use smithay_client_toolkit::reexports::calloop_wayland_source::WaylandSource;
use wayland_client::Connection;
use wayland_client::globals::registry_queue_init;

use app::App;
use command::Color;

/// Shows a video in a rectangle of its own Wayland window.
#[derive(Debug, Parser)]
struct Options {
    /// Colour of the window, as RRGGBB
    #[arg(long, default_value = "1e3a5f")]
    background: Color,

    /// Pipeline as for gst-launch-1.0, with a video sink called `sink`
    #[arg(required = true, trailing_var_arg = true)]
    pipeline: Vec<String>,
}

/// What comes from other threads.
#[derive(Debug)]
enum Event {
    /// Of the pipeline's bus.
    Message(gst::Message),
    /// A line of standard input.
    Line(String),
    /// No more lines come.
    EndOfInput,
}

fn main() -> Result<()> {
    let options = Options::parse();
    gst::init().context("GStreamer does not start")?;
    let connection = Connection::connect_to_env()
        .context("no compositor: WAYLAND_DISPLAY and XDG_RUNTIME_DIR name none that runs")?;
    let (globals, queue) =
        registry_queue_init(&connection).context("the compositor does not say what it offers")?;
    let handle = queue.handle();

    // Declared before the application, so dropped after it: the sink is gone when the connection closes.
    let mut events: EventLoop<App> = EventLoop::try_new()?;
    WaylandSource::new(connection.clone(), queue)
        .insert(events.handle())
        .map_err(|error| anyhow!("the event loop takes no connection: {error}"))?;
    let (sender, received) = channel::channel();
    events
        .handle()
        .insert_source(received, |event, (), app: &mut App| {
            if let Received::Msg(event) = event {
                app.hear(event);
            }
        })
        .map_err(|error| anyhow!("the event loop takes no channel: {error}"))?;
    read_lines(sender.clone())?;

    let description = options.pipeline.join(" ");
    let mut app = App::new(&connection, &globals, &handle, description, sender)?;
    app.set_background(options.background);
    app.open_window();
    while !app.is_done() {
        let turn = events.dispatch(None, &mut app);
        // The sink says more precisely what ended the connection.
        turn.map_err(|error| app.failure().unwrap_or_else(|| error.into()))
            .context("the window is lost")?;
    }
    app.failure().map_or(Ok(()), Err)
}

/// Standard input, read by a thread of its own.
fn read_lines(sender: Sender<Event>) -> Result<()> {
    let read = move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            // A loop that has ended reads nothing any more.
            if sender.send(Event::Line(line)).is_err() {
                return;
            }
        }
        let _ended = sender.send(Event::EndOfInput);
    };
    thread::Builder::new()
        .name("commands".into())
        .spawn(read)
        .context("no thread for standard input")?;
    Ok(())
}
