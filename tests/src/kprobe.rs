//! Counts the calls of a function of the kernel.
//!
//! Drivers that copy by CPU, such as vivid with `allocators=0` and vim2m, attach no device to a dma-buf that is queued at them: no
//! event of the tracer and no line of debugfs shows when they meet another one. They map it, and that function is counted by a
//! kprobe (`Documentation/trace/kprobetrace.rst`).

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::tracefs;

/// A probe at the beginning of a function; taken away when dropped. It counts for the whole machine.
#[derive(Debug)]
pub struct Kprobe {
    function: &'static str,
    /// Of the event, and of an instance of the tracer, so that a [`Recorder`](crate::trace::Recorder) beside it sees nothing of this.
    name: String,
}

impl Kprobe {
    /// Counts from now on how often anybody maps a dma-buf into the kernel.
    #[track_caller]
    pub fn of_mappings() -> Kprobe {
        Kprobe::on("dma_buf_vmap")
    }

    /// Counts from now on how often V4L2 queues without a DMA engine map a dma-buf that is queued at them.
    ///
    /// They do so without its lock. A display such as vkms has it locked when it maps what it is about to draw, which it does for
    /// each picture.
    #[track_caller]
    pub fn of_queues() -> Kprobe {
        Kprobe::on("dma_buf_vmap_unlocked")
    }

    #[track_caller]
    fn on(function: &'static str) -> Kprobe {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{function}_{}_{number}", std::process::id());
        let definition = format!("p:dmaheap/{name} {function}\n");
        tracefs::append("kprobe_events", &definition)
            .unwrap_or_else(|error| panic!("no probe on {function}: {error}"));
        let probe = Kprobe { function, name };
        fs::create_dir(tracefs::path(&probe.instance())).expect("another instance of the tracer");
        tracefs::write(&probe.switch(), "1");
        probe
    }

    /// How often the function was called.
    #[track_caller]
    pub fn hits(&self) -> u64 {
        let profile = tracefs::read("kprobe_profile");
        let (hits, missed) = counts(&profile, &self.name)
            .unwrap_or_else(|| panic!("no {} in:\n{profile}", self.name));
        assert_eq!(missed, 0, "calls of {} that nobody counted", self.function);
        hits
    }

    fn instance(&self) -> String {
        format!("instances/{}", self.name)
    }

    fn switch(&self) -> String {
        format!("{}/events/dmaheap/{}/enable", self.instance(), self.name)
    }
}

impl Drop for Kprobe {
    fn drop(&mut self) {
        // The machine is a fresh one soon; a test that has failed is to say why itself.
        let _off = fs::write(tracefs::path(&self.switch()), "0");
        let _removed = tracefs::append("kprobe_events", &format!("-:dmaheap/{}\n", self.name));
        let _gone = fs::remove_dir(tracefs::path(&self.instance()));
    }
}

/// Calls that were counted and that were missed, of the lines `name hits misses`.
fn counts(profile: &str, name: &str) -> Option<(u64, u64)> {
    profile.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        if words.next() != Some(name) {
            return None;
        }
        Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::counts;

    #[test]
    fn the_counts_of_a_probe_are_told_from_those_of_others() {
        let profile = "  vmap_1_0      32               0\n  vmap_1_1       5               2\n";
        assert_eq!(counts(profile, "vmap_1_0"), Some((32, 0)));
        assert_eq!(counts(profile, "vmap_1_1"), Some((5, 2)));
        assert_eq!(counts(profile, "vmap_1"), None);
    }
}
