use std::num::NonZeroU32;
use std::sync::Arc;

use dmabuf_heap::{FormatSet, Fourcc, FrameLayout};

use super::*;
use crate::atomic::{Rect, YuvColor};
use crate::connector::Mode;
use crate::device::Card;
use crate::plane::{Plane, PlaneKind};
use crate::property::tests::object;

const CRTC: u64 = 20;
const MODE: u64 = 77;

fn plane(id: u32, kind: PlaneKind, framebuffer: u64, crtc: u64) -> Plane {
    let found = [
        ("FB_ID", framebuffer),
        ("CRTC_ID", crtc),
        ("SRC_X", 0),
        ("SRC_Y", 0),
        ("SRC_W", 0),
        ("SRC_H", 0),
        ("CRTC_X", 0),
        ("CRTC_Y", 0),
        ("CRTC_W", 0),
        ("CRTC_H", 0),
        ("rotation", 2),
    ];
    Plane {
        id,
        kind,
        formats: FormatSet::new(),
        properties: object(id, &found),
    }
}

/// A CRTC that shows somebody's framebuffer 5 on its primary plane.
fn pipeline(is_exclusive: bool) -> Pipeline {
    Pipeline {
        name: "card0 (test) Virtual-1".into(),
        connector_name: "Virtual-1".into(),
        connector: object(10, &[("CRTC_ID", CRTC), ("DPMS", 3)]),
        crtc: object(20, &[("MODE_ID", MODE), ("ACTIVE", 1)]),
        crtc_index: 0,
        planes: vec![
            plane(30, PlaneKind::Primary, 5, CRTC),
            plane(40, PlaneKind::Overlay, 0, 0),
        ],
        writeback: None,
        mode: Mode {
            width: 1024,
            height: 768,
            refresh_millihertz: 60_000,
        },
        is_exclusive,
        wanted_plane: None,
        formats: FormatSet::new(),
        min_size: (1, 1),
        max_size: (4096, 4096),
    }
}

fn scene(plane: usize, framebuffer: u32) -> Scene {
    let null = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/null")
        .unwrap();
    let card = Arc::new(Card::new(null.into(), "test".into()));
    let layout = FrameLayout::linear(Fourcc::XRGB8888, 64, 64, 1).unwrap();
    let id = NonZeroU32::new(framebuffer).unwrap();
    let rect = Rect::new(0, 0, 64, 64);
    Scene::Picture(Picture {
        framebuffer: Arc::new(Framebuffer::new(card, id, &layout)),
        placement: Placement {
            source: rect,
            dest: rect,
            color: None,
        },
        plane,
        backdrop: false,
    })
}

/// Changes by object id and property name.
fn named(pipeline: &Pipeline, changes: &[Change]) -> Vec<(u32, String, u64)> {
    const NAMES: [&str; 16] = [
        "FB_ID",
        "CRTC_ID",
        "SRC_X",
        "SRC_Y",
        "SRC_W",
        "SRC_H",
        "CRTC_X",
        "CRTC_Y",
        "CRTC_W",
        "CRTC_H",
        "rotation",
        "alpha",
        "MODE_ID",
        "ACTIVE",
        "DPMS",
        "COLOR_RANGE",
    ];
    let name = |change: &Change| {
        let of_object = |object: &&Properties| object.object() == change.0;
        let object = pipeline.all_properties().find(of_object).unwrap();
        let name = NAMES
            .iter()
            .find(|name| object.handle(name) == Some(change.1))
            .unwrap();
        (change.0.get(), (*name).to_owned(), change.2)
    };
    let mut named: Vec<_> = changes.iter().map(name).collect();
    named.sort();
    named
}

#[test]
fn a_lit_crtc_is_left_as_it_is() {
    let pipeline = pipeline(true);
    let state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    let changes = state.changes(&pipeline, &scene(0, 9));
    assert!(!changes.modeset);
    assert!(changes.lasting.iter().all(|change| change.0.get() == 30));
}

#[test]
fn the_next_frame_of_a_kind_names_its_framebuffer_and_nothing_else() {
    let pipeline = pipeline(true);
    let mut state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    let first = state.changes(&pipeline, &scene(0, 9));
    state.applied(&first.lasting);
    let second = state.changes(&pipeline, &scene(0, 11));
    assert_eq!(
        named(&pipeline, &second.lasting),
        [(30, "FB_ID".to_owned(), 11)]
    );
}

