//! The application: a window of its own, with a video in it.

use anyhow::{Context, Error, Result};
use smithay_client_toolkit::compositor::CompositorState;
use smithay_client_toolkit::output::OutputState;
use smithay_client_toolkit::reexports::calloop::channel::Sender;
use smithay_client_toolkit::registry::RegistryState;
use smithay_client_toolkit::shell::WaylandSurface;
use smithay_client_toolkit::shell::xdg::window::{Window, WindowDecorations};
use smithay_client_toolkit::shell::xdg::{XdgShell, XdgSurface};
use smithay_client_toolkit::shm::Shm;
use smithay_client_toolkit::shm::slot::SlotPool;
use wayland_client::globals::GlobalList;
use wayland_client::protocol::wl_shm;
use wayland_client::{Connection, QueueHandle};

use crate::Event;
use crate::command::{Color, Command, Rectangle};
use crate::handover::Handover;
use crate::player::{Player, error_of};

/// Size of a window that may have any.
const SIZE: (i32, i32) = (640, 480);

/// The state of the event loop.
#[derive(Debug)]
pub(crate) struct App {
    view: Option<View>,
    background: Color,
    /// Where the video goes, if somebody has said so.
    wanted: Option<Rectangle>,
    description: String,
    events: Sender<Event>,
    is_done: bool,
    failure: Option<Error>,
    pool: SlotPool,
    pub(crate) registry: RegistryState,
    pub(crate) outputs: OutputState,
    pub(crate) shm: Shm,
    compositor: CompositorState,
    shell: XdgShell,
    connection: Connection,
    handle: QueueHandle<App>,
}

/// A window and what plays in it. The fields are dropped in this order: a sink must not outlive the surface it was given.
#[derive(Debug)]
struct View {
    player: Option<Player>,
    window: Window,
    /// Unknown until the compositor has configured the window.
    size: Option<(i32, i32)>,
}

impl App {
    pub(crate) fn new(
        connection: &Connection,
        globals: &GlobalList,
        handle: &QueueHandle<App>,
        description: String,
        events: Sender<Event>,
    ) -> Result<App> {
        let shm = Shm::bind(globals, handle).context("the compositor has no wl_shm")?;
        let len = usize::try_from(SIZE.0 * SIZE.1 * 4)?;
        Ok(App {
            view: None,
            background: Color::default(),
            wanted: None,
            description,
            events,
            is_done: false,
            failure: None,
            pool: SlotPool::new(len, &shm).context("no shared memory for the window")?,
            registry: RegistryState::new(globals),
            outputs: OutputState::new(globals, handle),
            shm,
            compositor: CompositorState::bind(globals, handle)
                .context("the compositor has no wl_compositor")?,
            shell: XdgShell::bind(globals, handle).context("the compositor makes no windows")?,
            connection: connection.clone(),
            handle: handle.clone(),
        })
    }

    /// Whether the loop shall end.
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Why it ends, if not because it was told to.
    pub(crate) fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    pub(crate) fn set_background(&mut self, color: Color) {
        self.background = color;
    }

    /// Asks for a window. The compositor answers with its size, by a configure event; before that nothing may be shown.
    pub(crate) fn open_window(&mut self) {
        let surface = self.compositor.create_surface(&self.handle);
        let decorations = WindowDecorations::ServerDefault;
        let window = self.shell.create_window(surface, decorations, &self.handle);
        window.set_title("Embedded video");
        window.set_app_id("embed_wayland");
        window.commit();
        self.view = Some(View {
            player: None,
            window,
            size: None,
        });
    }

    /// Something from another thread.
    pub(crate) fn hear(&mut self, event: Event) {
        match event {
            Event::Line(line) => match line.parse::<Command>() {
                Ok(command) => self.obey(command, &line),
                Err(error) => println!("{error:#}"),
            },
            Event::EndOfInput => self.is_done = true,
            Event::Message(message) => match message.view() {
                gst::MessageView::Error(error) => self.fail(error_of(error)),
                gst::MessageView::Eos(_) => println!("end of stream"),
                gst::MessageView::AsyncDone(_) => println!("playing"),
                _ => {}
            },
        }
    }

