//! From the answer to an ALLOCATION query to a pool.

use std::sync::Arc;

use dmabuf_heap::Importer;
use gst::glib;
use gst::prelude::*;
use gst_video::VideoMeta;

use super::Outlet;
use crate::caps::{CapsError, VideoCaps};
use crate::pool::{HeapPool, Proposal, SizeError, Users};
use crate::query;

/// Frames that those downstream hold who do not say: the one that is used.
const UNSAID: u32 = 1;

/// What an element that makes frames has come to with those downstream.
#[derive(Debug)]
pub(crate) struct Decision {
    /// Configured and not active yet: when it starts, the devices try real frames.
    pub pool: HeapPool,
    /// The picture.
    pub video: VideoCaps,
    /// Who imports the frames downstream.
    pub readers: Vec<Arc<dyn Importer>>,
    /// Whether those downstream read where the planes are. Else the frames must have GStreamer's usual layout.
    pub reads_meta: bool,
    /// Frames that are in use at once, here and downstream. The pool has been asked for so many at the start.
    pub buffers: u32,
}

/// Why there is no pool. The caps or the devices are at fault; nobody has been told yet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum DecisionError {
    /// The query was about nothing.
    #[error("the ALLOCATION query has no caps")]
    NoCaps,
    /// No picture.
    #[error(transparent)]
    Caps(#[from] CapsError),
    /// No layout that suits everybody.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// NULL, or on the way to it.
    #[error("no heap is open")]
    NotOpen,
    /// GStreamer refused.
    #[error("{0}")]
    Gst(#[from] glib::BoolError),
}

impl Outlet {
    /// Makes a pool of what `query` says of those downstream and `users` of who is here, for frames of which this element
    /// itself holds `own` at once.
    ///
    /// `query` has been answered. Its pools are looked at for their minimum only: what they are made of, their makers said
    /// by their importers.
    ///
    /// # Errors
    ///
    /// The caps are no picture that can be laid out so that everybody takes it.
    pub(crate) fn decide(
        &self,
        element: &gst::Element,
        query: &gst::query::Allocation,
        users: Users,
        own: u32,
    ) -> Result<Decision, DecisionError> {
        let (caps, _need_pool) = query.get_owned();
        let caps = caps.ok_or(DecisionError::NoCaps)?;
        let video = VideoCaps::parse(&caps)?;
        let readers = query::importers_of(query, &video.picture());
        let reads_meta = reads_meta(&caps, query);
        let buffers = held_downstream(query) + own;
        gst::debug!(
            crate::CAT,
            obj = element,
            "{buffers} frames of {caps} for {readers:?}, who read the meta: {reads_meta}"
        );
        let users = self.with_readers(element, users, readers.clone());
        let pool = self.pool(element, users).ok_or(DecisionError::NotOpen)?;
        let Proposal { size, .. } = pool.proposal_to(&video, reads_meta)?;
        configure(&pool, &caps, size, buffers, reads_meta)?;
        Ok(Decision {
            pool,
            video,
            readers,
            reads_meta,
            buffers,
        })
    }
}

/// The frames that those downstream hold at once, by the minimum of the pool that they would take first.
pub(crate) fn held_downstream(query: &gst::query::Allocation) -> u32 {
    let first = query.allocation_pools().next();
    let min = first.map_or(0, |(_pool, _size, min, _max)| min);
    if min == 0 { UNSAID } else { min }
}

/// Whether those downstream read where planes are. Pictures in `DMA_DRM` caps are of no use to others.
pub(crate) fn reads_meta(caps: &gst::CapsRef, query: &gst::query::Allocation) -> bool {
    gst_video::is_dma_drm_caps(caps) || query.find_allocation_meta::<VideoMeta>().is_some()
}

fn configure(
    pool: &HeapPool,
    caps: &gst::Caps,
    size: u32,
    buffers: u32,
    reads_meta: bool,
) -> Result<(), glib::BoolError> {
    let mut config = pool.config();
    if reads_meta {
        config.add_option(gst_video::BUFFER_POOL_OPTION_VIDEO_META);
    }
    config.set_params(Some(caps), size, buffers, 0);
    pool.set_config(config)
}
