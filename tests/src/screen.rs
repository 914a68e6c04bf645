//! The screen of the virtual machine as its user sees it: for displays that cannot read their picture back.
//!
//! QEMU's own viewer protocol comes in through a serial port, so the picture is the one that QEMU shows, on the far side of the
//! display's driver. Protocol: RFC 6143.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::picture::Picture;

/// The name of the port on the command line of the machine.
const PORT: &str = "dmaheap.screen";
const RAW: u32 = 0;
/// QEMU drops the update that it is about to send when the display flips meanwhile, and owes nothing then; so it is asked again.
const ASK_AGAIN: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};
/// A picture takes a second on a slow host.
const PATIENCE: Duration = Duration::from_secs(30);
/// The pseudo encoding by which the size of the screen is told.
const DESKTOP_SIZE: u32 = 0xffff_ff21;

/// A viewer of the virtual machine's screen.
#[derive(Debug)]
pub struct Screen {
    port: File,
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Screen {
    /// Opens the port, once in the life of a machine: QEMU greets only then. The machine must have one; see `machines.toml`.
    #[track_caller]
    pub fn open() -> Screen {
        let node = port();
        let port = File::options().read(true).write(true).open(&node);
        let mut screen = Screen {
            port: port.unwrap_or_else(|error| panic!("{}: {error}", node.display())),
            width: 0,
            height: 0,
            rgb: Vec::new(),
        };
        screen.shake_hands();
        screen
    }

    /// What the screen shows now.
    #[track_caller]
    pub fn picture(&mut self) -> Picture {
        self.request();
        let asked = Instant::now();
        let mut seen = 0;
        while seen < self.width * self.height {
            if !self.is_answered() {
                assert!(asked.elapsed() < PATIENCE, "QEMU sends no picture");
                self.request();
                continue;
            }
            let [kind] = self.receive();
            match kind {
                0 => seen = self.update(seen),
                // Bell.
                2 => {}
                other => panic!("message {other} from QEMU's viewer"),
            }
        }
        Picture::new(self.width, self.height, self.rgb.clone())
    }

    /// Version 3.8, no authentication, 32 bits per pixel with blue in the lowest byte, raw rectangles.
    fn shake_hands(&mut self) {
        let greeting: [u8; 12] = self.receive();
        assert_eq!(&greeting, b"RFB 003.008\n");
        self.send(&greeting);
        let [count] = self.receive();
        for _ in 0..count {
            let [_method] = self.receive();
        }
        self.send(&[1]);
        assert_eq!(self.receive(), [0; 4], "no authentication");
        self.send(&[1]);
        let (width, height) = (self.number(), self.number());
        self.resize(width, height);
        let _pixels: [u8; 16] = self.receive();
        let name_len = u32::from_be_bytes(self.receive());
        for _ in 0..name_len {
            let [_letter] = self.receive();
        }
        self.send(&[
            0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0,
        ]);
        let [a, b, c, d] = DESKTOP_SIZE.to_be_bytes();
        self.send(&[2, 0, 0, 2, 0, 0, 0, 0, a, b, c, d]);
    }

    /// `FramebufferUpdateRequest` of everything, larger than any screen here.
    fn request(&mut self) {
        self.send(&[3, 0, 0, 0, 0, 0, 0x20, 0, 0x20, 0]);
    }

    /// Whether something comes in time.
    fn is_answered(&self) -> bool {
        let mut ports = [PollFd::new(&self.port, PollFlags::IN)];
        poll(&mut ports, Some(&ASK_AGAIN)).expect("a port can be polled") > 0
    }

    fn resize(&mut self, width: u32, height: u32) {
        (self.width, self.height) = (width, height);
        self.rgb = vec![0; width as usize * height as usize * 3];
    }

    /// One update; so many pixels are there, and as many are afterwards as the answer says.
    fn update(&mut self, seen: u32) -> u32 {
        let mut seen = seen;
        let [_padding] = self.receive();
        for _ in 0..self.number() {
            let [x, y, width, height] = std::array::from_fn(|_| self.number());
            match u32::from_be_bytes(self.receive()) {
                RAW => {
                    self.rectangle(x, y, width, height);
                    seen += width * height;
                }
                DESKTOP_SIZE => {
                    self.resize(width, height);
                    seen = 0;
                    self.request();
                }
                other => panic!("encoding {other:#x} from QEMU's viewer"),
            }
        }
        seen
    }

    fn rectangle(&mut self, x: u32, y: u32, width: u32, height: u32) {
        assert!(
            x + width <= self.width && y + height <= self.height,
            "a rectangle beyond the screen of {}x{}",
            self.width,
            self.height
        );
        let mut row = vec![0; width as usize * 4];
        for line in y..y + height {
            self.port.read_exact(&mut row).expect("a row of pixels");
            let at = (line as usize * self.width as usize + x as usize) * 3;
            let into = self.rgb[at..].chunks_exact_mut(3);
            for (pixel, bgrx) in into.zip(row.chunks_exact(4)) {
                pixel.copy_from_slice(&[bgrx[2], bgrx[1], bgrx[0]]);
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.port.write_all(bytes).expect("QEMU listens");
    }

    fn number(&mut self) -> u32 {
        u16::from_be_bytes(self.receive()).into()
    }

    fn receive<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.port.read_exact(&mut bytes).expect("QEMU answers");
        bytes
    }
}

/// The node of the serial port.
#[track_caller]
fn port() -> PathBuf {
    let ports = fs::read_dir("/sys/class/virtio-ports").expect("virtio serial ports");
    let sysfs = ports
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|sysfs| fs::read_to_string(sysfs.join("name")).is_ok_and(|name| name.trim() == PORT));
    let sysfs = sysfs.unwrap_or_else(|| panic!("no serial port is called {PORT}"));
    Path::new("/dev").join(sysfs.file_name().expect("an entry of a directory"))
}
