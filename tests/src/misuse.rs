//! Ways to go wrong, and what a program and a person are to be told.

use crate::failing::Environment;

/// Pictures that nothing is wrong with.
pub const DRAWN: &str = "videotestsrc ! video/x-raw,format=NV12,width=640,height=360";
/// The domain of `GstResourceError`.
pub const RESOURCE: &str = "gst-resource-error-quark";
const PARSE: &str = "gst_parse_error";
const STREAM: &str = "gst-stream-error-quark";

/// Codes of `GstParseError`, `GstResourceError` and `GstStreamError`.
const LINK: i32 = 3;
const NOT_FOUND: i32 = 3;
const OPEN_READ_WRITE: i32 = 7;
const NOT_AUTHORIZED: i32 = 15;
const STREAM_FAILED: i32 = 1;
const WRONG_TYPE: i32 = 5;
const FORMAT: i32 = 11;

/// What a source says when nobody takes what it has.
const NOT_NEGOTIATED: (&str, i32) = (STREAM, STREAM_FAILED);

const AS_IT_IS: Environment = Environment::AsItIs;

/// One way to go wrong.
#[derive(Debug)]
pub struct Case {
    /// In words.
    pub name: &'static str,
    /// Where it is done.
    pub environment: Environment,
    /// For `gst-launch-1.0`.
    pub pipeline: String,
    /// The error's domain.
    pub domain: &'static str,
    /// The error's code in that domain.
    pub code: i32,
    /// What the text must name; of alternatives in one string, separated by `|`, one is enough.
    pub names: &'static [&'static str],
}

fn case(
    name: &'static str,
    environment: Environment,
    pipeline: &str,
    (domain, code): (&'static str, i32),
    names: &'static [&'static str],
) -> Case {
    Case {
        name,
        environment,
        pipeline: pipeline.to_owned(),
        domain,
        code,
        names,
    }
}

/// All of them.
#[must_use]
pub fn cases() -> Vec<Case> {
    let mut cases = source_cases();
    cases.extend(allocator_cases());
    cases.extend(display_cases());
    cases.extend(compositor_cases());
    cases
}

fn source_cases() -> Vec<Case> {
    vec![
        case(
            "a camera that does not exist",
            AS_IT_IS,
            "dmaheapv4l2src device=/dev/video99 ! fakesink",
            (RESOURCE, NOT_FOUND),
            &["/dev/video99", "No such file|ENOENT", "driver"],
        ),
        case(
            "a camera that is none",
            AS_IT_IS,
            "dmaheapv4l2src device=/dev/dri/card0 ! fakesink",
            (RESOURCE, OPEN_READ_WRITE),
            &["/dev/dri/card0", "VIDIOC_QUERYCAP", "/dev/video0"],
        ),
        case(
            "captures in a heap that does not exist",
            AS_IT_IS,
            "dmaheapv4l2src heap=nosuch ! fakesink",
            (RESOURCE, NOT_FOUND),
            &["nosuch", "system", "udmabuf"],
        ),
        case(
            "a size that the camera lacks",
            AS_IT_IS,
            "dmaheapv4l2src ! video/x-raw,format=NV12,width=123,height=45 ! fakesink",
            (STREAM, FORMAT),
            &["vivid", "/dev/video0", "123", "nearest"],
        ),
        case(
            "a size that the display lacks",
            AS_IT_IS,
            "dmaheapv4l2src ! video/x-raw,width=640,height=7 ! dmaheapkmssink driver-name=vkms",
            (STREAM, FORMAT),
            &["height=(int)7", "dmaheapkmssink", "height [ 10, 8192 ]"],
        ),
    ]
}

