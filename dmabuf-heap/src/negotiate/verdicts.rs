use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use crate::{DeviceKey, LayoutRequest, Refusal, Role, Suspect, Verdict};

/// More than any machine asks for. A process that goes through sizes without an end, as a window that is being resized,
/// learns anew then.
const LIMIT: usize = 4096;

/// What importers said of which memory, in this process.
///
/// A probe costs system calls and a device that nobody uses at the moment, so an answer is kept as long as it must be the
/// same: for this device, until it is plugged anew, this allocator and this layout. Shortage passes and a device that
/// could not be asked has said nothing; neither is kept.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    devices: Mutex<HashMap<DeviceKey, Device>>,
}

#[derive(Debug, Default)]
struct Device {
    verdicts: HashMap<(Role, Arc<Memory>), Result<(), Refusal>>,
    wishes: HashMap<Role, Wishes>,
}

/// Frames that are alike for an importer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Memory {
    /// Name of the allocator.
    pub(crate) allocator: String,
    /// The device that makes the memory itself. Another device may have had the name before.
    pub(crate) owner: Option<DeviceKey>,
    /// Everything else.
    pub(crate) request: LayoutRequest,
}

/// What the refusals of a device, of whatever layout, have told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    /// It refused scattered memory.
    pub(crate) contiguous: bool,
    /// It refused memory of others.
    pub(crate) own: bool,
    /// It reaches everything and took a frame whose pages cannot lie side by side: no acceptance of scattered memory is luck.
    pub(crate) scattered: bool,
}

impl Wishes {
    pub(crate) fn learn(&mut self, refusal: &Refusal) {
        self.contiguous |= refusal.suspect == Some(Suspect::Scattered);
        self.own |= refusal.suspect == Some(Suspect::Foreign);
    }
}

/// One verdict that [`Registry`](crate::Registry) remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// Who was asked.
    pub device: DeviceKey,
    /// As what.
    pub role: Role,
    /// Name of the allocator of the frame.
    pub allocator: String,
    /// What the frame was made for.
    pub request: LayoutRequest,
    /// [`Verdict::Accepted`] or [`Verdict::Refused`].
    pub verdict: Verdict,
}

impl Verdicts {
    pub(crate) fn recall(
        &self,
        device: DeviceKey,
        role: Role,
        memory: &Arc<Memory>,
    ) -> Option<Verdict> {
        let devices = self.devices();
        let known = devices
            .get(&device)?
            .verdicts
            .get(&(role, memory.clone()))?;
        Some(known.clone().into())
    }

    /// What a device probably wants of a layout that it was never asked about.
    pub(crate) fn wishes(&self, device: DeviceKey, role: Role) -> Wishes {
        let devices = self.devices();
        let wishes = devices.get(&device).and_then(|it| it.wishes.get(&role));
        wishes.copied().unwrap_or_default()
    }

    pub(crate) fn remember(
        &self,
        device: DeviceKey,
        role: Role,
        memory: &Arc<Memory>,
        verdict: &Verdict,
    ) {
        let known = match verdict {
            Verdict::Accepted => Ok(()),
            Verdict::Refused(refusal) if is_shortage(refusal) => return,
            Verdict::Refused(refusal) => Err(refusal.clone()),
            Verdict::Unknown(_) => return,
        };
        let mut devices = self.devices();
        if devices
            .values()
            .map(|device| device.verdicts.len())
            .sum::<usize>()
            >= LIMIT
        {
            devices.clear();
        }
        let device = entry(&mut devices, device);
        if let Err(refusal) = &known {
            device.wishes.entry(role).or_default().learn(refusal);
        }
        device.verdicts.insert((role, memory.clone()), known);
    }

    /// It is proven that the device takes scattered memory.
    pub(crate) fn note_scattered(&self, device: DeviceKey, role: Role) {
        let mut devices = self.devices();
        let wishes = &mut entry(&mut devices, device).wishes;
        wishes.entry(role).or_default().scattered = true;
    }

    /// What the device said, and what was said of memory that it made.
    pub(crate) fn forget(&self, device: DeviceKey) {
        forget(&mut self.devices(), device);
    }

    /// What was said of memory of this allocator.
    pub(crate) fn forget_allocator(&self, allocator: &str) {
        for device in self.devices().values_mut() {
            device
                .verdicts
                .retain(|(_, memory), _| memory.owner.is_some() || memory.allocator != allocator);
        }
    }

    pub(crate) fn snapshot(&self) -> Vec<Remembered> {
        let devices = self.devices();
        let all = devices.iter().flat_map(|(device, known)| {
            let verdicts = known.verdicts.iter();
            verdicts.map(|((role, memory), verdict)| Remembered {
                device: *device,
                role: *role,
                allocator: memory.allocator.clone(),
                request: memory.request.clone(),
                verdict: verdict.clone().into(),
            })
        });
        all.collect()
    }

