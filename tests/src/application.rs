//! An application of smithay-client-toolkit on libwayland, with a window that it lends to others: blue, drawn anew all the time.

use std::ffi::c_void;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use smithay_client_toolkit::compositor::{CompositorHandler, CompositorState};
use smithay_client_toolkit::output::{OutputHandler, OutputState};
use smithay_client_toolkit::reexports::client::globals::registry_queue_init;
use smithay_client_toolkit::reexports::client::protocol::wl_output::{Transform, WlOutput};
use smithay_client_toolkit::reexports::client::protocol::wl_shm::Format;
use smithay_client_toolkit::reexports::client::protocol::wl_surface::WlSurface;
use smithay_client_toolkit::reexports::client::{Connection, EventQueue, Proxy, QueueHandle};
use smithay_client_toolkit::registry::{ProvidesRegistryState, RegistryState};
use smithay_client_toolkit::registry_handlers;
use smithay_client_toolkit::shell::WaylandSurface;
use smithay_client_toolkit::shell::xdg::XdgShell;
use smithay_client_toolkit::shell::xdg::window::{
    Window, WindowConfigure, WindowDecorations, WindowHandler,
};
use smithay_client_toolkit::shm::slot::SlotPool;
use smithay_client_toolkit::shm::{Shm, ShmHandler};

use crate::weston::Weston;

/// As the screenshot has it.
pub const BLUE: [u8; 3] = [0, 0, 255];

/// How often it draws; what it lends appears and moves with that.
const TICK: Duration = Duration::from_millis(30);

/// The application, which draws and reads its connection in a thread of its own.
#[derive(Debug)]
pub struct Application {
    connection: Connection,
    surface: WlSurface,
    is_ending: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    registry: RegistryState,
    outputs: OutputState,
    shm: Shm,
    pool: SlotPool,
    window: Window,
    size: Option<(u32, u32)>,
}

impl Application {
    /// Opens its window, as large as the shell wants it.
    #[track_caller]
    pub fn open(weston: &Weston) -> Application {
        let socket = UnixStream::connect(weston.display()).expect("the compositor listens");
        let connection = Connection::from_socket(socket).expect("libwayland is installed");
        let (globals, mut queue) =
            registry_queue_init::<State>(&connection).expect("the compositor answers");
        let handle = queue.handle();
        let compositor = CompositorState::bind(&globals, &handle).expect("wl_compositor");
        let shell = XdgShell::bind(&globals, &handle).expect("xdg_wm_base");
        let shm = Shm::bind(&globals, &handle).expect("wl_shm");
        let surface = compositor.create_surface(&handle);
        let window = shell.create_window(surface.clone(), WindowDecorations::None, &handle);
        window.set_title("an application");
        window.commit();
        let mut state = State {
            registry: RegistryState::new(&globals),
            outputs: OutputState::new(&globals, &handle),
            pool: SlotPool::new(4096, &shm).expect("shared memory"),
            shm,
            window,
            size: None,
        };
        while state.size.is_none() {
            queue
                .blocking_dispatch(&mut state)
                .expect("the compositor is there");
        }
        state.draw();
        let is_ending = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new().name("application".into());
        let ending = Arc::clone(&is_ending);
        let running = thread
            .spawn(move || run(&mut state, queue, &ending))
            .expect("a thread");
        Application {
            connection,
            surface,
            is_ending,
            thread: Some(running),
        }
    }

    /// Its `wl_display*`.
    pub fn display(&self) -> *mut c_void {
        self.connection.backend().display_ptr().cast()
    }

    /// Its `wl_surface*`.
    pub fn surface(&self) -> *mut c_void {
        self.surface.id().as_ptr().cast()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.is_ending.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            crate::note("the application has panicked");
        }
    }
}

fn run(state: &mut State, mut queue: EventQueue<State>, is_ending: &AtomicBool) {
    while !is_ending.load(Ordering::Acquire) {
        if queue.dispatch_pending(state).is_err() || queue.flush().is_err() {
            return;
        }
        if let Some(guard) = queue.prepare_read() {
            let tick = Timespec::try_from(TICK).expect("a short time");
            let mut fds = [PollFd::from_borrowed_fd(
                guard.connection_fd(),
                PollFlags::IN,
            )];
            if poll(&mut fds, Some(&tick)).is_ok_and(|ready| ready > 0) {
                // Another thread may have read it.
                let _read = guard.read();
            }
        }
        // What others have put into the window appears with its next commit.
        state.window.commit();
    }
}

impl State {
    fn draw(&mut self) {
        let (width, height) = self.size.expect("a window that was configured");
        let (width, height) = (width.cast_signed(), height.cast_signed());
        let (buffer, canvas) = self
            .pool
            .create_buffer(width, height, width * 4, Format::Xrgb8888)
            .expect("shared memory");
        canvas
            .chunks_exact_mut(4)
            .for_each(|pixel| pixel.copy_from_slice(&[255, 0, 0, 255]));
        let surface = self.window.wl_surface();
        buffer.attach_to(surface).expect("a fresh buffer");
        surface.damage_buffer(0, 0, width, height);
        surface.commit();
    }
}

impl WindowHandler for State {
    fn request_close(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &Window) {}

    fn configure(
        &mut self,
        _: &Connection,
        _: &QueueHandle<Self>,
        _: &Window,
        configure: WindowConfigure,
        _: u32,
    ) {
        let size = configure.new_size.0.zip(configure.new_size.1);
        self.size = Some(size.map_or((320, 240), |(width, height)| (width.get(), height.get())));
    }
}

impl CompositorHandler for State {
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

    fn frame(&mut self, _: &Connection, _: &QueueHandle<Self>, _: &WlSurface, _: u32) {}

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

smithay_client_toolkit::delegate_registry!(State);
smithay_client_toolkit::delegate_dispatch2!(State);
