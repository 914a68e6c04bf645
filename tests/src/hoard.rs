//! Makes memory scarce: buffers that are kept, heaps that are hidden.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::player::{Failure, Player};

/// How long a pipeline may take to make what is kept.
const PATIENCE: Duration = Duration::from_secs(30);

/// Buffers on their way to a sink, each kept from going back to its pool.
#[derive(Debug)]
pub struct Hoard(Arc<Mutex<Option<Vec<gst::Buffer>>>>);

impl Hoard {
    /// Keeps every buffer that reaches the element of that factory from now on.
    #[track_caller]
    pub fn of(player: &Player, factory: &str) -> Hoard {
        let kept = Arc::new(Mutex::new(Some(Vec::new())));
        let pad = player.by_factory(factory).static_pad("sink");
        let keeper = Arc::clone(&kept);
        let probe = move |_pad: &gst::Pad, info: &mut gst::PadProbeInfo<'_>| {
            if let Some(buffer) = info.buffer() {
                let mut kept = keeper.lock().expect("nobody panics here");
                if let Some(kept) = kept.as_mut() {
                    kept.push(buffer.clone());
                }
            }
            gst::PadProbeReturn::Ok
        };
        pad.expect("a sink")
            .add_probe(gst::PadProbeType::BUFFER, probe);
        Hoard(kept)
    }

    /// Lets go of what is kept, and of what comes later as soon as it comes.
    pub fn release(&self) {
        let kept = {
            let mut kept = self.0.lock().expect("the probe never panics");
            kept.take()
        };
        drop(kept);
    }

    /// Buffers that are kept now.
    pub fn len(&self) -> usize {
        let kept = self.0.lock().expect("the probe never panics");
        kept.as_ref().map_or(0, Vec::len)
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until so many are kept, or the pipeline fails.
    pub fn wait(&self, player: &Player, count: usize) -> Result<(), Failure> {
        let started = Instant::now();
        while self.len() < count {
            assert!(
                started.elapsed() < PATIENCE,
                "only {} of {count} buffers in {PATIENCE:?}",
                self.len()
            );
            player.try_wait_frames(1)?;
        }
        Ok(())
    }
}

/// A heap that this machine lacks for a while. Registries that were made before still have it.
#[derive(Debug)]
pub struct Hidden {
    node: PathBuf,
    aside: PathBuf,
}

impl Hidden {
    /// Moves the node of the heap out of the way.
    #[track_caller]
    pub fn heap(name: &str) -> Hidden {
        let node = Path::new("/dev/dma_heap").join(name);
        let aside = Path::new("/dev").join(format!("hidden-{name}"));
        fs::rename(&node, &aside).unwrap_or_else(|error| panic!("{}: {error}", node.display()));
        Hidden { node, aside }
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if let Err(error) = fs::rename(&self.aside, &self.node) {
            assert!(
                std::thread::panicking(),
                "{} stays hidden: {error}",
                self.node.display()
            );
        }
    }
}
