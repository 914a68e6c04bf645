use super::set::BufferSet;

/// Where a queue stands: [`Idle`], [`Allocated`] or [`Streaming`].
pub trait State: sealed::Sealed {}

/// A queue that has buffers: [`Allocated`] or [`Streaming`].
pub trait Filled: State + sealed::Filled {}

/// It has no buffers; its format may change.
#[derive(Debug)]
pub struct Idle(pub(super) ());

/// It has buffers and does not run.
#[derive(Debug)]
pub struct Allocated {
    pub(super) set: BufferSet,
}

/// It runs. Dropped, it stops.
#[derive(Debug)]
pub struct Streaming {
    // In this order: a queue stops before its buffers are freed.
    pub(super) run: super::run::Run,
    pub(super) set: BufferSet,
}

impl State for Idle {}
impl State for Allocated {}
impl State for Streaming {}
impl Filled for Allocated {}
impl Filled for Streaming {}

pub(super) mod sealed {
    use super::BufferSet;

    pub trait Sealed {}
    impl Sealed for super::Idle {}
    impl Sealed for super::Allocated {}
    impl Sealed for super::Streaming {}

    pub trait Filled {
        #[expect(
            private_interfaces,
            reason = "nobody outside can name the trait that this is in"
        )]
        fn set(&self) -> &BufferSet;
    }

    impl Filled for super::Allocated {
        #[expect(private_interfaces, reason = "as above")]
        fn set(&self) -> &BufferSet {
            &self.set
        }
    }

    impl Filled for super::Streaming {
        #[expect(private_interfaces, reason = "as above")]
        fn set(&self) -> &BufferSet {
            &self.set
        }
    }
}
