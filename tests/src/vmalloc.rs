//! Where the kernel has mapped dma-bufs for itself.
//!
//! Drivers that copy by CPU, such as vivid with `allocators=0` and vim2m, attach no device to a dma-buf that is queued at them: no
//! event of the tracer and no line of debugfs shows when they meet another one. They map it, and `/proc/vmallocinfo` has a line
//! for each area that a heap has mapped (`system_heap_vmap`): a frame that is mapped anew is in another one. Nothing in the kernel
//! is changed for that; a kprobe on the function was seen to crash emulated kernels.

use std::collections::BTreeSet;
use std::fs;

/// The areas in which dma-bufs of heaps are mapped now, on the whole machine.
#[track_caller]
pub fn mapped_frames() -> BTreeSet<String> {
    let info = fs::read_to_string("/proc/vmallocinfo").expect("root reads it");
    areas(&info)
}

/// The first words of the lines that name a heap's function.
fn areas(info: &str) -> BTreeSet<String> {
    let of_heaps = info.lines().filter(|line| line.contains("_heap_vmap+"));
    of_heaps
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::areas;

    #[test]
    fn areas_of_heaps_are_told_from_others() {
        let info = "0x000000005c2a-0x00000000b8a1   90112 system_heap_vmap+0x5d/0xb0 pages=21 vmap\n\
                    0x0000000011f2-0x00000000c0de    8192 bpf_prog_alloc+0x3e/0xb0 pages=1 vmalloc\n";
        let expected = ["0x000000005c2a-0x00000000b8a1".to_owned()];
        assert_eq!(areas(info), expected.into());
    }
}
