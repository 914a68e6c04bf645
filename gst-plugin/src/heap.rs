//! Which allocator serves an element.
//!
//! Users name a heap or leave the choice to us (`auto`). A name is an order: only that heap is tried, and a device that
//! refuses its memory is an error. Left to us, the devices on the path decide, by a [`Negotiation`] for each pool.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use dmabuf_heap::{
    AllocateError, Allocation, Allocator, Attempt, DmaBuf, FindError, FrameSpec, Negotiation,
    OpenError, Registry,
};

use crate::registry;
use crate::sync::lock;

/// The `heap` property's value for "whatever suits the devices".
pub(crate) const AUTO: &str = "auto";

/// The source of all buffers of one element: a named heap, or whatever its devices can take.
#[derive(Debug)]
pub(crate) struct HeapSource {
    registry: Arc<Registry>,
    named: Option<Arc<dyn Allocator>>,
    choice: Mutex<Option<Choice>>,
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

/// The allocator that serves, and how it came to that.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    /// The allocator.
    pub allocator: Arc<dyn Allocator>,
    /// One line.
    pub summary: String,
    /// A few lines: who was asked, and what each of them said.
    pub story: String,
}

impl Choice {
    /// What a negotiation came to.
    pub(crate) fn of(allocation: &Allocation) -> Self {
        let explanation = allocation.explain();
        Self {
            allocator: allocation.allocator(),
            summary: explanation.summary(),
            story: explanation.to_string(),
        }
    }

    /// Notes that `readers` were left out, because of `objection`.
    pub(crate) fn leave_out(&mut self, readers: &str, objection: &str) {
        let _infallible = write!(
            self.summary,
            "; without {readers}, which will have to copy: {objection}"
        );
        let _infallible = write!(self.story, "\n{readers}: left to copy, {objection}");
    }
}

impl HeapSource {
    /// Looks the heap up now, so that a wrong name fails before anything streams.
    ///
    /// # Errors
    ///
    /// No heap of that name: the error lists those there are. No permission: it says what to do.
    pub(crate) fn open(name: &str) -> Result<Self, HeapError> {
        Self::among(registry::shared(), name)
    }

    /// Looks a heap up among the allocators of `registry`.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub(crate) fn among(registry: Arc<Registry>, name: &str) -> Result<Self, HeapError> {
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
            choice: Mutex::new(None),
        })
    }

    /// A negotiation about `picture` among the heaps that the user allows. Nobody is attached yet.
    pub(crate) fn negotiation(&self, picture: FrameSpec) -> Negotiation {
        let negotiation = Negotiation::new(&self.registry, picture);
        match &self.named {
            Some(allocator) => negotiation.allocator(Arc::clone(allocator)),
            None => negotiation,
        }
    }

    /// Remembers what a negotiation came to.
    pub(crate) fn settle(&self, choice: Choice) {
        *lock(&self.choice) = Some(choice);
    }

    /// A dma-buf of at least `len` bytes, where nothing is known of who will import it: from the allocator that serves,
    /// else the first that gives one.
    ///
    /// # Errors
    ///
    /// The heap's refusal, or with `auto` and no heap settled those of all heaps.
    pub(crate) fn allocate_bytes(&self, len: u64) -> Result<DmaBuf, AllocateError> {
        let bytes_of = |allocator: &Arc<dyn Allocator>| match allocator.as_bytes() {
            Some(bytes) => bytes.allocate_bytes(len),
            None => Err(AllocateError::NoBytes {
                allocator: allocator.name().to_owned(),
            }),
        };
        let chosen = lock(&self.choice).as_ref().map(|it| it.allocator.clone());
        if let Some(allocator) = chosen.or_else(|| self.named.clone()) {
            return bytes_of(&allocator);
        }

        let mut tried = Vec::new();
        for allocator in self.registry.allocators() {
            match bytes_of(&allocator) {
                Ok(dmabuf) => return Ok(dmabuf),
                Err(error) => tried.push(Attempt {
                    allocator: allocator.name().to_owned(),
                    error,
                }),
            }
        }
        let unavailable = self.registry.unavailable().iter();
        Err(AllocateError::NoneWorked {
            tried,
            unavailable: unavailable.map(ToString::to_string).collect(),
        })
    }

    /// The names of the heaps of this machine.
    pub(crate) fn names() -> Vec<String> {
        registry::shared()
            .allocators()
            .iter()
            .map(|it| it.name().to_owned())
            .collect()
    }

    /// The allocator that serves, or before the first negotiation the one that would be tried first.
    pub(crate) fn candidate(&self) -> Option<Arc<dyn Allocator>> {
        let first = || self.registry.allocators().into_iter().next();
        let chosen = lock(&self.choice).as_ref().map(|it| it.allocator.clone());
        chosen.or_else(|| self.named.clone()).or_else(first)
    }

    /// The name for messages: the heap that serves, else the one asked for, else `auto`.
    pub(crate) fn name(&self) -> String {
        let chosen = lock(&self.choice).as_ref().map(|it| it.allocator.clone());
        let allocator = chosen.or_else(|| self.named.clone());
        allocator.map_or_else(|| AUTO.to_owned(), |it| it.name().to_owned())
    }

    /// What a user who named a heap can do when a device refuses its memory.
    pub(crate) fn advice(&self) -> String {
        let Some(named) = &self.named else {
            return String::new();
        };
        let others = self.contiguous_names();
        let mut advice = "; heap=auto".to_owned();
        for other in others.iter().filter(|other| *other != named.name()) {
            let _infallible = write!(advice, " or heap={other} (contiguous)");
        }
        advice + " may suit everybody"
    }

    /// Names of the heaps whose memory is physically contiguous.
    fn contiguous_names(&self) -> Vec<String> {
        let contiguous = |it: &Arc<dyn Allocator>| {
            it.capabilities().contiguity == dmabuf_heap::Contiguity::Contiguous
        };
        self.registry
            .allocators()
            .iter()
            .filter(|it| contiguous(it))
            .map(|it| it.name().to_owned())
            .collect()
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

    const PICTURE: FrameSpec = FrameSpec::new(Fourcc::NV12, 64, 48);

    fn registry() -> Arc<Registry> {
        let registry = Registry::empty();
        for name in ["first", "second"] {
            registry
                .register(Arc::new(Exhausted(name)))
                .expect("a free name");
        }
        Arc::new(registry)
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
        let nothing = Arc::new(Registry::empty());
        let error = HeapSource::among(nothing, AUTO).expect_err("there is nothing");
        assert!(matches!(error, HeapError::None(_)), "{error}");
    }

    #[test]
    fn auto_asks_all_and_a_name_asks_one() {
        let auto = HeapSource::among(registry(), AUTO).expect("two heaps");
        let text = auto.negotiation(PICTURE).allocate();
        let text = text.expect_err("exhausted").to_string();
        assert!(text.contains("first") && text.contains("second"), "{text}");

        let named = HeapSource::among(registry(), "second").expect("second");
        let text = named.negotiation(PICTURE).allocate();
        let text = text.expect_err("exhausted").to_string();
        assert!(!text.contains("first") && text.contains("second"), "{text}");
    }

    #[test]
    fn only_who_named_a_heap_is_told_to_name_another() {
        let auto = HeapSource::among(registry(), AUTO).expect("two heaps");
        assert_eq!(auto.advice(), "");
        let named = HeapSource::among(registry(), "second").expect("second");
        assert!(named.advice().contains("heap=auto"), "{}", named.advice());
    }
}
