//! Which allocator serves.
//!
//! Users name a heap or leave the choice to us (`auto`). A pool, an allocator object and a sink all need the same
//! answer: the same heap for all buffers of a stream, and the reason for it in the statistics.

use std::sync::{Arc, Mutex};

use dmabuf_heap::{
    AllocateError, Allocator, Attempt, Contiguity, DmaBuf, FindError, Frame, LayoutRequest,
    OpenError, Registry,
};

use crate::sync::lock;

/// The `heap` property's value for "the first that works".
pub(crate) const AUTO: &str = "auto";

/// The source of all buffers of one element: a named heap, or the first that works.
#[derive(Debug)]
pub(crate) struct HeapSource {
    registry: Registry,
    named: Option<Arc<dyn Allocator>>,
    served: Mutex<Option<Served>>,
}

/// Why no heap is open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum HeapError {
    /// Not the one that was named.
    #[error(transparent)]
    Named(#[from] FindError),
    /// None at all.
    #[error("this machine has no memory that devices can share: {0}")]
    None(String),
}

/// The allocator that serves, and why it does.
#[derive(Debug, Clone)]
pub(crate) struct Served {
    /// The allocator.
    pub allocator: Arc<dyn Allocator>,
    /// One sentence.
    pub reason: String,
}

impl HeapSource {
    /// Looks the heap up now, so that a wrong name fails before anything streams.
    ///
    /// # Errors
    ///
    /// No heap of that name: the error lists those there are. No permission: it says what to do.
    pub(crate) fn open(name: &str) -> Result<Self, HeapError> {
        Self::among(Registry::discover(), name)
    }

    /// Looks a heap up among the allocators of `registry`.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn among(registry: Registry, name: &str) -> Result<Self, HeapError> {
        let named = if name == AUTO {
            None
        } else {
            Some(registry.find(name)?)
        };
        if registry.allocators().is_empty() {
            let reasons = registry.unavailable().iter().map(ToString::to_string);
            return Err(HeapError::None(reasons.collect::<Vec<_>>().join("; ")));
        }
        Ok(Self {
            registry,
            named,
            served: Mutex::new(None),
        })
    }

    /// A frame. The first one settles which heap serves; all others come from there.
    ///
    /// # Errors
    ///
    /// The heap's refusal, or with `auto` and no heap settled those of all heaps.
    pub(crate) fn allocate(&self, request: &LayoutRequest) -> Result<Frame, AllocateError> {
        if let Some(served) = self.served() {
            return served.allocator.allocate(request);
        }
        let (served, frame) = if let Some(allocator) = &self.named {
            let frame = allocator.allocate(request)?;
            let reason = "set by the property heap".to_owned();
            (
                Served {
                    allocator: Arc::clone(allocator),
                    reason,
                },
                frame,
            )
        } else {
            let (allocator, frame, reason) = self.registry.first_working(request)?;
            (Served { allocator, reason }, frame)
        };
        self.settle(served);
        Ok(frame)
    }

    /// A dma-buf of at least `len` bytes.
    ///
    /// # Errors
    ///
    /// As [`allocate`](Self::allocate).
    pub(crate) fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        let bytes_of = |allocator: &Arc<dyn Allocator>| match allocator.as_bytes() {
            Some(bytes) => bytes.allocate_bytes(len),
            None => Err(AllocateError::NoBytes {
                allocator: allocator.name().to_owned(),
            }),
        };
        let settled = self
            .served()
            .map(|served| served.allocator)
            .or_else(|| self.named.clone());
        if let Some(allocator) = settled {
            return bytes_of(&allocator);
        }

        let mut tried = Vec::new();
        for allocator in self.registry.allocators() {
            match bytes_of(&allocator) {
                Ok(dmabuf) => {
                    let reason = format!("the first of {} that gave {len} bytes", tried.len() + 1);
                    self.settle(Served { allocator, reason });
                    return Ok(dmabuf);
                }
                Err(error) => tried.push(Attempt {
                    allocator: allocator.name().to_owned(),
                    error,
                }),
            }
        }
        let unavailable = self
            .registry
            .unavailable()
            .iter()
            .map(ToString::to_string)
            .collect();
        Err(AllocateError::NoneWorked { tried, unavailable })
    }

    /// The names of the heaps of this machine.
    pub(crate) fn names() -> Vec<String> {
        Registry::discover()
            .allocators()
            .iter()
            .map(|it| it.name().to_owned())
            .collect()
    }

    /// The allocator that serves; `None` before the first frame.
    pub(crate) fn served(&self) -> Option<Served> {
        lock(&self.served).clone()
    }

    /// The allocator that serves, or before the first frame the one that would be tried first.
    pub(crate) fn candidate(&self) -> Option<Arc<dyn Allocator>> {
        let first = || self.registry.allocators().into_iter().next();
        let served = self.served().map(|served| served.allocator);
        served.or_else(|| self.named.clone()).or_else(first)
    }

    /// The name for messages: the heap that serves, else the one asked for, else `auto`.
    pub(crate) fn name(&self) -> String {
        match (self.served(), &self.named) {
            (Some(served), _) => served.allocator.name().to_owned(),
            (None, Some(named)) => named.name().to_owned(),
            (None, None) => AUTO.to_owned(),
        }
    }

    /// Why a device refuses this memory, as far as the memory's kind tells, and what to try.
    pub(crate) fn why_refused(&self) -> String {
        let contiguity = self
            .served()
            .map(|served| served.allocator.capabilities().contiguity);
        let contiguous = self.contiguous_names();
        match (contiguity, contiguous.as_slice()) {
            (Some(Contiguity::Contiguous), _) => "it is physically contiguous, so the device has another reason, \
                 such as an address it cannot reach; the kernel log may tell"
                .to_owned(),
            (_, []) => "its pages are scattered, and a device without an IOMMU needs physically contiguous memory; \
                 this machine has no such heap (the kernel needs CONFIG_DMABUF_HEAPS_CMA)"
                .to_owned(),
            (_, names) => format!(
                "its pages are scattered, and a device without an IOMMU needs physically contiguous memory; \
                 try heap={}",
                names.join(" or heap=")
            ),
        }
    }

    /// Names of the heaps whose memory is physically contiguous.
    fn contiguous_names(&self) -> Vec<String> {
        let contiguous =
            |it: &Arc<dyn Allocator>| it.capabilities().contiguity == Contiguity::Contiguous;
        self.registry
            .allocators()
            .iter()
            .filter(|it| contiguous(it))
            .map(|it| it.name().to_owned())
            .collect()
    }

    fn settle(&self, served: Served) {
        let mut slot = lock(&self.served);
        slot.get_or_insert(served);
    }
}