    /// The window has this size now, or may have any.
    pub(crate) fn configured(&mut self, width: Option<u32>, height: Option<u32>) {
        let Some(view) = &mut self.view else {
            return;
        };
        let side = |pixels: Option<u32>, default| {
            let pixels = pixels.and_then(|it| i32::try_from(it).ok());
            pixels.unwrap_or(default)
        };
        let (old_width, old_height) = view.size.unwrap_or(SIZE);
        let is_first = view.size.is_none();
        view.size = Some((side(width, old_width), side(height, old_height)));
        self.redraw();
        if is_first {
            self.play();
        }
    }

    /// The user closes the window.
    pub(crate) fn closed(&mut self) {
        self.is_done = true;
    }

    fn obey(&mut self, command: Command, line: &str) {
        match command {
            Command::Size(rectangle) => {
                self.wanted = Some(rectangle);
                self.redraw();
            }
            Command::Background(color) => {
                self.background = color;
                self.redraw();
            }
            Command::Stop => drop(self.view.as_mut().and_then(|view| view.player.take())),
            Command::Play => self.play(),
            Command::Hide => drop(self.view.take()),
            Command::Show => self.open_window(),
            Command::Drop => {
                // The wrong order, on purpose.
                if let Some(View { player, window, .. }) = self.view.take() {
                    drop(window);
                    drop(player);
                }
            }
            Command::Stats => {
                let player = self.view.as_ref().and_then(|view| view.player.as_ref());
                println!("{}", player.map(Player::stats).unwrap_or_default());
                return;
            }
            Command::Quit => self.is_done = true,
        }
        println!("done: {line}");
    }

    fn play(&mut self) {
        let Some(view) = self.view.as_mut().filter(|view| view.size.is_some()) else {
            return;
        };
        // A camera has to be free before another pipeline takes it.
        view.player = None;
        let handover = Handover::new(&self.connection, view.window.wl_surface());
        match Player::new(&self.description, handover, self.events.clone()) {
            Ok(player) => {
                player.place(place(self.wanted, view));
                player.play();
                view.player = Some(player);
            }
            Err(error) => self.fail(error),
        }
    }

    /// Draws the application's part of the window, and moves the video to where it belongs: one commit for both.
    fn redraw(&mut self) {
        let Some(view) = self.view.as_ref().filter(|view| view.size.is_some()) else {
            return;
        };
        if let Some(player) = &view.player {
            player.place(place(self.wanted, view));
        }
        if let Err(error) = draw(&mut self.pool, view, self.background) {
            self.fail(error);
        }
    }

    fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
        self.is_done = true;
    }
}

fn place(wanted: Option<Rectangle>, view: &View) -> Rectangle {
    wanted.unwrap_or_else(|| Rectangle::inside(view.size.unwrap_or(SIZE)))
}

fn draw(pool: &mut SlotPool, view: &View, color: Color) -> Result<()> {
    let (width, height) = view.size.unwrap_or(SIZE);
    let (buffer, pixels) = pool
        .create_buffer(width, height, width * 4, wl_shm::Format::Xrgb8888)
        .with_context(|| format!("no shared memory of {width}x{height} pixels"))?;
    for pixel in pixels.chunks_exact_mut(4) {
        pixel.copy_from_slice(&color.0.to_le_bytes());
    }
    let surface = view.window.wl_surface();
    buffer.attach_to(surface).context("the buffer is in use")?;
    surface.damage_buffer(0, 0, width, height);
    // Else the window would be as large as the surfaces inside it reach.
    let size = (width.unsigned_abs(), height.unsigned_abs());
    view.window.set_window_geometry(0, 0, size.0, size.1);
    view.window.commit();
    Ok(())
}
