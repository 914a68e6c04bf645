//! A card that is taken away while it shows frames. vkms cannot be, so this is bochs, the display of a virtual machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use dmabuf_heap::{Fourcc, LayoutRequest};
use dmaheap_tests::scanout::{PATIENCE, Returned, system};
use drm_import::{CommitError, Device, Output, Placement, Rect, ShowError};

const DRIVER: &str = "bochs-drm";

#[test]
fn a_card_that_is_taken_away_is_told_and_everything_given_back() {
    let device = Device::open_driver(DRIVER).unwrap_or_else(|error| panic!("{error}"));
    let output = Output::builder(&device)
        .build()
        .unwrap_or_else(|error| panic!("{error}"));
    let (width, height) = (output.mode().width, output.mode().height);
    let request = LayoutRequest::new(Fourcc::XRGB8888, width, height);
    let frame = system()
        .allocate(&request)
        .unwrap_or_else(|error| panic!("{error}"));
    let whole = Rect::new(0, 0, width, height);
    let placement = Placement::centered(whole, whole);
    let (returned, returns) = mpsc::channel();
    let show = |number| {
        output.show(
            &frame,
            &placement,
            Box::new(Returned(number, returned.clone())),
        )
    };
    show(0).unwrap_or_else(|error| panic!("{error}"));
    assert!(output.wait_idle(PATIENCE));

    let _bound_again = Unbound::new();
    let error = show(1).expect_err("the card is gone");
    let is_gone = match &error {
        ShowError::Commit(error) => matches!(error, CommitError::Gone { .. }),
        ShowError::Lost(error) => matches!(**error, CommitError::Gone { .. }),
        _ => false,
    };
    assert!(is_gone, "{error:?}");
    for word in ["bochs", "was removed"] {
        assert!(
            error.to_string().contains(word),
            "{word} is missing in: {error}"
        );
    }
    assert!(show(2).is_err(), "it does not come back");
    drop(output);
    let mut numbers: Vec<usize> = returns.try_iter().collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2]);
}

/// The PCI device without its driver; dropped, with it again.
struct Unbound {
    driver: PathBuf,
    address: String,
}

impl Unbound {
    #[track_caller]
    fn new() -> Unbound {
        let driver = Path::new("/sys/bus/pci/drivers").join(DRIVER);
        let devices = fs::read_dir(&driver)
            .expect("the driver is loaded")
            .flatten();
        let address = devices
            .filter_map(|entry| entry.file_name().into_string().ok())
            .find(|name| name.starts_with("0000:"))
            .expect("the machine has such a display");
        fs::write(driver.join("unbind"), &address).expect("root may unbind");
        Unbound { driver, address }
    }
}

impl Drop for Unbound {
    fn drop(&mut self) {
        let bound = fs::write(self.driver.join("bind"), &self.address);
        assert!(bound.is_ok() || std::thread::panicking(), "{bound:?}");
    }
}
