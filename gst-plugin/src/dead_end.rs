//! Where the wishes of the elements downstream exclude each other, for messages.
//!
//! All that a source gets to know of it are caps that are empty, and all that a user gets to read "not negotiated".

use gst::glib;
use gst::prelude::*;

use crate::in_place::{self, MAX_STEPS};

/// How much of caps is worth reading: those of a display fill pages.
const MOST_LETTERS: usize = 400;

/// The first element downstream of `pad`, whose peer takes nothing, that takes nothing itself, in words.
pub(crate) fn describe(pad: &gst::Pad) -> String {
    let mut pad = pad.clone();
    for _step in 0..MAX_STEPS {
        let Some(element) = in_place::neighbour(&pad) else {
            break;
        };
        let outputs = element.src_pads();
        match outputs.into_iter().find(|it| taken_behind(it).is_empty()) {
            Some(blocked) => pad = blocked,
            None => return why_nothing(&element),
        }
    }
    "those downstream take nothing at all".to_owned()
}

/// Caps in a sentence.
pub(crate) fn shortened(caps: &gst::CapsRef) -> String {
    let caps = caps.to_string();
    match caps.char_indices().nth(MOST_LETTERS) {
        Some((at, _letter)) => format!("{}…", &caps[..at]),
        None => caps,
    }
}

fn taken_behind(pad: &gst::Pad) -> gst::Caps {
    pad.peer_query_caps(None)
}

fn why_nothing(element: &gst::Element) -> String {
    let name = element.name();
    let own = own_caps(element);
    let behind: Vec<_> = element
        .src_pads()
        .iter()
        .filter_map(|pad| {
            let next = in_place::neighbour(pad)?;
            Some(against(own.as_ref(), &next.name(), &taken_behind(pad)))
        })
        .collect();
    let asks = own.map_or_else(String::new, |caps| {
        format!(" asks for {} and", shortened(&caps))
    });
    if behind.is_empty() {
        format!("{name}{asks} takes nothing at all")
    } else {
        let behind = behind.join(", and ");
        format!("{name}{asks} has nothing in common with {behind}")
    }
}

/// Those of a filter.
fn own_caps(element: &gst::Element) -> Option<gst::Caps> {
    let kind = element.property_type("caps")?;
    (kind == gst::Caps::static_type())
        .then(|| element.property::<Option<gst::Caps>>("caps"))
        .flatten()
}

/// What an element takes: the fields that exclude `own`, or everything where no single field does.
fn against(own: Option<&gst::Caps>, name: &str, taken: &gst::CapsRef) -> String {
    let fields = own.map_or_else(Vec::new, |own| excluding(own, taken));
    let what = if fields.is_empty() {
        shortened(taken)
    } else {
        fields.join(", ")
    };
    format!("{name}, which takes {what}")
}

/// The fields that have a value in `taken` but none of those in `own`, as there.
fn excluding(own: &gst::CapsRef, taken: &gst::CapsRef) -> Vec<String> {
    let values_of = |caps: &gst::CapsRef, field: &str| -> Vec<glib::SendValue> {
        let all = caps.iter().filter_map(|it| it.value(field).ok().cloned());
        all.collect()
    };
    let Some(fields) = own.structure(0).map(|it| it.fields()) else {
        return Vec::new();
    };
    let excluded = fields.filter_map(|field| {
        let (ours, theirs) = (values_of(own, field), values_of(taken, field));
        let meets = |one: &glib::SendValue| ours.iter().any(|it| it.intersect(one).is_some());
        let clashes = !theirs.is_empty() && !theirs.iter().any(meets);
        let shown = clashes.then(|| theirs.first()?.serialize().ok())??;
        Some(format!("{field} {shown}"))
    });
    excluded.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Filters get their caps once all is linked, as a display shows its own only when it is opened.
    #[track_caller]
    fn described(behind: &str, filters: [(&str, &str); 2]) -> String {
        gst::init().expect("GStreamer");
        let launch = format!("fakesrc name=cam ! {behind}");
        let pipeline = gst::parse::launch(&launch).expect("pipeline");
        let bin = pipeline.downcast_ref::<gst::Bin>().expect("a bin");
        let element = |name| bin.by_name(name).expect("an element of that name");
        for (name, caps) in filters {
            element(name).set_property_from_str("caps", caps);
        }
        let pad = element("cam").static_pad("src").expect("its pad");
        assert!(pad.peer_query_caps(None).is_empty(), "{behind}");
        describe(&pad)
    }

    #[test]
    fn the_filter_that_excludes_what_is_behind_it_is_named_with_both_caps() {
        let text = described(
            "queue ! capsfilter name=wide ! identity name=next ! capsfilter name=narrow ! fakesink",
            [
                ("wide", "video/x-raw,width=12"),
                ("narrow", "video/x-raw,width=[16,4096]"),
            ],
        );
        assert_eq!(
            text,
            "wide asks for video/x-raw, width=(int)12 and has nothing in common with next, \
             which takes width [ 16, 4096 ]"
        );
    }

    #[test]
    fn where_no_single_field_excludes_the_others_all_is_told() {
        let text = described(
            "capsfilter name=wide ! capsfilter name=narrow ! fakesink",
            [
                ("wide", "video/x-raw,width=12"),
                ("narrow", "audio/x-raw,rate=8000"),
            ],
        );
        assert!(
            text.ends_with("narrow, which takes audio/x-raw, rate=(int)8000"),
            "{text}"
        );
    }

    #[test]
    fn branches_that_exclude_each_other_are_named() {
        let text = described(
            "tee name=fork fork. ! capsfilter name=one ! fakesink \
             fork. ! capsfilter name=other ! fakesink",
            [
                ("one", "video/x-raw,width=12"),
                ("other", "video/x-raw,width=16"),
            ],
        );
        assert!(text.starts_with("fork has nothing in common"), "{text}");
        assert!(text.contains("one, which takes video/x-raw, width=(int)12"));
        assert!(text.contains("other, which takes video/x-raw, width=(int)16"));
    }
}
