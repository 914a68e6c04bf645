use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{fstat, major, minor};

/// What stands between a device and memory.
///
/// A device that wants contiguous memory wants it in its own address space. Behind an IOMMU that translates, scattered
/// pages are contiguous there, so its importer makes no such condition. Whether there is a group says nothing: with
/// `iommu.passthrough=1` every device has one, and its type is `identity`.
///
/// Rockchip, Exynos, MSM and GPUs have IOMMUs that their own drivers run. These show nothing here, so `Direct` is a
/// default and the probe has the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Translation {
    /// An IOMMU gathers scattered pages for this device.
    Translated,
    /// The device sees physical addresses, as far as sysfs tells.
    Direct,
}

impl Translation {
    /// Of an opened device node, such as `/dev/video0` or `/dev/dri/card0`.
    ///
    /// # Errors
    ///
    /// The kernel cannot say which device it is. A device without an IOMMU is no error.
    pub fn of(device: impl AsFd) -> io::Result<Self> {
        Ok(Self::below(
            Path::new("/sys"),
            fstat(device.as_fd())?.st_rdev,
        ))
    }

    /// Of the device with this number (`st_rdev`), by what is below `sys`, which is normally `/sys`.
    ///
    /// Reads `dev/char/M:m/device/iommu_group/type` (`Documentation/ABI/testing/sysfs-kernel-iommu_groups`).
    pub fn below(sys: &Path, device: u64) -> Self {
        let node = format!("dev/char/{}:{}/device", major(device), minor(device));
        Self::at(&sys.join(node))
    }

    /// Of the device with this directory in sysfs.
    pub(super) fn at(device: &Path) -> Self {
        match std::fs::read_to_string(device.join("iommu_group/type")) {
            Ok(kind) if matches!(kind.trim(), "DMA" | "DMA-FQ") => Self::Translated,
            _ => Self::Direct,
        }
    }

    /// Whether memory that is scattered in RAM is contiguous for the device.
    pub const fn gathers(self) -> bool {
        matches!(self, Self::Translated)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::makedev;

    use super::*;

    /// A machine with one camera, linked as the kernel links it: node, device, group.
    fn machine(group_type: Option<&str>) -> tempfile::TempDir {
        let sys = tempfile::tempdir().unwrap();
        let at = |path: &str| sys.path().join(path);
        fs::create_dir_all(at("devices/platform/camera/video4linux/video0")).unwrap();
        fs::create_dir_all(at("dev/char")).unwrap();
        symlink(
            "../../devices/platform/camera/video4linux/video0",
            at("dev/char/81:0"),
        )
        .unwrap();
        symlink(
            "../../../camera",
            at("devices/platform/camera/video4linux/video0/device"),
        )
        .unwrap();
        if let Some(group_type) = group_type {
            fs::create_dir_all(at("kernel/iommu_groups/3")).unwrap();
            fs::write(at("kernel/iommu_groups/3/type"), group_type).unwrap();
            symlink(
                "../../../kernel/iommu_groups/3",
                at("devices/platform/camera/iommu_group"),
            )
            .unwrap();
        }
        sys
    }

    fn camera_behind(group_type: Option<&str>) -> Translation {
        Translation::below(machine(group_type).path(), makedev(81, 0))
    }

    #[test]
    fn a_group_translates_by_its_type_not_by_its_presence() {
        for translating in ["DMA\n", "DMA-FQ\n"] {
            assert!(camera_behind(Some(translating)).gathers(), "{translating}");
        }
        for direct in ["identity\n", "blocked\n", "unmanaged\n", "unknown\n", ""] {
            assert!(!camera_behind(Some(direct)).gathers(), "{direct}");
        }
    }

    #[test]
    fn without_a_group_addresses_are_physical() {
        assert_eq!(camera_behind(None), Translation::Direct);
        let sys = machine(Some("DMA\n"));
        let other = Translation::below(sys.path(), makedev(81, 1));
        assert_eq!(other, Translation::Direct);
    }

    #[test]
    fn a_file_that_is_no_device_has_no_translation() {
        let file = tempfile::tempfile().unwrap();
        assert_eq!(Translation::of(&file).unwrap(), Translation::Direct);
    }
}