#[test]
fn what_was_found_on_other_planes_goes_off_only_on_a_card_of_our_own() {
    for is_exclusive in [true, false] {
        let pipeline = pipeline(is_exclusive);
        let state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
        let changes = named(&pipeline, &state.changes(&pipeline, &scene(1, 9)).lasting);
        assert_eq!(changes.contains(&(30, "FB_ID".into(), 0)), is_exclusive);
        assert!(changes.contains(&(40, "FB_ID".into(), 9)));
    }
}

#[test]
fn the_plane_in_use_goes_off_when_another_takes_over() {
    let pipeline = pipeline(false);
    let mut state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    let first = state.changes(&pipeline, &scene(1, 9));
    state.applied(&first.lasting);
    let second = named(&pipeline, &state.changes(&pipeline, &scene(0, 11)).lasting);
    assert!(second.contains(&(40, "FB_ID".into(), 0)));
    assert!(second.contains(&(40, "CRTC_ID".into(), 0)));
}

#[test]
fn what_was_changed_is_put_back_and_nothing_else() {
    let pipeline = pipeline(true);
    let mut state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    assert_eq!(state.restoration(), []);
    let changes = state.changes(&pipeline, &scene(0, 9));
    state.applied(&changes.lasting);
    let back = named(&pipeline, &state.restoration());
    assert!(back.contains(&(30, "FB_ID".into(), 5)));
    assert!(back.contains(&(30, "rotation".into(), 2)));
    assert!(
        back.iter()
            .all(|(object, name, _)| *object == 30 && name != "CRTC_ID")
    );
    state.applied(&state.restoration());
    assert_eq!(state.restoration(), []);
}

#[test]
fn after_another_master_everything_is_said_again_but_no_more_put_back() {
    let pipeline = pipeline(true);
    let mut state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    let first = state.changes(&pipeline, &scene(0, 9));
    state.applied(&first.lasting);
    state.forget();
    let again = state.changes(&pipeline, &scene(0, 9));
    assert!(again.modeset);
    assert!(named(&pipeline, &again.lasting).contains(&(20, "MODE_ID".into(), MODE)));
    let back = named(&pipeline, &state.restoration());
    assert!(
        back.iter().all(|(_, name, _)| name != "DPMS"),
        "never ours to set"
    );
}

#[test]
fn darkness_frees_connector_and_mode() {
    let pipeline = pipeline(true);
    let state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    let dark = state.darkness(&pipeline);
    let named = named(&pipeline, &dark.lasting);
    for off in [
        (10, "CRTC_ID", 0),
        (20, "ACTIVE", 0),
        (20, "MODE_ID", 0),
        (30, "FB_ID", 0),
    ] {
        assert!(named.contains(&(off.0, off.1.into(), off.2)), "{off:?}");
    }
    assert!(dark.modeset);
}

#[test]
fn a_crtc_that_is_off_keeps_no_mode_and_is_lit_again_by_the_next_picture() {
    let pipeline = pipeline(true);
    let mut state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    let off = state.changes(&pipeline, &Scene::Off);
    let lighting = [
        (10, "CRTC_ID", 20),
        (20, "ACTIVE", 1),
        (20, "MODE_ID", MODE),
    ];
    let named_off = named(&pipeline, &off.lasting);
    for (object, name, _) in lighting {
        assert!(named_off.contains(&(object, name.into(), 0)), "{name}");
    }
    assert!(off.modeset);
    state.applied(&off.lasting);
    let lit = state.changes(&pipeline, &scene(0, 9));
    let named_lit = named(&pipeline, &lit.lasting);
    for (object, name, value) in lighting {
        assert!(named_lit.contains(&(object, name.into(), value)), "{name}");
    }
    assert!(lit.modeset);
}

#[test]
fn colours_are_set_where_the_plane_has_them_and_left_where_it_has_not() {
    let pipeline = pipeline(true);
    let state = AtomicState::new(&pipeline, ModeChoice::Found(MODE));
    let color = YuvColor::new(YuvEncoding::Bt709, YuvRange::Full);
    let Scene::Picture(mut picture) = scene(0, 9) else {
        unreachable!()
    };
    picture.placement = picture.placement.with_color(color);
    let changes = state.changes(&pipeline, &Scene::Picture(picture));
    let names = named(&pipeline, &changes.lasting);
    assert!(names.iter().all(|(_, name, _)| name != "COLOR_RANGE"));
}