    fn devices(&self) -> MutexGuard<'_, HashMap<DeviceKey, Device>> {
        self.devices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(devices: &mut HashMap<DeviceKey, Device>, device: DeviceKey) -> &mut Device {
    if !devices.contains_key(&device) {
        forget_predecessor(devices, device);
    }
    devices.entry(device).or_default()
}

/// The number was another device's until that was unplugged.
fn forget_predecessor(devices: &mut HashMap<DeviceKey, Device>, device: DeviceKey) {
    let number = |key: DeviceKey| (key.major(), key.minor());
    let gone: Vec<_> = devices
        .keys()
        .copied()
        .filter(|key| number(*key) == number(device) && key.whole() != device.whole())
        .collect();
    for key in gone {
        forget(devices, key);
    }
}

/// With all its parts.
fn forget(devices: &mut HashMap<DeviceKey, Device>, device: DeviceKey) {
    let whole = device.whole();
    devices.retain(|key, _| key.whole() != whole);
    for other in devices.values_mut() {
        other
            .verdicts
            .retain(|(_, memory), _| memory.owner != Some(whole));
    }
}

fn is_shortage(refusal: &Refusal) -> bool {
    refusal.errno == Some(Errno::NOMEM.raw_os_error())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::{Fourcc, Why};

    fn device(path: &str) -> DeviceKey {
        DeviceKey::of(File::open(path).unwrap()).unwrap()
    }

    fn memory(allocator: &str, width: u32) -> Arc<Memory> {
        Arc::new(Memory {
            allocator: allocator.to_owned(),
            owner: None,
            request: LayoutRequest::new(Fourcc::NV12, width, 480),
        })
    }

    fn refusal(errno: Errno, suspect: Suspect) -> Verdict {
        Verdict::Refused(Refusal {
            importer: "camera".to_owned(),
            operation: "VIDIOC_PREPARE_BUF",
            detail: String::new(),
            errno: Some(errno.raw_os_error()),
            suspect: Some(suspect),
        })
    }

    #[test]
    fn a_verdict_is_of_one_device_role_allocator_and_layout() {
        let verdicts = Verdicts::default();
        let (camera, other) = (device("/dev/null"), device("/dev/zero"));
        let refused = refusal(Errno::FAULT, Suspect::Scattered);
        verdicts.remember(camera, Role::Writes, &memory("system", 640), &refused);
        let recall = |device, role, memory| verdicts.recall(device, role, &memory);
        assert_eq!(
            recall(camera, Role::Writes, memory("system", 640)),
            Some(refused)
        );
        assert_eq!(recall(other, Role::Writes, memory("system", 640)), None);
        assert_eq!(recall(camera, Role::Reads, memory("system", 640)), None);
        assert_eq!(recall(camera, Role::Writes, memory("udmabuf", 640)), None);
        assert_eq!(recall(camera, Role::Writes, memory("system", 320)), None);
    }

    #[test]
    fn shortage_and_silence_are_not_remembered() {
        let verdicts = Verdicts::default();
        let camera = device("/dev/null");
        let shortage = refusal(Errno::NOMEM, Suspect::Scattered);
        let busy = Verdict::Unknown(Why("it is streaming".to_owned()));
        for verdict in [shortage, busy] {
            verdicts.remember(camera, Role::Writes, &memory("system", 640), &verdict);
        }
        assert!(verdicts.snapshot().is_empty());
        assert_eq!(verdicts.wishes(camera, Role::Writes), Wishes::default());
    }

    #[test]
    fn a_refusal_of_one_layout_is_a_hint_for_all() {
        let verdicts = Verdicts::default();
        let camera = device("/dev/null");
        let refused = refusal(Errno::FAULT, Suspect::Scattered);
        verdicts.remember(camera, Role::Writes, &memory("system", 640), &refused);
        assert!(verdicts.wishes(camera, Role::Writes).contiguous);
        assert!(!verdicts.wishes(camera, Role::Writes).own);
        assert!(!verdicts.wishes(camera, Role::Reads).contiguous);
    }

    #[test]
    fn a_forgotten_device_takes_verdicts_on_its_own_memory_along() {
        let verdicts = Verdicts::default();
        let (display, camera) = (device("/dev/null"), device("/dev/zero"));
        let dumb = Arc::new(Memory {
            owner: Some(display),
            ..memory("dumb-card0", 640).as_ref().clone()
        });
        for (device, role) in [(display, Role::Reads), (camera, Role::Writes)] {
            verdicts.remember(device, role, &dumb, &Verdict::Accepted);
            verdicts.remember(device, role, &memory("system", 640), &Verdict::Accepted);
        }
        verdicts.forget(display);
        let left = verdicts.snapshot();
        assert_eq!(left.len(), 1);
        assert_eq!((left[0].device, &*left[0].allocator), (camera, "system"));
    }

    #[test]
    fn two_displays_of_one_card_are_two_and_forgotten_together() {
        let verdicts = Verdicts::default();
        let card = device("/dev/null");
        for (crtc, verdict) in [
            (40, Verdict::Accepted),
            (41, refusal(Errno::INVAL, Suspect::Layout)),
        ] {
            verdicts.remember(
                card.part(crtc),
                Role::Reads,
                &memory("system", 640),
                &verdict,
            );
            let recalled = verdicts.recall(card.part(crtc), Role::Reads, &memory("system", 640));
            assert_eq!(recalled, Some(verdict));
        }
        assert_eq!(verdicts.snapshot().len(), 2);
        verdicts.forget(card);
        assert!(verdicts.snapshot().is_empty());
    }

    #[test]
    fn memory_of_verdicts_has_a_bound() {
        let verdicts = Verdicts::default();
        let camera = device("/dev/null");
        for width in 1..=u32::try_from(LIMIT + 10).unwrap() {
            let memory = memory("system", width);
            verdicts.remember(camera, Role::Writes, &memory, &Verdict::Accepted);
        }
        assert_eq!(verdicts.snapshot().len(), 10);
    }
}
