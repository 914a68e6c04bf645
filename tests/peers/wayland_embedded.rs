//! An application's window with a video in it: the example of gst-plugin, a process of its own, on an unmodified compositor.

use std::collections::BTreeMap;
use std::env;
use std::time::{Duration, Instant};

use dmaheap_tests::caps::{NV12, Naming};
use dmaheap_tests::census::Census;
use dmaheap_tests::command::{Outcome, Run, Running};
use dmaheap_tests::picture::Picture;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use dmaheap_tests::weston::{Renderer, Weston};
use dmaheap_tests::{census, note, wait};

/// The output, and so the window: the shell gives every window all of it.
const OUTPUT: (u32, u32) = (640, 360);
const VIDEO: (u32, u32) = (320, 180);
const BLUE: [u8; 3] = [0x1e, 0x3a, 0x5f];
const GREEN: [u8; 3] = [0x20, 0x80, 0x40];

/// How long the application may take to do what it is told, or the compositor to show it.
const CHANGE: Duration = Duration::from_secs(30);

/// The figure under `--soak`; enough to see a leak otherwise.
fn restarts() -> usize {
    if env::var_os("DMAHEAP_SOAK").is_some() {
        50
    } else {
        4
    }
}

/// A camera whose frames stay in the memory that the compositor reads, or the sink ends with an error.
fn pipeline(vivid: &Vivid) -> String {
    let (source, caps) = (vivid.source(), NV12.caps(Naming::Plain, VIDEO));
    format!(
        "{source} io-mode=dmabuf-import ! {caps} ! dmaheapwaylandsink name=sink zero-copy=required"
    )
}

/// The camera's picture, as a peer converts it.
#[track_caller]
fn reference(vivid: &Vivid, pattern: Pattern) -> Picture {
    vivid.show(pattern, OsdText::None);
    let source = format!("{} ! {}", vivid.source(), NV12.caps(Naming::Plain, VIDEO));
    Picture::by_videoconvert(&source, 1, VIDEO.0, VIDEO.1)
}

/// The example, while it runs.
struct Application(Running);

impl Application {
    #[track_caller]
    fn start(weston: &Weston, pipeline: &str) -> Application {
        let run = Run::new("embed_wayland").args(["--background", "1e3a5f"]);
        Application::of(weston.client(run.arg(pipeline)))
    }

    #[track_caller]
    fn of(run: Run) -> Application {
        let application = Application(run.listening().limit(Duration::from_mins(2)).start());
        application.wait_for("playing", 1);
        application
    }

    /// Says what to do, and waits until it is done.
    #[track_caller]
    fn tell(&self, command: &str) {
        let reply = format!("done: {command}");
        let before = self.said(&reply);
        self.0.tell(command);
        self.wait_for(&reply, before + 1);
    }

    /// Has it start the stream again.
    #[track_caller]
    fn play(&self, command: &str) {
        let before = self.said("playing");
        self.tell(command);
        self.wait_for("playing", before + 1);
    }

    /// What the sink counts.
    #[track_caller]
    fn stats(&self) -> BTreeMap<String, u64> {
        let replies = || {
            let output = self.0.output();
            let lines = output.lines().filter(|line| line.contains("shown="));
            lines.map(ToOwned::to_owned).collect::<Vec<_>>()
        };
        let before = replies().len();
        self.0.tell("stats");
        let line = wait::until(CHANGE, || replies().get(before).cloned());
        let line = line.unwrap_or_else(|| panic!("no statistics: {}", self.0.output()));
        let field = |word: &str| {
            let (name, number) = word.split_once('=')?;
            Some((name.to_owned(), number.parse().ok()?))
        };
        line.split_whitespace().filter_map(field).collect()
    }

    /// Waits until so many more frames have been seen on the output.
    #[track_caller]
    fn wait_frames(&self, count: u64) {
        let before = self.stats()["shown"];
        let shown = wait::until(CHANGE, || {
            (self.stats()["shown"] >= before + count).then_some(())
        });
        assert!(shown.is_some(), "{:?}", self.stats());
    }

    /// The files that it has open, once it holds no dma-buf any more.
    #[track_caller]
    fn files_without_frames(&self) -> BTreeMap<String, usize> {
        let now = || Census::take_of(self.0.pid());
        let is_dmabuf = |file: &String| file.starts_with("/dmabuf:");
        let files = wait::until(CHANGE, || {
            let Census {
                files, mappings, ..
            } = now();
            (mappings == 0 && !files.keys().any(is_dmabuf)).then_some(files)
        });
        files.unwrap_or_else(|| panic!("{:?}: {:?}", now(), census::holders()))
    }

