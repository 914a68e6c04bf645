//! A compositor in this process that does as the test says. It is here for logic; what compositors really do is shown in the
//! guest.
#![allow(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod dmabuf;
mod protocol;
mod surface;

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use dmabuf_heap::{DmaBuf, Format, Fourcc, Frame, FrameLayout};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use wayland_import::Display;
use wayland_server::Resource;
use wayland_server::backend::ObjectId;
use wayland_server::protocol::wl_buffer::WlBuffer;
use wayland_server::protocol::wl_callback::WlCallback;
use wayland_server::protocol::wl_keyboard::WlKeyboard;
use wayland_server::protocol::wl_pointer::WlPointer;
use wayland_server::protocol::wl_seat::WlSeat;
use wayland_server::protocol::wl_surface::WlSurface;

/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What the compositor is like.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a habit of its own")]
pub(crate) struct Config {
    /// 0 for none.
    pub(crate) dmabuf_version: u32,
    pub(crate) formats: Vec<Format>,
    pub(crate) table: Table,
    pub(crate) has_viewporter: bool,
    pub(crate) clock: Option<u32>,
    /// Coefficients and range, as numbers of the protocol.
    pub(crate) colors: Vec<(u32, u32)>,
    pub(crate) import: Import,
    /// Whether callbacks come at once, or when the test says.
    pub(crate) calls_back: bool,
    pub(crate) releases: bool,
    pub(crate) has_windows: bool,
    /// Whether every global can be given back.
    pub(crate) is_recent: bool,
}

/// The file of the format table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    Good,
    /// Shorter than announced.
    Short,
    /// No formats at all, and indices beyond it.
    Garbage,
}

/// What becomes of imports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Import {
    Accepted,
    Failed,
    Unanswered,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            dmabuf_version: 4,
            formats: vec![
                Format::linear(Fourcc::XRGB8888),
                Format::linear(Fourcc::NV12),
            ],
            table: Table::Good,
            has_viewporter: true,
            clock: Some(1),
            colors: Vec::new(),
            import: Import::Accepted,
            calls_back: true,
            releases: true,
            has_windows: true,
            is_recent: true,
        }
    }
}

/// What the client did.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Seen {
    /// `create`
    Asked,
    /// `create_immed`
    Trusted,
    BufferDestroyed,
    /// A commit of a surface with a new buffer.
    Shown {
        surface: u32,
        buffer: u32,
    },
    /// A commit with a null buffer.
    Blanked,
    Source(f64, f64, f64, f64),
    Destination(i32, i32),
    Position(i32, i32),
    /// A commit with this `wl_output.transform`.
    Turned {
        transform: u32,
        has_buffer: bool,
    },
    Color {
        coefficients: u32,
        range: u32,
    },
    ChromaLocation(u32),
    ColorForgotten,
}