impl HeapError {
    /// The code to report it by.
    pub(crate) fn code(&self) -> gst::ResourceError {
        match self {
            Self::Named(FindError::Unavailable(one))
                if matches!(*one.error, OpenError::Permission { .. }) =>
            {
                gst::ResourceError::NotAuthorized
            }
            _ => gst::ResourceError::NotFound,
        }
    }
}

#[cfg(test)]
mod tests {
    use dmabuf_heap::Fourcc;

    use super::*;
    use crate::testing::Exhausted;

    fn registry() -> Registry {
        let registry = Registry::empty();
        for name in ["first", "second"] {
            registry
                .register(Arc::new(Exhausted(name)))
                .expect("a free name");
        }
        registry
    }

    #[test]
    fn an_unknown_heap_is_answered_with_those_there_are() {
        let error = HeapSource::among(registry(), "third").expect_err("there is no third");
        let text = error.to_string();
        assert!(
            text.contains("third") && text.contains("first, second"),
            "{text}"
        );
        assert_eq!(error.code(), gst::ResourceError::NotFound);
    }

    #[test]
    fn no_heap_at_all_is_an_error_before_anything_streams() {
        let error = HeapSource::among(Registry::empty(), AUTO).expect_err("there is nothing");
        assert!(matches!(error, HeapError::None(_)), "{error}");
    }

    #[test]
    fn auto_asks_all_and_a_name_asks_one() {
        let request = LayoutRequest::new(Fourcc::NV12, 64, 48);
        let auto = HeapSource::among(registry(), AUTO).expect("two heaps");
        let text = auto.allocate(&request).expect_err("exhausted").to_string();
        assert!(text.contains("first") && text.contains("second"), "{text}");
        assert!(
            auto.served().is_none(),
            "nothing served, so the next frame asks all again"
        );

        let named = HeapSource::among(registry(), "second").expect("second");
        let text = named.allocate(&request).expect_err("exhausted").to_string();
        assert!(!text.contains("first") && text.contains("second"), "{text}");
    }

    #[test]
    fn advice_on_a_refusal_names_the_contiguous_heaps() {
        let source = HeapSource::among(registry(), "first").expect("first");
        assert!(
            source.why_refused().contains("no such heap"),
            "{}",
            source.why_refused()
        );
    }
}
