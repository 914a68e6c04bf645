//! Allocates one picture from the first allocator that works, or from the one named on the command line, fills it, and
//! reads a row back.
//!
//! ```text
//! cargo run -p dmabuf-heap --example allocate_and_fill -- default_cma_region
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its user")]

use std::error::Error;

use dmabuf_heap::{CpuUse, Fourcc, LayoutRequest, Registry};

fn main() -> Result<(), Box<dyn Error>> {
    let registry = Registry::discover();
    let request = LayoutRequest::new(Fourcc::NV12, 1366, 768)
        .stride_align(64)
        .cpu(CpuUse::ReadWrite);

    let frame = if let Some(name) = std::env::args().nth(1) {
        registry.find(&name)?.allocate(&request)?
    } else {
        let (_allocator, frame, why) = registry.first_working(&request)?;
        println!("{why}");
        frame
    };
    println!("{frame:?}");

    let mut mapping = frame.map()?;
    let mut access = mapping.write()?;
    access.fill_plane(0, 0x51)?;
    access.fill_plane(1, 0x80)?;
    access.finish()?;

    let mut row = [0; 1366];
    let access = mapping.read()?;
    access.read_row(0, 767, &mut row)?;
    access.finish()?;
    assert!(
        row.iter().all(|&luma| luma == 0x51),
        "the last row reads back as it was written"
    );

    for account in registry.ledger().snapshot() {
        println!("{account:?}");
    }
    Ok(())
}