enum Order {
    CallBack,
    Configure(i32, i32),
    UseWindow(f64, f64),
    Plug(bool),
    Close,
    /// The default feedback once more, without its table: these indices.
    Feedback(Vec<u16>),
    Import(Import),
    Release,
    Die,
    /// A protocol error on the last surface.
    Err(u32, &'static str),
    /// The interfaces of the client's objects.
    Objects(mpsc::Sender<Vec<&'static str>>),
}

/// The running compositor.
pub(crate) struct Fake {
    orders: SyncSender<Order>,
    log: Arc<Log>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Seen>>,
    changed: Condvar,
}

/// The compositor's side of things.
pub(crate) struct State {
    config: Config,
    log: Arc<Log>,
    callbacks: Vec<WlCallback>,
    toplevels: Vec<protocol::Toplevel>,
    feedbacks: Vec<dmabuf::Feedback>,
    /// Buffers that were replaced and not released.
    unreleased: Vec<WlBuffer>,
    last_surface: Option<WlSurface>,
    seats: Vec<WlSeat>,
    pointers: Vec<WlPointer>,
    keyboards: Vec<WlKeyboard>,
    has_devices: bool,
    serial: u32,
}

impl Fake {
    pub(crate) fn start(config: Config) -> (Fake, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        // Whoever gives an order goes on when it is taken, which is before anything that he asks for then.
        let (orders, received) = mpsc::sync_channel(0);
        let log = Arc::new(Log::default());
        let state = State {
            config,
            log: Arc::clone(&log),
            callbacks: Vec::new(),
            toplevels: Vec::new(),
            feedbacks: Vec::new(),
            unreleased: Vec::new(),
            last_surface: None,
            seats: Vec::new(),
            pointers: Vec::new(),
            keyboards: Vec::new(),
            has_devices: true,
            serial: 0,
        };
        let thread = std::thread::spawn(move || run(state, ours, &received));
        let fake = Fake {
            orders,
            log,
            thread: Some(thread),
        };
        (fake, theirs)
    }

    /// A compositor and a connection to it.
    pub(crate) fn connected(config: Config) -> (Fake, Arc<Display>) {
        let (fake, socket) = Fake::start(config);
        (fake, Display::from_socket(socket, "fake").unwrap())
    }

    pub(crate) fn call_back(&self) {
        self.order(Order::CallBack);
    }

    pub(crate) fn configure(&self, width: i32, height: i32) {
        self.order(Order::Configure(width, height));
    }

    /// Points, clicks, scrolls and types.
    pub(crate) fn use_window(&self, x: f64, y: f64) {
        self.order(Order::UseWindow(x, y));
    }

    /// Takes pointer and keyboard away, or gives new ones.
    pub(crate) fn plug(&self, are_there: bool) {
        self.order(Order::Plug(are_there));
    }

    pub(crate) fn close_window(&self) {
        self.order(Order::Close);
    }

    pub(crate) fn feedback_again(&self, indices: &[u16]) {
        self.order(Order::Feedback(indices.to_vec()));
    }

    pub(crate) fn set_import(&self, import: Import) {
        self.order(Order::Import(import));
    }

    pub(crate) fn release_everything(&self) {
        self.order(Order::Release);
    }

    pub(crate) fn die(&self) {
        self.order(Order::Die);
    }

    pub(crate) fn protocol_error(&self, code: u32, message: &'static str) {
        self.order(Order::Err(code, message));
    }

    /// Waits until the client has done so many things that `is_meant` means.
    pub(crate) fn wait_for(&self, count: usize, is_meant: impl Fn(&Seen) -> bool) {
        let seen = self.log.seen.lock().unwrap();
        let few = |seen: &mut Vec<Seen>| seen.iter().filter(|seen| is_meant(seen)).count() < count;
        let (seen, waited) = self
            .log
            .changed
            .wait_timeout_while(seen, PATIENCE, few)
            .unwrap();
        assert!(!waited.timed_out(), "only this was seen: {seen:?}");
    }

    pub(crate) fn count(&self, is_meant: impl Fn(&Seen) -> bool) -> usize {
        let seen = self.log.seen.lock().unwrap();
        seen.iter().filter(|seen| is_meant(seen)).count()
    }

    /// The interfaces of all objects that the client has, in alphabetical order.
    pub(crate) fn objects(&self) -> Vec<&'static str> {
        let (sender, objects) = mpsc::channel();
        self.order(Order::Objects(sender));
        objects.recv_timeout(PATIENCE).unwrap()
    }

    fn order(&self, order: Order) {
        // After its death it takes none.
        let _taken = self.orders.send(order);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.die();
        if let Some(thread) = self.thread.take() {
            thread
                .join()
                .expect("the compositor of the test does not panic");
        }
    }
}

impl State {
    fn note(&self, seen: Seen) {
        self.log.seen.lock().unwrap().push(seen);
        self.log.changed.notify_all();
    }

    fn next_serial(&mut self) -> u32 {
        self.serial += 1;
        self.serial
    }
}

fn run(mut state: State, socket: UnixStream, orders: &Receiver<Order>) {
    let mut display = wayland_server::Display::<State>::new().unwrap();
    let mut handle = display.handle();
    protocol::announce(&handle, &state.config);
    let client = handle.insert_client(socket, Arc::new(())).unwrap();
    loop {
        while let Ok(order) = orders.try_recv() {
            match order {
                Order::CallBack => surface::call_back(&mut state),
                Order::Configure(width, height) => protocol::configure(&mut state, (width, height)),
                Order::UseWindow(x, y) => protocol::use_window(&mut state, (x, y)),
                Order::Plug(are_there) => protocol::plug(&mut state, are_there),
                Order::Close => state.toplevels.iter().for_each(protocol::Toplevel::close),
                Order::Feedback(indices) => dmabuf::send_again(&state, &indices),
                Order::Import(import) => state.config.import = import,
                Order::Release => state
                    .unreleased
                    .drain(..)
                    .for_each(|buffer| buffer.release()),
                Order::Err(code, message) => {
                    let surface = state.last_surface.as_ref().unwrap();
                    surface.post_error(code, message);
                }
                Order::Objects(sender) => {
                    let mut objects = Vec::new();
                    let note = |id: ObjectId| objects.push(id.interface().name);
                    let backend = handle.backend_handle();
                    backend.with_all_objects_for(client.id(), note).unwrap();
                    objects.sort_unstable();
                    // Who has lost patience has failed.
                    let _heard = sender.send(objects);
                }
                Order::Die => return,
            }
        }
        display.dispatch_clients(&mut state).unwrap();
        // A client that has left is no matter of ours.
        let _sent = display.flush_clients();
        let socket = display.backend().poll_fd();
        let mut fds = [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::IN)];
        let tick = Timespec {
            tv_sec: 0,
            tv_nsec: 2_000_000,
        };
        let _ready = poll(&mut fds, Some(&tick));
    }
}

/// A frame in memory that passes for a dma-buf.
pub(crate) fn frame(fourcc: Fourcc, width: u32, height: u32) -> Frame {
    let layout = FrameLayout::linear(fourcc, width, height, 1).unwrap();
    let memory = Arc::new(DmaBuf::stand_in(layout.size()).unwrap());
    Frame::new(layout, &[memory]).unwrap()
}