fn allocator_cases() -> Vec<Case> {
    vec![
        case(
            "a heap that does not exist",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapalloc heap=nosuch ! fakesink"),
            (RESOURCE, NOT_FOUND),
            &["nosuch", "system", "udmabuf"],
        ),
        case(
            "no /dev/dma_heap",
            Environment::WithoutHeaps,
            &format!("{DRAWN} ! dmaheapalloc heap=system ! fakesink"),
            (RESOURCE, NOT_FOUND),
            &["system", "/dev/dma_heap", "udmabuf"],
        ),
        case(
            "no memory to share at all",
            Environment::WithoutSharedMemory,
            &format!("{DRAWN} ! dmaheapalloc ! fakesink"),
            (RESOURCE, NOT_FOUND),
            &["dma_heap|dma-buf heap", "udmabuf"],
        ),
        case(
            "a heap without permission",
            Environment::Unprivileged,
            &format!("{DRAWN} ! dmaheapalloc heap=system ! fakesink"),
            (RESOURCE, NOT_AUTHORIZED),
            &[
                "system",
                "/dev/dma_heap/system",
                "Permission denied|EACCES",
                "udev|group|chmod",
            ],
        ),
        case(
            "pictures without area",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=NV12,width=0,height=0 ! dmaheapalloc ! fakesink",
            (PARSE, LINK),
            &["dmaheapalloc", "width=(int)0"],
        ),
        case(
            "pictures beyond every size",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=NV12,width=65536,height=65536 ! dmaheapalloc ! fakesink",
            NOT_NEGOTIATED,
            // videotestsrc refuses by itself; nothing of ours is asked.
            &["not-negotiated"],
        ),
        case(
            "a copy where copies are forbidden",
            AS_IT_IS,
            "videotestsrc name=painter ! video/x-raw,format=BGRx,width=640,height=360 ! identity drop-allocation=true \
             ! dmaheapalloc zero-copy=required ! fakesink",
            (STREAM, WRONG_TYPE),
            &["zero-copy", "identity|painter", "921600|bytes", "preferred"],
        ),
    ]
}

fn display_cases() -> Vec<Case> {
    vec![
        case(
            "pictures beyond the size of the display",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=NV12,width=16384,height=16384 ! dmaheapkmssink driver-name=vkms",
            NOT_NEGOTIATED,
            &["16384", "vkms", "8192"],
        ),
        case(
            "a format that the plane lacks",
            AS_IT_IS,
            "videotestsrc ! video/x-raw,format=YUY2,width=640,height=360 ! dmaheapkmssink driver-name=vkms",
            NOT_NEGOTIATED,
            &["YUY2|YUYV", "vkms", "NV12"],
        ),
        case(
            "a format of the camera that the plane lacks",
            AS_IT_IS,
            "v4l2src device=/dev/video0 ! video/x-raw,format=YUY2,width=640,height=360 \
             ! dmaheapkmssink driver-name=vkms",
            NOT_NEGOTIATED,
            &["YUY2|YUYV", "vkms", "NV12"],
        ),
        case(
            "a driver that does not exist",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapkmssink driver-name=nosuch"),
            (RESOURCE, OPEN_READ_WRITE),
            &["nosuch", "vkms", "/dev/dri/card0"],
        ),
        case(
            "a device that does not exist",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapkmssink device=/dev/dri/card9"),
            (RESOURCE, OPEN_READ_WRITE),
            &["/dev/dri/card9", "No such file|ENOENT"],
        ),
    ]
}

fn compositor_cases() -> Vec<Case> {
    vec![
        case(
            "no compositor is named",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapwaylandsink"),
            (RESOURCE, OPEN_READ_WRITE),
            &["WAYLAND_DISPLAY", "Wayland session"],
        ),
        case(
            "a compositor that does not run",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapwaylandsink display=/run/nosuch/wayland-9"),
            (RESOURCE, OPEN_READ_WRITE),
            &[
                "/run/nosuch/wayland-9",
                "No such file|ENOENT",
                "WAYLAND_DISPLAY",
                "XDG_RUNTIME_DIR",
            ],
        ),
        case(
            "a compositor by a name without a directory",
            AS_IT_IS,
            &format!("{DRAWN} ! dmaheapwaylandsink display=wayland-9"),
            (RESOURCE, OPEN_READ_WRITE),
            &["wayland-9", "XDG_RUNTIME_DIR"],
        ),
    ]
}
