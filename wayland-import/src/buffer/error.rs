use dmabuf_heap::{Format, FormatSet};
use thiserror::Error;

/// Why a compositor does not take a frame where it lies.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportError {
    /// The compositor imports no dma-bufs, whatever they are.
    #[error(
        "{display} imports no dma-bufs: {}; run it with a GL renderer, or let frames be copied (wl_shm)",
        missing_version(*.announced)
    )]
    NoDmabuf {
        /// The compositor.
        display: String,
        /// Its version of `zwp_linux_dmabuf_v1`.
        announced: Option<u32>,
    },
    /// The compositor does not list this format.
    #[error("{display} takes no {format}; it takes {formats}")]
    Format {
        /// The compositor.
        display: String,
        /// What was asked for.
        format: Format,
        /// What there is.
        formats: FormatSet,
    },
    /// A number that would end the connection.
    #[error("{display} cannot be sent {frame}: {what}; use other memory for it")]
    Bounds {
        /// The compositor.
        display: String,
        /// The frame in words.
        frame: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The compositor has tried and failed (`zwp_linux_buffer_params_v1.failed`). It never says why.
    #[error(
        "{display} cannot import {frame}: zwp_linux_buffer_params_v1.create failed; its GPU needs other memory or other strides, its log may tell which"
    )]
    Refused {
        /// The compositor.
        display: String,
        /// The frame in words: size, format, strides, offsets and lengths of its dma-bufs.
        frame: String,
    },
    /// The compositor has not answered in time.
    #[error("{display} did not say within {seconds} s whether it can import {frame}; is it busy?")]
    Silent {
        /// The compositor.
        display: String,
        /// The frame in words.
        frame: String,
        /// How long it was waited for.
        seconds: u64,
    },
}

fn missing_version(version: Option<u32>) -> String {
    match version {
        Some(version) => format!("its zwp_linux_dmabuf_v1 is of version {version}, 3 is needed"),
        None => "it has no zwp_linux_dmabuf_v1".to_owned(),
    }
}
