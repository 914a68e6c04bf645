//! Pictures that the peer `videocrop` leaves where they are, for whoever reads them to cut out (`GstVideoCropMeta`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dmaheap_tests::account::Account;
use dmaheap_tests::note;
use dmaheap_tests::player::Player;
use dmaheap_tests::raw;
use dmaheap_tests::vivid::{OsdText, Pattern, Vivid};
use gst::prelude::*;

const CROP: &str = "videocrop name=crop top=8 left=16 right=32 bottom=4";

fn caps(format: &str) -> String {
    format!("video/x-raw,format={format},width=320,height=240,framerate=15/1")
}

/// How many pictures come to `convert` with a part of them named.
#[track_caller]
fn count_parts(player: &Player) -> Arc<AtomicU64> {
    let parts = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&parts);
    let pad = player.element("convert").static_pad("sink").expect("a pad");
    pad.add_probe(gst::PadProbeType::BUFFER, move |_pad, info| {
        let crop = info
            .buffer()
            .and_then(|it| it.meta::<gst_video::VideoCropMeta>());
        counted.fetch_add(crop.map_or(0, |_part| 1), Ordering::Relaxed);
        gst::PadProbeReturn::Ok
    });
    parts
}

/// What the element makes of the camera behind `videocrop`; `between` stands between these two.
#[track_caller]
fn made(
    vivid: &Vivid,
    formats: [&str; 2],
    between: &str,
    properties: &str,
) -> (Vec<u8>, u64, Account) {
    let [from, to] = formats;
    let player = Player::launch(&format!(
        "{} name=camera ! {} ! {CROP} ! {between} dmaheapconvert name=convert {properties} ! \
         video/x-raw,format={to} ! fakesink name=end",
        vivid.own_source(),
        caps(from)
    ));
    let parts = count_parts(&player);
    player.play();
    player.wait_frames(5);
    let sample = player
        .element("end")
        .property::<Option<gst::Sample>>("last-sample");
    let sample = sample.expect("a picture");
    let left = sample
        .buffer()
        .and_then(gst::BufferRef::meta::<gst_video::VideoCropMeta>);
    assert!(
        left.is_none(),
        "what is cut out has no part left to cut out"
    );
    let account = Account::of(&player, "convert");
    (raw::bytes(&sample), parts.load(Ordering::Relaxed), account)
}

#[test]
fn the_part_that_a_peer_names_is_what_comes_out_without_a_copy() {
    let vivid = Vivid::find();
    vivid.show(Pattern::ColorSquares, OsdText::None);
    for (formats, properties) in [
        (["BGRx", "BGRx"], "backend=cpu video-direction=90r"),
        (["NV12", "BGRx"], "backend=cpu video-direction=180 left=2"),
        (["YUY2", "NV12"], "backend=cpu"),
    ] {
        let (named, parts, account) = made(&vivid, formats, "", properties);
        note(format!(
            "{formats:?}, {properties}: {parts} parts, {account:?}"
        ));
        assert!(parts >= 5, "{parts} pictures had a part named");
        assert_eq!(account.count("copies"), 0, "{account:?}");
        // Who does not answer what metas it reads gets pictures that are cut.
        let between = "identity drop-allocation=true !";
        let (cut, parts, _account) = made(&vivid, formats, between, properties);
        assert_eq!(parts, 0, "the peer has cut nothing");
        assert!(
            named == cut,
            "{formats:?}, {properties}: {:.1} dB",
            raw::psnr(&named, &cut)
        );
    }
}

#[test]
fn ordinary_memory_is_cut_out_too() {
    let source = format!(
        "videotestsrc num-buffers=2 pattern=smpte ! {} ! {CROP}",
        caps("BGRx")
    );
    let turned = "video-direction=90r";
    let ours = raw::last(&format!("{source} ! dmaheapconvert backend=cpu {turned}"));
    let peers = raw::last(&format!("{source} ! videoflip {turned}"));
    assert!(ours == peers, "{:.1} dB", raw::psnr(&ours, &peers));
}

/// vim2m reads whole pictures only.
#[test]
fn a_device_that_reads_no_parts_leaves_them_to_the_cpu() {
    let vivid = Vivid::find();
    vivid.show(Pattern::Colorbar75, OsdText::None);
    let formats = ["RGB", "RGB16"];
    let (_picture, parts, account) = made(&vivid, formats, "", "");
    assert!(parts >= 5, "{parts} pictures had a part named");
    assert_eq!(account.text("backend"), "the CPU", "{account:?}");
    assert!(
        account.text("backend-reason").contains("vim2m"),
        "{account:?}"
    );
    assert_eq!(
        account.counts(["copies", "fallbacks"]),
        [0, 0],
        "{account:?}"
    );

    let failure = Player::launch(&format!(
        "{} ! {} ! {CROP} ! dmaheapconvert backend=m2m ! video/x-raw,format=RGB16 ! fakesink",
        vivid.own_source(),
        caps("RGB")
    ))
    .play_to_failure();
    let text = failure.text();
    for part in ["vim2m", "the part 272x228+16+8"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}
