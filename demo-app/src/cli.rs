//! The command line.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::view::process::Process;

/// Shows a camera on a display; every frame stays in the dma-buf that the camera wrote.
#[derive(Debug, Parser)]
#[command(name = "dmaheap-demo", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show a camera on a display, then say what path the frames took
    View(Box<ViewOptions>),
    /// Say which device of this machine takes which memory, and what is in the way
    ///
    /// Every camera, mem2mem device and display is tried with frames of every allocator. Nothing streams and nothing
    /// changes on screen; a device that is in use is left alone.
    Probe(ProbeOptions),
}

#[derive(Debug, Args)]
pub(crate) struct ProbeOptions {
    /// Print JSON: allocators, devices, matrix, permissions
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ViewOptions {
    /// V4L2 capture device [default: the first that offers what the display takes, else the first whose pictures can be
    /// converted to that]
    #[arg(long, value_name = "NODE")]
    pub(crate) device: Option<PathBuf>,

    /// Where the picture goes [default: wayland in a Wayland session, where `WAYLAND_DISPLAY` is set, else kms]
    #[arg(long, value_enum)]
    pub(crate) output: Option<OutputKind>,

    /// Memory to use: a name below `/dev/dma_heap`, `udmabuf`, or `auto`
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub(crate) heap: String,

    /// Pixel format of the camera by its GStreamer name [default: NV12, else the first that both ends take]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,

    /// Picture size [default: 1280x720, else what the camera prefers]
    #[arg(long, value_name = "WIDTHxHEIGHT")]
    pub(crate) size: Option<Size>,

    /// Frames per second, as a number or a fraction [default: what the camera prefers]
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    pub(crate) fps: Option<gst::Fraction>,

    /// Work on the picture on its way, as `flip,scale=640x480`: flip[=horizontal], rotate=90|180|270, crop=WxH+X+Y,
    /// scale=WxH, format=NAME
    #[arg(long, value_name = "STEPS")]
    pub(crate) process: Option<Process>,

    /// What does that work
    #[arg(long, value_enum, default_value_t = Backend::Auto, requires = "process")]
    pub(crate) backend: Backend,

    /// Stop after this many seconds [default: run until Ctrl-C]
    #[arg(long, value_name = "N")]
    pub(crate) seconds: Option<u32>,

    /// Write the picture on the display, read back from it, to this file at the end (kms only)
    #[arg(long, value_name = "FILE.png")]
    pub(crate) snapshot: Option<PathBuf>,
}

/// What `dmaheapconvert` has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// Whatever does it at the least cost
    Auto,
    /// A V4L2 mem2mem device
    M2m,
    /// The CPU
    Cpu,
}

impl Backend {
    /// The property's word.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::M2m => "m2m",
            Self::Cpu => "cpu",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputKind {
    /// A window on a Wayland compositor, through `dmaheapwaylandsink`
    Wayland,
    /// A KMS plane, through `dmaheapkmssink`
    Kms,
}

impl OutputKind {
    /// What a session with this `WAYLAND_DISPLAY` shows pictures on: a running compositor owns the planes.
    pub(crate) fn of_session(wayland_display: Option<&OsStr>) -> Self {
        match wayland_display {
            Some(name) if !name.is_empty() => Self::Wayland,
            _ => Self::Kms,
        }
    }

    /// The element that shows it.
    pub(crate) fn sink(self) -> &'static str {
        match self {
            Self::Wayland => "dmaheapwaylandsink",
            Self::Kms => "dmaheapkmssink",
        }
    }
}

impl ViewOptions {
    /// Where the picture goes.
    pub(crate) fn output(&self) -> OutputKind {
        let session = || OutputKind::of_session(std::env::var_os("WAYLAND_DISPLAY").as_deref());
        self.output.unwrap_or_else(session)
    }
}

/// A picture size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) width: i32,
    pub(crate) height: i32,
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not a size: write WIDTHxHEIGHT, for example 1280x720");
        let (width, height) = text.split_once(['x', 'X']).ok_or_else(wrong)?;
        let side = |side: &str| {
            side.parse()
                .ok()
                .filter(|&side: &i32| side > 0)
                .ok_or_else(wrong)
        };
        Ok(Self {
            width: side(width)?,
            height: side(height)?,
        })
    }
}

fn parse_rate(text: &str) -> Result<gst::Fraction, String> {
    let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
    match (numerator.parse::<i32>(), denominator.parse::<i32>()) {
        (Ok(numerator), Ok(denominator)) if numerator > 0 && denominator > 0 => {
            Ok(gst::Fraction::new(numerator, denominator))
        }
        _ => Err(format!(
            "'{text}' is not a frame rate: write a number or a fraction, for example 30 or 30000/1001"
        )),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_wayland_session_shows_windows() {
        let of = |name: Option<&str>| OutputKind::of_session(name.map(OsStr::new));
        assert_eq!(of(Some("wayland-0")), OutputKind::Wayland);
        assert_eq!(of(Some("")), OutputKind::Kms);
        assert_eq!(of(None), OutputKind::Kms);
    }

    #[test]
    fn a_size_is_two_positive_numbers() {
        let size: Size = "1366x768".parse().unwrap();
        assert_eq!((size.width, size.height), (1366, 768));
        for wrong in ["", "640", "0x480", "640x-1", "640x480x2", "axb"] {
            assert!(
                wrong.parse::<Size>().unwrap_err().contains("1280x720"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_rate_is_a_number_or_a_fraction() {
        assert_eq!(parse_rate("25").unwrap(), gst::Fraction::new(25, 1));
        assert_eq!(
            parse_rate("30000/1001").unwrap(),
            gst::Fraction::new(30000, 1001)
        );
        for wrong in ["0", "-5", "30/0", "fast"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
