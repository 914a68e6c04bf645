//! Branches that an application adds to a playing pipeline.

use gst::prelude::*;

use crate::player::Player;

/// Elements behind a `tee`, in a bin of their own.
#[derive(Debug)]
pub struct Branch {
    bin: gst::Bin,
}

impl Branch {
    /// Makes the elements; nothing is linked yet, so that pads can be watched.
    #[track_caller]
    pub fn new(description: &str) -> Branch {
        let bin = gst::parse::bin_from_description(description, true);
        let bin = bin.unwrap_or_else(|error| panic!("`{description}`: {error}"));
        Branch { bin }
    }

    /// An element of the branch by its `name=`.
    #[track_caller]
    pub fn element(&self, name: &str) -> gst::Element {
        let element = self.bin.by_name(name);
        element.unwrap_or_else(|| panic!("no element is called {name}"))
    }

    /// Links the branch to `tee` and lets it play, as the manual of GStreamer has it: the new pad is blocked until all is in
    /// place, so that no picture meets an element that is not ready.
    #[track_caller]
    pub fn join(&self, player: &Player, tee: &str) {
        let output = player.element(tee).request_pad_simple("src_%u");
        let output = output.expect("a tee has as many pads as are wanted");
        let block = output.add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_pad, _info| {
            gst::PadProbeReturn::Ok
        });
        player.pipeline().add(&self.bin).expect("a bin of nobody's");
        let input = self.bin.static_pad("sink").expect("a free pad in front");
        output.link(&input).expect("pads that fit");
        self.bin.sync_state_with_parent().expect("the branch plays");
        output.remove_probe(block.expect("a probe that waits for data"));
    }
}
