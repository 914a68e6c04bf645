//! The C side of [`Importers`]: a boxed type of its own, and the meta API under which ALLOCATION queries carry it.
//!
//! `gst_query_add_allocation_meta` takes a meta API and a structure of parameters. No buffer ever has this meta: the
//! entry only lends the importers a way upstream. Its tag `memory` makes `GstBaseTransform` drop it where an element
//! makes memory of its own, and keep it where the element hands buffers on or works in place.

use std::ffi::{CString, c_char};
use std::sync::LazyLock;

use gst::glib;
use gst::glib::prelude::*;
use gst::glib::subclass::boxed::{BoxedType, register_boxed_type};
use gst::glib::translate::{FromGlib, IntoGlib, IntoGlibPtr, ToGlibPtr, ToGlibPtrMut};
use gst::glib::value::{FromValue, GenericValueTypeOrNoneChecker};

use crate::importers::Importers;
use crate::panic::contained;

/// The structure in a query.
const STRUCTURE: &str = "dmaheap-importers";
/// Its one field.
const FIELD: &str = "importers";

/// The meta API whose parameters are importers. It is only ever asked for in queries.
pub(crate) struct ImportersMeta;

/// The type of `gst_meta_api_type_set_params_aggregator`.
type SetAggregator =
    unsafe extern "C" fn(glib::ffi::GType, gst::ffi::GstAllocationMetaParamsAggregator);

// SAFETY: no buffer has such a meta, so no pointer is ever taken for the type named here.
unsafe impl gst::meta::MetaAPI for ImportersMeta {
    type GstType = gst::ffi::GstMeta;

    fn meta_api() -> glib::Type {
        static TYPE: LazyLock<glib::Type> = LazyLock::new(register_meta_api);
        *TYPE
    }
}

/// The parameters that carry these importers.
pub(crate) fn to_params(importers: &Importers) -> gst::Structure {
    let mut params = gst::Structure::new_empty(STRUCTURE);
    params.set_value(FIELD, importers.to_send_value());
    params
}

/// The importers in the parameters of a query's entry; none in parameters of another copy of this code.
pub(crate) fn from_params(params: Option<&gst::StructureRef>) -> Importers {
    let field = params.and_then(|params| params.value(FIELD).ok());
    let importers = field.and_then(|field| field.get::<&Importers>().ok());
    importers.cloned().unwrap_or_default()
}

/// Registers the meta API. The address makes its name unique to this copy of the code: another build that is loaded into
/// the same process has a meta API of its own, and neither sees the other's.
fn register_meta_api() -> glib::Type {
    static MARK: u8 = 0;
    let name = format!("{}-{:p}-API", Importers::NAME, &raw const MARK);
    let name = CString::new(name).unwrap_or_default();
    let mut tags: [*const c_char; 2] = [c"memory".as_ptr(), std::ptr::null()];
    // SAFETY: both are NUL-terminated and outlive the call, which copies them; the tags end with NULL.
    let api = unsafe { gst::ffi::gst_meta_api_type_register(name.as_ptr(), tags.as_mut_ptr()) };
    if let Some(set_aggregator) = find_set_aggregator() {
        // SAFETY: the type was registered as a meta API above, and `aggregate` keeps the contract of an aggregator.
        unsafe { set_aggregator(api, Some(aggregate)) };
    }
    // SAFETY: a GType from GLib is one.
    unsafe { glib::Type::from_glib(api) }
}

/// The function of GStreamer 1.26 that makes a `tee` join the parameters of its branches. It is looked up, so that the
/// plugin loads into 1.24 too, whose `tee` drops all parameters.
fn find_set_aggregator() -> Option<SetAggregator> {
    let name = c"gst_meta_api_type_set_params_aggregator";
    // SAFETY: the name is NUL-terminated, and RTLD_DEFAULT is a handle that is always open.
    let symbol = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    if symbol.is_null() {
        return None;
    }
    // SAFETY: a symbol of this name is GStreamer's function with this signature (gst/gstmeta.h), and GStreamer is never
    // unloaded.
    Some(unsafe { std::mem::transmute::<*mut libc::c_void, SetAggregator>(symbol) })
}

