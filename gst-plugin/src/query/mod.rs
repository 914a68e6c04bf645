//! ALLOCATION queries: who will import the frames, and how the frames should lie.

use std::sync::Arc;

use dmabuf_heap::{FrameLayout, FrameSpec, Importer};
use gst_video::{VideoAlignment, VideoInfo, VideoMeta};

use crate::ffi::importers::{self, ImportersMeta};
use crate::importers::Importers;

/// The largest row alignment that is worth a try, in bytes.
const MAX_STRIDE_ALIGN: u32 = 4096;

/// Those downstream that will import frames of `picture`, as far as the query tells.
pub(crate) fn importers_of(
    query: &gst::query::Allocation,
    picture: &FrameSpec,
) -> Vec<Arc<dyn Importer>> {
    all_importers(query).of(picture)
}

/// Tells upstream that `importer` will import frames of `picture`. All importers share one entry of the query.
pub(crate) fn add_importer(
    query: &mut gst::query::Allocation,
    picture: FrameSpec,
    importer: Arc<dyn Importer>,
) {
    let mut importers = all_importers(query);
    importers.add(picture, importer);
    while let Some(index) = query.find_allocation_meta::<ImportersMeta>() {
        query.remove_nth_allocation_meta(index);
    }
    query.add_allocation_meta::<ImportersMeta>(Some(&importers::to_params(&importers)));
}

/// Says that `GstVideoMeta` is understood and, where GStreamer can say it, that frames should have this layout.
///
/// Elements that are not ours read it so: `v4l2src` sets its driver to such strides when the aligned size is the one of
/// the proposed pool.
pub(crate) fn describe_layout(
    query: &mut gst::query::Allocation,
    info: &VideoInfo,
    layout: &FrameLayout,
    size: u32,
) {
    let Some(params) = video_meta_params(info, layout, size) else {
        return;
    };
    while let Some(index) = query.find_allocation_meta::<VideoMeta>() {
        query.remove_nth_allocation_meta(index);
    }
    query.add_allocation_meta::<VideoMeta>(Some(&params));
}

fn all_importers(query: &gst::query::Allocation) -> Importers {
    use gst::meta::MetaAPI;
    let mut all = Importers::default();
    let entries = query.allocation_metas();
    for (_api, params) in entries.filter(|(api, _params)| *api == ImportersMeta::meta_api()) {
        all.extend(&importers::from_params(params));
    }
    all
}

/// The parameters `video-meta` for a layout that differs from GStreamer's own by an alignment of its rows; `None` for one
/// that does not, and for one that no alignment gives.
fn video_meta_params(info: &VideoInfo, layout: &FrameLayout, size: u32) -> Option<gst::Structure> {
    let has_layout = |info: &VideoInfo| {
        let strides = info.stride().iter().zip(info.offset());
        let planes = layout.planes();
        planes.len() == info.stride().len()
            && strides.zip(planes).all(|((&stride, &offset), plane)| {
                i64::from(stride) == i64::from(plane.stride) && offset as u64 == plane.offset
            })
    };
    if has_layout(info) {
        return None;
    }
    let aligns = std::iter::successors(Some(2_u32), |align| align.checked_mul(2));
    let mask = aligns
        .take_while(|&align| align <= MAX_STRIDE_ALIGN)
        .map(|align| align - 1)
        .find(|&mask| {
            let mut aligned = info.clone();
            let mut alignment = VideoAlignment::new(0, 0, 0, 0, &[mask; 4]);
            aligned.align(&mut alignment).is_ok()
                && has_layout(&aligned)
                && aligned.size() == size as usize
        })?;
    let mut params = gst::Structure::new_empty("video-meta");
    for side in ["top", "bottom", "left", "right"] {
        params.set(format!("padding-{side}"), 0_u32);
    }
    for plane in 0..4 {
        params.set(format!("stride-align{plane}"), mask);
    }
    Some(params)
}

#[cfg(test)]
mod tests;
