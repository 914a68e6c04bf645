//! The dmaheap demo.

fn main() {}