    #[track_caller]
    fn quit(self) -> Outcome {
        self.tell("quit");
        self.0.finish().expect_success()
    }

    #[track_caller]
    fn wait_for(&self, line: &str, count: usize) {
        let said = wait::until(CHANGE, || {
            assert!(!self.0.has_ended(), "{}", self.0.output());
            (self.said(line) >= count).then_some(())
        });
        assert!(said.is_some(), "not '{line}': {}", self.0.output());
    }

    fn said(&self, wanted: &str) -> usize {
        let output = self.0.output();
        output.lines().filter(|line| *line == wanted).count()
    }
}

/// Waits until the output shows just this, within what a renderer rounds.
#[track_caller]
fn expect_shown(weston: &Weston, expected: &Picture, name: &str) {
    let mut last = None;
    let matched = wait::until(CHANGE, || {
        let shown = weston.screenshot();
        let difference = shown.difference(expected, &[]);
        let is_right = difference.is_within(3, 2.0);
        last = Some((shown, difference));
        is_right.then_some(())
    });
    let (shown, difference) = last.expect("one screenshot at least");
    note(format!("{name}: {difference:?}"));
    if matched.is_none() {
        shown.keep(&format!("embedded-{name}"));
        panic!("{name}: {difference:?}");
    }
}

fn window(color: [u8; 3]) -> Picture {
    Picture::filled(OUTPUT.0, OUTPUT.1, color)
}

#[test]
fn the_video_follows_the_application_while_it_plays() {
    let vivid = Vivid::find();
    let video = reference(&vivid, Pattern::Colorbar75);
    let weston = Weston::start(Renderer::Gl, OUTPUT);
    let application = Application::start(&weston, &pipeline(&vivid));

    application.tell("size 320x180 at 40,60");
    expect_shown(&weston, &window(BLUE).with(&video, 40, 60), "first");
    application.wait_frames(10);

    application.tell("size 320x180 at 300,150");
    expect_shown(&weston, &window(BLUE).with(&video, 300, 150), "moved");

    // Another shape than the video's: what is left of the rectangle is black.
    application.tell("size 320x240 at 100,100");
    let black = Picture::filled(320, 240, [0; 3]);
    let expected = window(BLUE).with(&black, 100, 100).with(&video, 100, 130);
    expect_shown(&weston, &expected, "resized");

    // Its own part, while the video plays.
    application.tell("background 208040");
    let expected = window(GREEN).with(&black, 100, 100).with(&video, 100, 130);
    expect_shown(&weston, &expected, "redrawn");

    // Partly outside of the output.
    application.tell("size 320x180 at 500,300");
    expect_shown(&weston, &window(GREEN).with(&video, 500, 300), "cut");
    application.wait_frames(10);

    let stats = application.stats();
    note(format!("{stats:?}"));
    assert_eq!((stats["copies"], stats["foreign"]), (0, 0), "{stats:?}");
    // A frame on its way is counted as one, and not yet as imported.
    let under_way = stats["frames"] - stats["imported"];
    assert!(under_way <= 1, "{stats:?}");
    application.quit();
}

/// The rectangle that the application chose by itself when the window got its size: three quarters of it.
#[test]
fn a_scaled_video_fills_its_rectangle_and_nothing_else() {
    let vivid = Vivid::find();
    let red = reference(&vivid, Pattern::Red);
    assert!(red.is_uniform());
    let red = |width, height| Picture::filled(width, height, red.pixel(0, 0));
    let weston = Weston::start(Renderer::Gl, OUTPUT);
    let application = Application::start(&weston, &pipeline(&vivid));
    let expected = window(BLUE).with(&red(480, 270), 80, 45);
    expect_shown(&weston, &expected, "chosen");
    application.tell("size 160x90 at 7,9");
    expect_shown(&weston, &window(BLUE).with(&red(160, 90), 7, 9), "small");
    application.tell("size 640x360 at 0,0");
    expect_shown(&weston, &red(640, 360), "whole");
    application.quit();
}

