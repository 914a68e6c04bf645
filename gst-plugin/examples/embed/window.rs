//! A window of one colour, by smithay-client-toolkit on libwayland.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context as _, Result};
use smithay_client_toolkit::compositor::{CompositorHandler, CompositorState, FrameCallbackData};
use smithay_client_toolkit::output::{OutputHandler, OutputState};
use smithay_client_toolkit::registry::{ProvidesRegistryState, RegistryState};
use smithay_client_toolkit::shell::WaylandSurface;
use smithay_client_toolkit::shell::xdg::XdgShell;
use smithay_client_toolkit::shell::xdg::window::{
    Window as XdgWindow, WindowConfigure, WindowDecorations, WindowHandler,
};
use smithay_client_toolkit::shm::slot::SlotPool;
use smithay_client_toolkit::shm::{Shm, ShmHandler};
use smithay_client_toolkit::{delegate_dispatch2, delegate_registry, registry_handlers};
use wayland_client::globals::registry_queue_init;
use wayland_client::protocol::wl_output::{Transform, WlOutput};
use wayland_client::protocol::wl_shm::Format;
use wayland_client::protocol::wl_surface::WlSurface;
use wayland_client::{Connection, EventQueue, QueueHandle};

/// What the window shows where there is no picture: blue, green, red and nothing.
const COLOR: [u8; 4] = [0x80, 0x40, 0x20, 0xff];
const BYTES_PER_PIXEL: i32 = 4;
const DEFAULT_SIZE: (i32, i32) = (640, 360);

/// A window on the screen.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    connection: Connection,
    surface: WlSurface,
    place: Arc<Mutex<[i32; 4]>>,
}

impl Window {
    /// Opens a window and returns once it is drawn. A thread draws it from then on.
    pub(crate) fn open(title: &str) -> Result<Self> {
        let connection = Connection::connect_to_env()?;
        let (globals, mut queue) = registry_queue_init::<State>(&connection)?;
        let handle = queue.handle();
        let surface = CompositorState::bind(&globals, &handle)?.create_surface(&handle);
        let xdg = XdgShell::bind(&globals, &handle)?.create_window(
            surface.clone(),
            WindowDecorations::RequestServer,
            &handle,
        );
        xdg.set_title(title);
        xdg.commit();
        let shm = Shm::bind(&globals, &handle)?;
        let mut state = State {
            registry: RegistryState::new(&globals),
            outputs: OutputState::new(&globals, &handle),
            pool: SlotPool::new(1, &shm)?,
            shm,
            _xdg: xdg,
            size: None,
        };
        let size = loop {
            queue.blocking_dispatch(&mut state)?;
            if let Some(size) = state.size {
                break size;
            }
        };
        thread::spawn(move || draw(queue, state));
        Ok(Self {
            connection,
            surface,
            place: Arc::new(Mutex::new([0, 0, size.0, size.1])),
        })
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn surface(&self) -> &WlSurface {
        &self.surface
    }

    /// Where the picture belongs: x, y, width and height in pixels; at first the whole window.
    pub(crate) fn place(&self) -> [i32; 4] {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the picture belongs from now on.
    pub(crate) fn set_place(&self, place: [i32; 4]) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Makes what moved in the window take effect.
    pub(crate) fn commit(&self) {
        self.surface.commit();
        // The thread that draws meets the same error.
        let _met_elsewhere = self.connection.flush();
    }
}

/// Until the connection ends.
fn draw(mut queue: EventQueue<State>, mut state: State) {
    while queue.blocking_dispatch(&mut state).is_ok() {}
}

struct State {
    registry: RegistryState,
    outputs: OutputState,
    pool: SlotPool,
    shm: Shm,
    /// The window stays as long as this.
    _xdg: XdgWindow,
    /// Width and height in pixels, once the compositor has said it.
    size: Option<(i32, i32)>,
}

impl State {
    fn fill(&mut self, surface: &WlSurface, (width, height): (i32, i32)) -> Result<()> {
        let stride = width * BYTES_PER_PIXEL;
        let (buffer, bytes) = self
            .pool
            .create_buffer(width, height, stride, Format::Xrgb8888)?;
        for pixel in bytes.chunks_exact_mut(COLOR.len()) {
            pixel.copy_from_slice(&COLOR);
        }
        surface.damage_buffer(0, 0, width, height);
        buffer.attach_to(surface).context("the buffer is new")?;
        Ok(())
    }
}

impl WindowHandler for State {
    fn request_close(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &XdgWindow) {}

    fn configure(
        &mut self,
        _: &Connection,
        handle: &QueueHandle<Self>,
        window: &XdgWindow,
        configure: WindowConfigure,
        _serial: u32,
    ) {
        let pixels = |wanted: Option<std::num::NonZeroU32>, default: i32| {
            wanted.map_or(default, |it| i32::try_from(it.get()).unwrap_or(default))
        };
        let (width, height) = configure.new_size;
        let size = (
            pixels(width, DEFAULT_SIZE.0),
            pixels(height, DEFAULT_SIZE.1),
        );
        let surface = window.wl_surface();
        if self.size != Some(size) && self.fill(surface, size).is_ok() {
            self.size = Some(size);
        }
        surface.frame(handle, FrameCallbackData(surface.clone()));
        window.commit();
    }
}

impl CompositorHandler for State {
    /// A surface inside appears and moves when the window around it is committed: here with every refresh.
    fn frame(&mut self, _: &Connection, handle: &QueueHandle<Self>, surface: &WlSurface, _: u32) {
        surface.frame(handle, FrameCallbackData(surface.clone()));
        surface.commit();
    }

    fn scale_factor_changed(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlSurface,
        _: i32,
    ) {
    }

    fn transform_changed(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlSurface,
        _: Transform,
    ) {
    }

    fn surface_enter(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlSurface,
        _: &WlOutput,
    ) {
    }

    fn surface_leave(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &WlSurface,
        _: &WlOutput,
    ) {
    }
}

impl OutputHandler for State {
    fn output_state(&mut self) -> &mut OutputState {
        &mut self.outputs
    }

    fn new_output(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}

    fn update_output(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}

    fn output_destroyed(&mut self, _: &Connection, _: &QueueHandle<Self>, _: WlOutput) {}
}

impl ShmHandler for State {
    fn shm_state(&mut self) -> &mut Shm {
        &mut self.shm
    }
}

impl ProvidesRegistryState for State {
    fn registry(&mut self) -> &mut RegistryState {
        &mut self.registry
    }
    registry_handlers![OutputState];
}

delegate_registry!(State);
delegate_dispatch2!(State);
