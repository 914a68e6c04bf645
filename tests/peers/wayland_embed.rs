//! The sink in the window of an application: `embed`, an example of the plugin, made with smithay-client-toolkit.

use std::io::{PipeWriter, Write as _};
use std::time::Duration;

use dmaheap_tests::command::{Run, Running};
use dmaheap_tests::picture::{Picture, Rect};
use dmaheap_tests::weston::{Renderer, Weston};
use dmaheap_tests::{census, note, wait};

const WINDOW: (u32, u32) = (640, 360);
const PICTURE: (u32, u32) = (320, 180);
/// What the application draws around the picture.
const AROUND: [u8; 3] = [0x20, 0x40, 0x80];
const PATIENCE: Duration = Duration::from_secs(40);

/// A picture that does not change, in a format that needs no interpolation of chroma.
fn source() -> String {
    let (width, height) = PICTURE;
    format!(
        "videotestsrc is-live=true pattern=smpte75 ! video/x-raw,format=BGRx,width={width},height={height},framerate=10/1"
    )
}

/// The application, and its input.
fn embed(weston: &Weston) -> (Running, PipeWriter) {
    let (input, writer) = std::io::pipe().expect("a pipe");
    let pipeline = format!("{} ! dmaheapwaylandsink zero-copy=required", source());
    let run = Run::new("embed")
        .args(pipeline.split_whitespace())
        .stdin(input)
        .limit(Duration::from_mins(2));
    (weston.client(run).start(), writer)
}

fn is_around(picture: &Picture, inside: Rect) -> bool {
    let is_outside = |x: u32, y: u32| {
        !(inside.x..inside.x + inside.width).contains(&x)
            || !(inside.y..inside.y + inside.height).contains(&y)
    };
    let pixels = (0..picture.height()).flat_map(|y| (0..picture.width()).map(move |x| (x, y)));
    pixels
        .filter(|&(x, y)| is_outside(x, y))
        .all(|(x, y)| picture.pixel(x, y) == AROUND)
}

/// Waits until the window shows the picture there and itself around it.
#[track_caller]
fn expect_at(weston: &Weston, running: &Running, reference: &Picture, rect: Rect) {
    let mut last = None;
    let is_there = wait::until(PATIENCE, || {
        assert!(!running.has_ended(), "{}", running.output());
        let shown = weston.screenshot();
        let difference = shown.crop(rect).difference(reference, &[]);
        let is_right = difference.is_within(3, 1.0) && is_around(&shown, rect);
        last = Some((shown, difference));
        is_right.then_some(())
    });
    if let (None, Some((shown, difference))) = (is_there, last) {
        shown.keep("embedded");
        panic!("not at {rect:?}: {difference:?}\n{}", running.output());
    }
    note(format!("at {rect:?}"));
}

#[test]
fn an_application_hands_its_window_over_and_moves_the_picture_while_it_plays() {
    let weston = Weston::start(Renderer::Gl, WINDOW);
    let before = census::dmabufs();
    let reference = Picture::by_videoconvert(&source(), 1, PICTURE.0, PICTURE.1);
    let (running, mut input) = embed(&weston);
    let mut place = |rect: Rect| {
        let Rect {
            x,
            y,
            width,
            height,
        } = rect;
        writeln!(input, "{x} {y} {width} {height}").expect("the application reads");
    };
    for (x, y) in [(0, 0), (320, 180), (100, 50)] {
        let rect = Rect {
            x,
            y,
            width: PICTURE.0,
            height: PICTURE.1,
        };
        place(rect);
        expect_at(&weston, &running, &reference, rect);
    }
    let whole = Rect {
        x: 0,
        y: 0,
        width: WINDOW.0,
        height: WINDOW.1,
    };
    place(whole);
    let covers = wait::until(PATIENCE, || {
        let shown = weston.screenshot();
        let corners = [
            (0, 0),
            (WINDOW.0 - 1, 0),
            (0, WINDOW.1 - 1),
            (WINDOW.0 - 1, WINDOW.1 - 1),
        ];
        let is_covered = |&(x, y): &(u32, u32)| shown.pixel(x, y) != AROUND;
        corners.iter().all(is_covered).then_some(())
    });
    assert!(covers.is_some(), "the picture does not grow to {whole:?}");
    drop(input);
    running.finish().expect_success();
    let gone = wait::until(PATIENCE, || (census::dmabufs() == before).then_some(()));
    assert!(gone.is_some(), "{before:?} → {:?}", census::dmabufs());
}
