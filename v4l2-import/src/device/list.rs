use std::path::{Path, PathBuf};

use super::{Device, DeviceInfo, OpenError};

/// A node of V4L2 and what became of opening it.
#[derive(Debug)]
pub struct Found {
    /// As `/dev/video0`.
    pub path: PathBuf,
    /// What the device is, or why nobody knows.
    pub device: Result<DeviceInfo, OpenError>,
}

/// Every `/dev/video*`, in the order of their numbers. Each is opened, asked who it is, and closed.
///
/// A machine without any has an empty list.
pub fn enumerate() -> Vec<Found> {
    enumerate_in(Path::new("/dev"))
}

fn enumerate_in(directory: &Path) -> Vec<Found> {
    let number = |path: &Path| -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("video")?.parse().ok()
    };
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut nodes: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter_map(|path| Some((number(&path)?, path)))
        .collect();
    nodes.sort();
    let look = |(_number, path): (u32, PathBuf)| Found {
        device: Device::open(&path).map(|device| device.info().clone()),
        path,
    };
    nodes.into_iter().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_stand_in_the_order_of_their_numbers_with_their_errors() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["video10", "video2", "video", "videox", "media0"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        let found = enumerate_in(directory.path());
        let names: Vec<_> = found
            .iter()
            .map(|found| found.path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["video2", "video10"]);
        for found in &found {
            let error = found.device.as_ref().unwrap_err();
            assert!(matches!(error, OpenError::NotV4l2 { .. }), "{error}");
        }
    }

    #[test]
    fn no_directory_is_no_device() {
        assert!(enumerate_in(Path::new("/nowhere")).is_empty());
    }
}
