//! wayland-import in an application's window, on the application's connection.

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use dmabuf_heap::{Fourcc, Frame};
use dmaheap_tests::application::{Application, BLUE};
use dmaheap_tests::note;
use dmaheap_tests::picture::Rect as Area;
use dmaheap_tests::scanout::{PATIENCE, Returned, SIZE, WHOLE, frame, system};
use dmaheap_tests::weston::{Renderer, Weston};
use dmaheap_tests::window::{fitted, show};
use wayland_import::{Display, Rect, Surface};

/// A display on an application's connection.
fn join(application: &Application) -> Arc<Display> {
    #[expect(unsafe_code, reason = "takes a pointer of the application")]
    // SAFETY: it is the application's wl_display, of the one libwayland there is, and every test drops the application last.
    let display = unsafe { Display::from_foreign(application.display()) };
    display.unwrap_or_else(|error| panic!("{error}"))
}

/// A surface in an application's window.
fn lodge(application: &Application, display: &Arc<Display>, geometry: Rect) -> Surface {
    #[expect(unsafe_code, reason = "takes a pointer of the application")]
    // SAFETY: it is a wl_surface of the very connection, and every test drops the application last.
    let surface = unsafe { Surface::builder(display).build_in(application.surface(), geometry) };
    surface.unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_application_lends_a_part_of_its_window_and_moves_it() {
    let weston = Weston::start(Renderer::Gl, (640, 480));
    let application = Application::open(&weston);
    let display = join(&application);
    let surface = lodge(&application, &display, Rect::new(40, 30, SIZE.0, SIZE.1));
    assert_eq!(surface.area(), WHOLE);
    let frame = frame(&*system(), Fourcc::XRGB8888);
    show(&surface, &frame);
    let expect_in = |area: Area, black: Area| {
        let start = Instant::now();
        loop {
            let picture = weston.screenshot();
            let is_there = |x, y, color| picture.pixel(x, y) == color;
            let (right, below) = (area.x + area.width - 1, area.y + area.height - 1);
            if is_there(area.x, area.y, [255, 0, 0])
                && is_there(right, area.y, [0, 255, 0])
                && is_there(area.x, below, [0, 0, 255])
                && is_there(right, below, [255; 3])
                && is_there(
                    black.x,
                    black.y,
                    if black == area { [255, 0, 0] } else { [0; 3] },
                )
                && is_there(0, 0, BLUE)
                && is_there(639, 479, BLUE)
            {
                return;
            }
            if start.elapsed() > PATIENCE {
                picture.keep("application");
                panic!("not in {area:?}");
            }
        }
    };
    let place = |x, y, width, height| Area {
        x,
        y,
        width,
        height,
    };
    expect_in(place(40, 30, SIZE.0, SIZE.1), place(40, 30, SIZE.0, SIZE.1));
    // Wider than the picture: black at the sides.
    assert!(surface.set_geometry(Rect::new(100, 100, 480, 240)));
    assert_eq!(surface.area(), Rect::new(0, 0, 480, 240));
    surface
        .rearrange(&fitted(&surface))
        .unwrap_or_else(|error| panic!("{error}"));
    expect_in(place(180, 100, SIZE.0, SIZE.1), place(100, 100, 1, 1));
    drop(surface);
    let start = Instant::now();
    while !weston.screenshot().is_uniform() {
        assert!(start.elapsed() < PATIENCE, "it never left the window");
    }
}

#[test]
fn frames_flow_on_an_application_s_connection_and_its_end_is_told() {
    let weston = Weston::start(Renderer::Gl, SIZE);
    let application = Application::open(&weston);
    let display = join(&application);
    let surface = lodge(&application, &display, WHOLE);
    let heap = system();
    let frames: Vec<Frame> = (0..4).map(|_| frame(&*heap, Fourcc::NV12)).collect();
    let (sender, returned) = mpsc::channel();
    for number in 0..30 {
        let keep = Returned(number, sender.clone());
        surface
            .show(&frames[number % 4], &fitted(&surface), Box::new(keep))
            .unwrap_or_else(|error| panic!("{error}"));
        thread::sleep(Duration::from_millis(33));
    }
    assert!(surface.wait_idle(PATIENCE), "{:?}", surface.stats());
    assert_eq!(returned.try_iter().count(), 29);
    let (sender, ended) = mpsc::channel();
    display.on_lost(Box::new(move |error| drop(sender.send(error))));
    weston.kill();
    let killed = Instant::now();
    let error = ended.recv_timeout(PATIENCE).expect("the end is told");
    note(error);
    assert!(
        killed.elapsed() < Duration::from_secs(5),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(returned.recv_timeout(PATIENCE), Ok(29));
}
