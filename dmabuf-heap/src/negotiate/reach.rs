use std::path::Path;

use crate::DeviceKey;

use super::translation::Translation;

/// Whether a device reaches all memory of this machine.
///
/// One that does not gets a copy from the kernel, or refuses, depending on where a buffer happens to lie
/// (`Documentation/core-api/swiotlb.rst`). Nothing in sysfs tells the reach of a platform device, so `Unknown` is the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Every page: all memory is low, an IOMMU translates, the driver has asked for enough address bits, or it is a USB
    /// device, whose driver copies by CPU.
    Everything,
    /// Nobody can tell.
    Unknown,
}

/// What every device reaches, unless the kernel knows better.
const USUAL: u64 = 1 << 32;

/// x86 keeps this much for the bus of the first PCs.
const ISA: u64 = 1 << 24;

impl Reach {
    /// Of a character device, such as `/dev/video0`.
    pub fn of(device: DeviceKey) -> Self {
        Self::below(Path::new("/"), device)
    }

    /// The same by what is below `root`, which is normally `/`.
    ///
    /// Reads `proc/zoneinfo`, and below `sys/dev/char/M:m/device` the device's `subsystem`, `dma_mask_bits` (PCI:
    /// `Documentation/ABI/testing/sysfs-bus-pci`) and the type of its IOMMU group.
    pub fn below(root: &Path, device: DeviceKey) -> Self {
        let memory = std::fs::read_to_string(root.join("proc/zoneinfo"));
        let memory = memory.ok().and_then(|text| Memory::parse(&text));
        if memory.is_some_and(|memory| memory.end <= memory.usual_reach) {
            return Self::Everything;
        }
        let node = format!("sys/dev/char/{}:{}/device", device.major(), device.minor());
        let node = root.join(node);
        let bits = std::fs::read_to_string(node.join("dma_mask_bits")).ok();
        let bits = bits.and_then(|text| text.trim().parse::<u32>().ok());
        let end = bits.and_then(|bits| 1_u64.checked_shl(bits)).unwrap_or(0);
        let is_wide = bits.is_some_and(|bits| bits >= u64::BITS)
            || memory.is_some_and(|memory| memory.end <= end);
        let subsystem = std::fs::read_link(node.join("subsystem")).ok();
        let is_usb = subsystem.is_some_and(|it| it.file_name() == Some("usb".as_ref()));
        if is_wide || is_usb || Translation::at(&node).gathers() {
            Self::Everything
        } else {
            Self::Unknown
        }
    }
}

/// Where the memory of the machine lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Memory {
    /// The address behind it.
    end: u64,
    /// The address up to which every device reaches, by what the kernel thinks: it ends its zone `DMA` there.
    usual_reach: u64,
}

