//! Finds memory for pictures of a camera that the CPU reads, and says why it is that.
//!
//! ```text
//! cargo run -p v4l2-import --example negotiate -- /dev/video0
//! ```

use std::error::Error;
use std::fs::File;
use std::sync::Arc;

use dmabuf_heap::{CpuImporter, CpuUse, Fourcc, FrameSpec, Negotiation, Registry};
use v4l2_import::{Queue, QueueImporter};

#[expect(clippy::print_stdout, reason = "an example talks to its user")]
fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "/dev/video0".into());
    let open = move || {
        let device = File::options().read(true).write(true).open(&path)?;
        Ok(device.into())
    };
    let camera = QueueImporter::new(open, Queue::Capture)?.may_set_format(true);

    let registry = Arc::new(Registry::discover());
    let mut negotiation = Negotiation::new(&registry, FrameSpec::new(Fourcc::NV12, 640, 480));
    negotiation.attach(Arc::new(camera));
    negotiation.attach(Arc::new(CpuImporter::new(CpuUse::Read)));
    let allocation = negotiation.allocate()?;
    println!("{}\n", allocation.explain());

    let frame = allocation.frame()?;
    println!("{frame:?}");
    println!("{}", allocation.explain().summary());
    Ok(())
}
