//! The graph of a media controller: `struct media_v2_topology` of `include/uapi/linux/media.h`.

use std::os::fd::BorrowedFd;

use rustix::io::Result;
use rustix::ioctl::{Opcode, opcode};

use super::update;

const G_TOPOLOGY: Opcode = opcode::read_write::<RawTopology>(b'|', 4);

/// `MEDIA_LNK_FL_INTERFACE_LINK`: from an interface, such as a device node, to its entity.
pub(crate) const INTERFACE_LINK: u32 = 1 << 28;
/// `MEDIA_LNK_FL_ENABLED`
pub(crate) const ENABLED: u32 = 1;
/// `MEDIA_LNK_FL_LINK_TYPE`
pub(crate) const LINK_TYPE: u32 = 0xf << 28;

/// `struct media_v2_entity`
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Entity {
    pub(crate) id: u32,
    pub(crate) name: [u8; 64],
    pub(crate) function: u32,
    pub(crate) flags: u32,
    pub(crate) reserved: [u32; 5],
}

/// `struct media_v2_interface`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Interface {
    pub(crate) id: u32,
    pub(crate) kind: u32,
    pub(crate) flags: u32,
    pub(crate) reserved: [u32; 9],
    pub(crate) major: u32,
    pub(crate) minor: u32,
    pub(crate) rest: [u32; 14],
}

/// `struct media_v2_pad`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Pad {
    pub(crate) id: u32,
    pub(crate) entity: u32,
    pub(crate) flags: u32,
    pub(crate) index: u32,
    pub(crate) reserved: [u32; 4],
}

/// `struct media_v2_link`
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct Link {
    pub(crate) id: u32,
    pub(crate) source: u32,
    pub(crate) sink: u32,
    pub(crate) flags: u32,
    pub(crate) reserved: [u32; 6],
}

/// `struct media_v2_topology`: a number, and an address for as many, of each kind. Packed: its 64-bit addresses may lie anywhere.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
struct RawTopology {
    version: u64,
    entities: Array,
    interfaces: Array,
    pads: Array,
    links: Array,
}

/// A number and an address, 0 for none.
#[repr(C, packed)]
#[derive(Clone, Copy, Default)]
struct Array {
    count: u32,
    pub(crate) reserved: u32,
    address: u64,
}

const _: () = {
    assert!(size_of::<RawTopology>() == 72);
    assert!(size_of::<Entity>() == 96);
    assert!(size_of::<Interface>() == 112);
    assert!(std::mem::offset_of!(Interface, major) == 48);
    assert!(size_of::<Pad>() == 32);
    assert!(size_of::<Link>() == 40);
};

impl Default for Entity {
    fn default() -> Self {
        Self {
            id: 0,
            name: [0; 64],
            function: 0,
            flags: 0,
            reserved: [0; 5],
        }
    }
}

/// Everything that a media device is made of.
#[derive(Default)]
pub(crate) struct Topology {
    pub(crate) entities: Vec<Entity>,
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) pads: Vec<Pad>,
    pub(crate) links: Vec<Link>,
}

/// Reads the graph. ENOSPC: it grew meanwhile.
pub(crate) fn topology(media: BorrowedFd<'_>) -> Result<Topology> {
    let mut raw = RawTopology::default();
    // SAFETY: the type mirrors struct media_v2_topology; with all addresses 0, the kernel only counts.
    unsafe { update::<G_TOPOLOGY, RawTopology>(media, &mut raw) }?;
    let mut topology = Topology {
        entities: vec![Entity::default(); length(raw.entities)],
        interfaces: vec![Interface::default(); length(raw.interfaces)],
        pads: vec![Pad::default(); length(raw.pads)],
        links: vec![Link::default(); length(raw.links)],
    };
    raw.entities.address = address(&mut topology.entities);
    raw.interfaces.address = address(&mut topology.interfaces);
    raw.pads.address = address(&mut topology.pads);
    raw.links.address = address(&mut topology.links);
    // SAFETY: as above; each address is of a vector with as many elements as the count beside it says, and the kernel writes no
    // more than that (ENOSPC). All of them live through the call, and every bit pattern is a value of their types.
    unsafe { update::<G_TOPOLOGY, RawTopology>(media, &mut raw) }?;
    Ok(topology)
}

fn length(array: Array) -> usize {
    usize::try_from(array.count).unwrap_or_default()
}

fn address<T>(elements: &mut [T]) -> u64 {
    elements.as_mut_ptr().expose_provenance() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opcodes_are_those_of_the_kernel_headers() {
        assert_eq!(G_TOPOLOGY, 0xc048_7c04);
    }
}