/// Joins the importers of two branches.
unsafe extern "C" fn aggregate(
    joined: *mut *mut gst::ffi::GstStructure,
    first: *const gst::ffi::GstStructure,
    second: *const gst::ffi::GstStructure,
) -> glib::ffi::gboolean {
    let joined_params = contained("joining importers", || {
        let mut importers = Importers::default();
        for params in [first, second] {
            if !params.is_null() {
                // SAFETY: GStreamer passes a live structure, and lends it for the length of this call.
                let params = unsafe { gst::StructureRef::from_glib_borrow(params) };
                importers.extend(&from_params(Some(params)));
            }
        }
        to_params(&importers)
    });
    let Some(params) = joined_params else {
        return glib::ffi::GFALSE;
    };
    // SAFETY: `joined` points to where the caller wants the structure, and owns it from now on.
    unsafe { *joined = params.into_glib_ptr() };
    true.into_glib()
}

impl BoxedType for Importers {
    const NAME: &'static str = concat!(
        "GstDmaheapImporters-",
        env!("CARGO_PKG_VERSION_MAJOR"),
        "_",
        env!("CARGO_PKG_VERSION_MINOR"),
        "_",
        env!("CARGO_PKG_VERSION_PATCH"),
        "-",
        env!("COMMIT_ID")
    );
    /// Two copies of one build in a process (the shared object and one linked in statically) get a type each.
    const ALLOW_NAME_CONFLICT: bool = true;
}

impl StaticType for Importers {
    fn static_type() -> glib::Type {
        static TYPE: LazyLock<glib::Type> = LazyLock::new(register_boxed_type::<Importers>);
        *TYPE
    }
}

impl ToValue for Importers {
    fn to_value(&self) -> glib::Value {
        let mut value = glib::Value::from_type(Self::static_type());
        let copy = Box::into_raw(Box::new(self.clone()));
        // SAFETY: the value is of this boxed type, and takes over a box as the type's free function expects it.
        unsafe {
            glib::gobject_ffi::g_value_take_boxed(value.to_glib_none_mut().0, copy.cast());
        }
        value
    }

    fn value_type(&self) -> glib::Type {
        Self::static_type()
    }
}

// SAFETY: the checker lets only values of this very type through that are not NULL.
unsafe impl<'a> FromValue<'a> for &'a Importers {
    type Checker = GenericValueTypeOrNoneChecker<Self>;

    unsafe fn from_value(value: &'a glib::Value) -> Self {
        // SAFETY: the value holds a boxed type.
        let data = unsafe { glib::gobject_ffi::g_value_get_boxed(value.to_glib_none().0) };
        // SAFETY: all data of this type are boxes made by `to_value` or by the type's copy function, and this one lives as
        // long as the value.
        unsafe { &*data.cast::<Importers>() }
    }
}

#[cfg(test)]
mod tests {
    use dmabuf_heap::{Fourcc, FrameSpec};
    use gst::meta::MetaAPI;

    use super::*;
    use crate::testing::Device;

    const PICTURE: FrameSpec = FrameSpec::new(Fourcc::NV12, 64, 48);

    fn importers(name: &'static str) -> Importers {
        gst::init().expect("GStreamer");
        let mut importers = Importers::default();
        importers.add(PICTURE, Device::willing(name));
        importers
    }

    #[test]
    fn importers_survive_the_way_through_a_query() {
        let params = to_params(&importers("display")).clone();
        let found = from_params(Some(&params)).of(&PICTURE);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].name(), "display");
    }

    #[test]
    fn what_is_not_ours_is_no_importer() {
        gst::init().expect("GStreamer");
        let foreign = gst::Structure::builder(STRUCTURE)
            .field(FIELD, "text")
            .build();
        assert!(from_params(Some(&foreign)).of(&PICTURE).is_empty());
        assert!(from_params(None).of(&PICTURE).is_empty());
    }

    #[test]
    fn the_entry_is_dropped_where_memory_changes() {
        gst::init().expect("GStreamer");
        let api = ImportersMeta::meta_api();
        assert!(api.is_valid());
        let tag = glib::Quark::from_str("memory");
        // SAFETY: the type is a meta API, as registered.
        let tagged =
            unsafe { gst::ffi::gst_meta_api_type_has_tag(api.into_glib(), tag.into_glib()) };
        assert_ne!(tagged, glib::ffi::GFALSE);
    }

    #[test]
    fn branches_are_joined() {
        let branches = [importers("left"), importers("right")].map(|it| to_params(&it));
        let mut joined = std::ptr::null_mut();
        // SAFETY: all three are what the aggregator expects, for the length of the call.
        let done =
            unsafe { aggregate(&raw mut joined, branches[0].as_ptr(), branches[1].as_ptr()) };
        assert_ne!(done, glib::ffi::GFALSE);
        // SAFETY: the aggregator gave us the structure.
        let joined: gst::Structure = unsafe { glib::translate::from_glib_full(joined) };
        assert_eq!(from_params(Some(&joined)).of(&PICTURE).len(), 2);
    }
}