#[test]
fn surface_and_connection_live_on_after_the_sink_and_nothing_is_left() {
    let vivid = Vivid::find();
    let video = reference(&vivid, Pattern::Colorbar75);
    let before = Census::take();
    let weston = Weston::start(Renderer::Gl, OUTPUT);
    let run = Run::new("embed_wayland").args(["--background", "1e3a5f"]);
    let run = weston.client(run.arg(pipeline(&vivid)));
    // libwayland's own account of every object.
    let application = Application::of(run.env("WAYLAND_DEBUG", "client"));
    application.tell("size 320x180 at 40,60");
    let mut counts = Vec::new();
    for turn in 0..restarts() {
        expect_shown(&weston, &window(BLUE).with(&video, 40, 60), "playing");
        application.tell("stop");
        expect_shown(&weston, &window(BLUE), "stopped");
        application.tell("background 208040");
        expect_shown(&weston, &window(GREEN), "drawn again");
        application.tell("background 1e3a5f");
        let files = application.files_without_frames();
        counts.push((files, highest_id(&application)));
        note(format!("{turn}: {} objects", counts[turn].1));
        application.play("play");
    }
    let outcome = application.quit();
    // The first turn opens what stays open.
    let (first, last) = (&counts[1], &counts[counts.len() - 1]);
    assert_eq!(first.0, last.0);
    note(format!("objects: {} → {}", first.1, last.1));
    assert!(
        !outcome.stderr.contains("still attached"),
        "{}",
        outcome.describe()
    );
    // The compositor's renderer keeps mapped what it drew last.
    drop(weston);
    before.expect_released();
}

/// Objects that the compositor makes have numbers from here.
const OF_THE_COMPOSITOR: u32 = 0xff00_0000;

/// The highest number that an object of the connection ever had: numbers of destroyed objects are used again.
fn highest_id(application: &Application) -> u32 {
    let output = application.0.output();
    let created = |line: &str| {
        let (_request, object) = line.split_once("new id ")?;
        let digits = object.split_once(['#', '@'])?.1;
        let end = digits.find(|it: char| !it.is_ascii_digit())?;
        let number = digits[..end].parse().ok()?;
        (number < OF_THE_COMPOSITOR).then_some(number)
    };
    output.lines().filter_map(created).max().unwrap_or(0)
}

#[test]
fn a_new_window_takes_over_after_one_that_was_destroyed() {
    let vivid = Vivid::find();
    let video = reference(&vivid, Pattern::Colorbar75);
    let weston = Weston::start(Renderer::Gl, OUTPUT);
    let application = Application::start(&weston, &pipeline(&vivid));
    application.tell("size 320x180 at 40,60");
    // In order, and under the playing sink.
    for end in ["hide", "drop"] {
        expect_shown(&weston, &window(BLUE).with(&video, 40, 60), end);
        application.tell(end);
        weston.wait_bare();
        application.play("show");
    }
    expect_shown(&weston, &window(BLUE).with(&video, 40, 60), "shown again");
    application.wait_frames(10);
    application.quit();
}

#[test]
fn an_application_hears_that_its_compositor_died() {
    let vivid = Vivid::find();
    let video = reference(&vivid, Pattern::Colorbar75);
    let before = Census::take();
    let weston = Weston::start(Renderer::Gl, OUTPUT);
    let application = Application::start(&weston, &pipeline(&vivid));
    application.tell("size 320x180 at 40,60");
    expect_shown(&weston, &window(BLUE).with(&video, 40, 60), "alive");
    weston.kill();
    let killed = Instant::now();
    let outcome = application.0.finish().expect_failure();
    let elapsed = killed.elapsed();
    note(outcome.describe());
    assert!(
        outcome.stderr.contains("the window is lost"),
        "{}",
        outcome.describe()
    );
    assert!(
        !outcome.stderr.contains("panicked"),
        "{}",
        outcome.describe()
    );
    assert!(elapsed < Duration::from_secs(10), "{elapsed:?}");
    before.expect_released();
}

#[test]
fn without_a_compositor_or_a_sink_the_application_says_so() {
    let directory = tempfile::tempdir().expect("a directory without a socket");
    let run = |pipeline: &str| Run::new("embed_wayland").arg(pipeline).listening();
    let outcome = run("videotestsrc ! dmaheapwaylandsink name=sink")
        .env("XDG_RUNTIME_DIR", directory.path())
        .env("WAYLAND_DISPLAY", "nobody")
        .finish()
        .expect_failure();
    assert!(
        outcome.stderr.contains("WAYLAND_DISPLAY"),
        "{}",
        outcome.describe()
    );
    let weston = Weston::start(Renderer::Pixman, VIDEO);
    for (pipeline, word) in [
        ("videotestsrc ! dmaheapwaylandsink", "name=sink"),
        ("videotestsrc ! fakesink name=sink", "GstFakeSink"),
        ("videotestsrc ! nosuchsink name=sink", "nosuchsink"),
    ] {
        let outcome = weston.client(run(pipeline)).finish().expect_failure();
        assert!(outcome.stderr.contains(word), "{}", outcome.describe());
        assert!(
            !outcome.stderr.contains("panicked"),
            "{}",
            outcome.describe()
        );
    }
}
