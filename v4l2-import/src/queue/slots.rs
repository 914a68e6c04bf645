//! Which buffer number a frame goes by.

use dmabuf_heap::{Frame, FrameKey};

use crate::probe::Piece;

/// The numbers of a queue, each with the frame that it was last used for.
#[derive(Debug, Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    /// Counts uses, to know which one was longest ago.
    clock: u64,
}

/// One buffer number.
#[derive(Debug, Default)]
struct Slot {
    bound: Option<Bound>,
    last_used: u64,
    /// The frame while the device has it.
    queued: Option<Frame>,
}

/// What lies under a number: the kernel keeps it attached until the number is used for another frame.
#[derive(Debug)]
struct Bound {
    key: FrameKey,
    pieces: Vec<Piece>,
}

/// How a frame came to its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// It had it before.
    Kept,
    /// Nobody had it before.
    New,
    /// Another frame had it, which is detached.
    Moved,
}

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self {
            slots: (0..count).map(|_number| Slot::default()).collect(),
            clock: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn queued(&self) -> usize {
        self.slots.iter().filter(|it| it.queued.is_some()).count()
    }

    /// The number for a frame: its own, else one that nobody has, else the one that was used longest ago. `None`: the device
    /// has them all.
    pub(super) fn choose(&self, key: &FrameKey) -> Option<(u32, Binding)> {
        let free = || {
            (0_u32..)
                .zip(&self.slots)
                .filter(|it| it.1.queued.is_none())
        };
        let is_own = |slot: &Slot| slot.bound.as_ref().is_some_and(|it| it.key == *key);
        if let Some((number, _own)) = free().find(|it| is_own(it.1)) {
            return Some((number, Binding::Kept));
        }
        if let Some((number, _new)) = free().find(|it| it.1.bound.is_none()) {
            return Some((number, Binding::New));
        }
        let oldest = free().min_by_key(|it| it.1.last_used)?;
        Some((oldest.0, Binding::Moved))
    }

    /// The pieces that the frame of a number was cut into.
    pub(super) fn pieces(&self, number: u32) -> Option<&[Piece]> {
        let slot = self.slots.get(usize::try_from(number).ok()?)?;
        slot.bound.as_ref().map(|it| &it.pieces[..])
    }

    pub(super) fn bind(&mut self, number: u32, key: FrameKey, pieces: Vec<Piece>) {
        if let Some(slot) = self.slot(number) {
            slot.bound = Some(Bound { key, pieces });
        }
    }

    /// A frame that was refused is not what lies under the number; nobody knows what does.
    pub(super) fn unbind(&mut self, number: u32) {
        if let Some(slot) = self.slot(number) {
            slot.bound = None;
        }
    }

    pub(super) fn give(&mut self, number: u32, frame: Frame) {
        self.clock += 1;
        let clock = self.clock;
        if let Some(slot) = self.slot(number) {
            slot.last_used = clock;
            slot.queued = Some(frame);
        }
    }

    /// The frame that comes back under a number; `None` if the device did not have it.
    pub(super) fn take(&mut self, number: u32) -> Option<Frame> {
        self.slot(number)?.queued.take()
    }

    fn slot(&mut self, number: u32) -> Option<&mut Slot> {
        self.slots.get_mut(usize::try_from(number).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dmabuf_heap::{DmaBuf, Fourcc, FrameLayout};

    use super::*;

    fn frame() -> Frame {
        let layout = FrameLayout::linear(Fourcc::RGB565, 16, 16, 1).unwrap();
        let dmabuf = DmaBuf::stand_in(layout.size()).unwrap();
        Frame::new(layout, &[Arc::new(dmabuf)]).unwrap()
    }

    fn queue(slots: &mut Slots, frame: &Frame) -> Option<(u32, Binding)> {
        let (number, binding) = slots.choose(frame.key())?;
        if binding != Binding::Kept {
            slots.bind(number, *frame.key(), Vec::new());
        }
        slots.give(number, frame.clone());
        Some((number, binding))
    }

    #[test]
    fn a_frame_keeps_its_number_in_whatever_order_frames_come() {
        let mut slots = Slots::new(3);
        let frames = [frame(), frame(), frame()];
        for (number, frame) in (0..).zip(&frames) {
            assert_eq!(queue(&mut slots, frame), Some((number, Binding::New)));
        }
        assert_eq!(slots.queued(), 3);
        for number in 0..3 {
            assert_eq!(slots.take(number).as_ref(), Some(&frames[number as usize]));
        }
        for number in [2, 0, 1] {
            let frame = &frames[number as usize];
            assert_eq!(queue(&mut slots, frame), Some((number, Binding::Kept)));
        }
    }

    #[test]
    fn one_frame_too_many_takes_the_number_that_rested_longest() {
        let mut slots = Slots::new(2);
        let (first, second, third) = (frame(), frame(), frame());
        for frame in [&first, &second, &first] {
            let (number, _binding) = queue(&mut slots, frame).unwrap();
            slots.take(number).unwrap();
        }
        assert_eq!(queue(&mut slots, &third), Some((1, Binding::Moved)));
        assert_eq!(queue(&mut slots, &first), Some((0, Binding::Kept)));
        assert_eq!(queue(&mut slots, &second), None, "the device has both");
    }

    #[test]
    fn a_frame_that_the_device_has_goes_by_another_number_the_second_time() {
        let mut slots = Slots::new(2);
        let frame = frame();
        assert_eq!(queue(&mut slots, &frame), Some((0, Binding::New)));
        assert_eq!(queue(&mut slots, &frame), Some((1, Binding::New)));
    }

    #[test]
    fn a_number_whose_frame_was_refused_is_free() {
        let mut slots = Slots::new(1);
        let (first, second) = (frame(), frame());
        queue(&mut slots, &first).unwrap();
        slots.take(0).unwrap();
        slots.unbind(0);
        assert_eq!(slots.take(0), None);
        assert_eq!(queue(&mut slots, &second), Some((0, Binding::New)));
    }
}