impl Memory {
    /// From `/proc/zoneinfo`.
    fn parse(zoneinfo: &str) -> Option<Self> {
        let page = rustix::param::page_size() as u64;
        let mut memory = Self {
            end: 0,
            usual_reach: USUAL,
        };
        let (mut zone, mut present, mut spanned) = ("", 0, 0);
        for line in zoneinfo.lines() {
            let mut words = line.split_whitespace();
            match (words.next()?, words.last()) {
                ("Node", Some(name)) => (zone, present, spanned) = (name, 0, 0),
                ("present", Some(pages)) => present = pages.parse().ok()?,
                ("spanned", Some(pages)) => spanned = pages.parse::<u64>().ok()?,
                ("start_pfn:", Some(start)) if present > 0 => {
                    let pages = start.parse::<u64>().ok()?.checked_add(spanned)?;
                    let end = pages.checked_mul(page)?;
                    memory.end = memory.end.max(end);
                    if zone == "DMA" && end > ISA {
                        memory.usual_reach = end;
                    }
                }
                _ => {}
            }
        }
        (memory.end > 0).then_some(memory)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::makedev;

    use super::*;

    const PAGE: u64 = 4096;

    /// Zones by name, first address and length, and how much of that is there.
    fn zoneinfo(zones: &[(&str, u64, u64, u64)]) -> String {
        let page = rustix::param::page_size() as u64;
        let zone = |&(name, start, spanned, present): &(&str, u64, u64, u64)| {
            format!(
                "Node 0, zone {name:>8}\n  pages free     239\n        boost    0\n        spanned  {}\n        \
                 present  {}\n        managed  17\n  pagesets\n    cpu: 0\n              count: 3\n  \
                 start_pfn:           {}\n",
                spanned / page,
                present / page,
                start / page
            )
        };
        zones.iter().map(zone).collect()
    }

    const LOW: [(&str, u64, u64, u64); 3] = [
        ("DMA", PAGE, (1 << 24) - PAGE, 1 << 23),
        ("DMA32", 1 << 24, 0x7f00_0000, 0x7e00_0000),
        ("Normal", 1 << 32, 0, 0),
    ];
    const HIGH: [(&str, u64, u64, u64); 2] = [
        ("DMA32", 1 << 24, 0x7f00_0000, 0x7e00_0000),
        ("Normal", 1 << 32, 1 << 30, 1 << 30),
    ];

    /// A machine with one camera on a bus.
    fn machine(zones: &[(&str, u64, u64, u64)], bus: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("proc")).unwrap();
        fs::write(at("proc/zoneinfo"), zoneinfo(zones)).unwrap();
        fs::create_dir_all(at("sys/dev/char/81:0/device")).unwrap();
        symlink(
            format!("../../../../bus/{bus}"),
            at("sys/dev/char/81:0/device/subsystem"),
        )
        .unwrap();
        root
    }

    fn reach(root: &tempfile::TempDir) -> Reach {
        Reach::below(root.path(), DeviceKey::stand_in(makedev(81, 0), 1))
    }

    #[test]
    fn low_memory_is_reached_by_all() {
        assert_eq!(reach(&machine(&LOW, "platform")), Reach::Everything);
    }

    #[test]
    fn of_high_memory_only_some_devices_are_known_to_reach_it() {
        assert_eq!(reach(&machine(&HIGH, "platform")), Reach::Unknown);
        assert_eq!(reach(&machine(&HIGH, "usb")), Reach::Everything);
        for (bits, reached) in [
            ("32\n", Reach::Unknown),
            ("33\n", Reach::Everything),
            ("64\n", Reach::Everything),
            ("?", Reach::Unknown),
        ] {
            let machine = machine(&HIGH, "pci");
            let mask = "sys/dev/char/81:0/device/dma_mask_bits";
            fs::write(machine.path().join(mask), bits).unwrap();
            assert_eq!(reach(&machine), reached, "{bits}");
        }
    }

    #[test]
    fn an_iommu_that_translates_reaches_everything() {
        let machine = machine(&HIGH, "platform");
        let group = machine.path().join("sys/dev/char/81:0/device/iommu_group");
        fs::create_dir(&group).unwrap();
        fs::write(group.join("type"), "DMA-FQ\n").unwrap();
        assert_eq!(reach(&machine), Reach::Everything);
    }

    /// A board whose weakest device has 30 address bits (arm64 sizes its zone DMA by them), with memory beyond.
    #[test]
    fn the_kernel_knows_of_devices_that_reach_less() {
        let board = [
            ("DMA", 0, 1 << 30, 1 << 30),
            ("DMA32", 1 << 30, 3 << 30, 1 << 30),
        ];
        assert_eq!(reach(&machine(&board, "platform")), Reach::Unknown);
        assert_eq!(reach(&machine(&board[..1], "platform")), Reach::Everything);
    }

    #[test]
    fn where_memory_lies_may_be_hidden() {
        let machine = machine(&LOW, "platform");
        fs::remove_file(machine.path().join("proc/zoneinfo")).unwrap();
        assert_eq!(reach(&machine), Reach::Unknown);
        assert_eq!(Memory::parse(""), None);
        assert_eq!(Memory::parse("Node 0, zone Normal\n"), None);
    }
}
