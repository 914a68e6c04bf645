//! Two cameras, one of which wants contiguous memory, and what proves that each got its own.

use std::collections::BTreeSet;
use std::fs;

use crate::account::Account;
use crate::caps::{NV12, Naming};
use crate::device::{self, Card};
use crate::picture::Picture;
use crate::player::Player;
use crate::trace::{Recorder, Trace};
use crate::vivid::{OsdText, Pattern, Vivid};
use crate::{note, vkms};

/// Width and height of a frame.
pub const SIZE: (u32, u32) = (640, 360);
/// Contiguous memory.
pub const CONTIGUOUS: &str = "default_cma_region";
/// Scattered memory.
pub const SCATTERED: &str = "system";

/// Frames to look at; the first ones belong to set-up.
const FRAMES: u64 = 16;
const SETTLED: usize = 6;
/// Frames that a sink has counted when a picture is looked at; it counts none of those that reach it late.
const SHOWN: u64 = 3;

/// A camera, and the memory that suits it best.
#[derive(Debug)]
pub struct Camera {
    /// The device.
    pub vivid: Vivid,
    /// The heap that serves it where nobody names one.
    pub heap: &'static str,
    pattern: Pattern,
}

/// Both cameras of the machine, by their numbers. What each wants is a parameter of its driver, which only tests may read.
#[track_caller]
pub fn cameras() -> [Camera; 2] {
    let allocators = fs::read_to_string("/sys/module/vivid/parameters/allocators");
    let allocators = allocators.expect("vivid has this parameter");
    let wants: Vec<_> = allocators.trim().split(',').collect();
    assert!(
        matches!(wants[..2], ["0", "1"] | ["1", "0"]),
        "one camera of each kind: {allocators}"
    );
    [(0, Pattern::Colorbar75), (1, Pattern::ColorSquares)].map(|(instance, pattern)| {
        let vivid = Vivid::find_instance(instance);
        vivid.show(pattern, OsdText::None);
        let heap = if wants[instance as usize] == "1" {
            CONTIGUOUS
        } else {
            SCATTERED
        };
        Camera {
            vivid,
            heap,
            pattern,
        }
    })
}

/// Both cards of the machine.
#[track_caller]
pub fn cards() -> [Card; 2] {
    device::cards("vkms")
        .try_into()
        .unwrap_or_else(|cards| panic!("two vkms cards: {cards:?}"))
}

/// Our sink on that card, called `sink`.
pub fn sink_on(card: &Card) -> String {
    sink_called("sink", card)
}

/// Our sink of that name on that card.
pub fn sink_called(name: &str, card: &Card) -> String {
    format!("dmaheapkmssink name={name} device={}", card.node.display())
}

impl Camera {
    /// The head of a pipeline that takes the memory of its peer.
    pub fn importing(&self) -> String {
        let caps = NV12.caps(Naming::DmaDrm, SIZE);
        format!("{} io-mode=dmabuf-import ! {caps}", self.vivid.source())
    }

    /// What its frames must look like. Nobody may be capturing.
    #[track_caller]
    pub fn reference(&self) -> Picture {
        let caps = NV12.caps(Naming::Plain, SIZE);
        Picture::by_videoconvert(
            &format!("{} ! {caps}", self.vivid.source()),
            1,
            SIZE.0,
            SIZE.1,
        )
    }

    /// Plays `rest` behind the camera, and returns while it plays, with the kernel's account of the frames in between.
    #[track_caller]
    pub fn play(&self, rest: &str) -> (Player, Trace) {
        let player = Player::launch(&format!("{} ! {rest}", self.importing()));
        let recorder = Recorder::start();
        player.play();
        player.wait_frames(FRAMES);
        let trace = recorder.finish().of_process(std::process::id());
        let last = trace.frames();
        (player, trace.between_frames(SETTLED, last))
    }

    /// By the kernel's account, this camera wrote into its own kind of memory, which displays read and nobody mapped.
    #[track_caller]
    pub fn expect_own_memory(&self, trace: &Trace) {
        let exporters = trace.queued_from();
        assert_eq!(
            exporters,
            BTreeSet::from([self.heap.to_owned()]),
            "memory that was queued at {}",
            self.vivid.node()
        );
        assert!(trace.mapped().is_empty(), "somebody maps frames");
    }

    /// By the element's account, all frames are in this camera's own kind of memory, and none was copied.
    #[track_caller]
    pub fn expect_chosen(&self, player: &Player, factory: &str) {
        player.wait_counted(factory, 5);
        let story = player.text(factory, "negotiation");
        note(&story);
        assert_eq!(player.text(factory, "allocator"), self.heap, "{story}");
        let camera = self.vivid.node();
        assert!(story.contains(&camera), "{camera} was asked: {story}");
        let counts = player.stats(factory, ["copies", "foreign", "bytes-copied"]);
        assert_eq!(counts, [0; 3], "copies, foreign frames, bytes");
    }

    /// The display of the sink called `name` shows what the camera sees.
    #[track_caller]
    pub fn expect_on_screen(&self, player: &Player, name: &str, reference: &Picture) {
        Account::wait(player, name, "frames", SHOWN);
        let screen = player.snapshot_of(name);
        let shown = screen.crop(vkms::centred(SIZE.0, SIZE.1));
        let difference = shown.difference(reference, &[]);
        if !difference.is_within(3, 1.0) {
            shown.keep(&format!("{:?}-shown", self.pattern));
            reference.keep(&format!("{:?}-reference", self.pattern));
        }
        assert!(
            difference.is_within(3, 1.0),
            "{:?} of {}: {difference:?}",
            self.pattern,
            self.vivid.node()
        );
    }
}
