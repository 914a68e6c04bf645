use std::sync::Arc;

use crate::layout::arithmetic::lcm;
use crate::{Conflict, CpuUse, MAX_PLANES, Modifier, Need, Needs, Topology, Wish};

use super::contradiction::contradiction;
use super::{Constraints, Party};

impl Constraints {
    /// What both need, and who needs it.
    ///
    /// Associative, commutative and idempotent, and [`none`](Self::none) changes nothing; a conflict is found in any
    /// order. Who asks for the same as another is remembered with it.
    ///
    /// # Errors
    ///
    /// Needs that exclude each other, also those of one importer.
    pub fn merge(&self, other: &Self) -> Result<Self, Conflict> {
        let parties = union(&self.parties, &other.parties);
        match self.needs.and(&other.needs) {
            Ok(needs) => Ok(Self { parties, needs }),
            Err(Impossible) => Err(Self::of_parties(parties).conflict()),
        }
    }

    /// [`merge`](Self::merge) of any number, in one go.
    ///
    /// # Errors
    ///
    /// As [`merge`](Self::merge).
    pub fn merge_all<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Result<Self, Conflict> {
        let parties = sets.into_iter().flat_map(|set| set.parties.iter().cloned());
        let all = Self::of_parties(parties.collect());
        if all.is_possible() {
            Ok(all)
        } else {
            Err(all.conflict())
        }
    }

    /// Of needs that are not possible, those that exclude each other.
    pub(super) fn conflict(&self) -> Conflict {
        Conflict::new(contradiction(self.wishes().collect(), |wishes| {
            Self::of_wishes(wishes).is_possible()
        }))
    }

    /// Whether no needs exclude each other, whatever the picture.
    pub(super) fn is_possible(&self) -> bool {
        self.needs.are_possible()
    }

    pub(super) fn of_parties(mut parties: Vec<Arc<Party>>) -> Self {
        parties.sort();
        parties.dedup();
        let needs = parties
            .iter()
            .try_fold(Needs::default(), |needs, party| needs.and(&party.needs))
            .unwrap_or_else(|Impossible| Needs::impossible());
        Self { parties, needs }
    }

    /// Each wish as of an importer that needs nothing else.
    pub(super) fn of_wishes(wishes: &[Wish]) -> Self {
        let party = |wish: &Wish| {
            Arc::new(Party {
                importer: wish.importer.clone(),
                needs: Needs::only(&wish.need),
            })
        };
        Self::of_parties(wishes.iter().map(party).collect())
    }
}

/// Nothing meets both needs, whatever the picture.
struct Impossible;

/// Both lists in one, in rising order, each party once.
fn union(left: &[Arc<Party>], right: &[Arc<Party>]) -> Vec<Arc<Party>> {
    let (few, many) = if left.len() < right.len() {
        (left, right)
    } else {
        (right, left)
    };
    let mut all = Vec::with_capacity(many.len() + few.len());
    all.extend_from_slice(many);
    for party in few {
        if let Err(place) = all.binary_search(party) {
            all.insert(place, party.clone());
        }
    }
    all
}

impl Needs {
    /// What nothing meets.
    fn impossible() -> Self {
        Self {
            topology: Topology::empty(),
            ..Self::default()
        }
    }

    /// Only this.
    fn only(need: &Need) -> Self {
        let mut needs = Self::default();
        match *need {
            Need::Contiguous => needs.contiguous = true,
            Need::AddressBits(bits) => needs.address_bits = Some(bits),
            Need::StrideAlign(bytes) => needs.stride_align = bytes,
            Need::StrideMin { plane, bytes } => needs.stride_min[plane] = bytes,
            Need::StrideMax(bytes) => needs.stride_max = Some(bytes),
            Need::Stride { plane, bytes } => needs.strides[plane] = Some(bytes),
            Need::DerivedStrides => needs.derived_strides = true,
            Need::OffsetAlign(bytes) => needs.offset_align = bytes,
            Need::OffsetMax(bytes) => needs.offset_max = Some(bytes),
            Need::PackedPlanes {
                row_align,
                rows_min,
            } => {
                needs.packed_planes = true;
                needs.row_align = row_align;
                needs.rows_min = rows_min;
            }
            Need::RowAlign(rows) => needs.row_align = rows,
            Need::RowsMin(rows) => needs.rows_min = rows,
            Need::Tail(bytes) => needs.tail = bytes,
            Need::MinLen { dmabuf, bytes } => needs.min_lens[dmabuf] = bytes,
            Need::Topology(topology) => needs.topology = topology,
            Need::Modifiers(ref modifiers) => needs.modifiers = Some(modifiers.clone()),
            Need::Cpu(cpu) => needs.cpu = cpu,
            Need::Protected(protected) => needs.protected = Some(protected),
            Need::MinBuffers(frames) => needs.min_buffers = frames,
        }
        needs
    }

    /// The weakest needs that imply both.
    fn and(&self, other: &Self) -> Result<Self, Impossible> {
        let needs = Self {
            contiguous: self.contiguous || other.contiguous,
            address_bits: lower(self.address_bits, other.address_bits),
            stride_align: lcm_u32(self.stride_align, other.stride_align)?,
            stride_min: higher(self.stride_min, other.stride_min),
            stride_max: lower(self.stride_max, other.stride_max),
            strides: equal_each(self.strides, other.strides)?,
            derived_strides: self.derived_strides || other.derived_strides,
            offset_align: lcm(self.offset_align, other.offset_align).ok_or(Impossible)?,
            offset_max: lower(self.offset_max, other.offset_max),
            packed_planes: self.packed_planes || other.packed_planes,
            row_align: lcm_u32(self.row_align, other.row_align)?,
            rows_min: self.rows_min.max(other.rows_min),
            tail: self.tail.max(other.tail),
            min_lens: higher(self.min_lens, other.min_lens),
            topology: self.topology & other.topology,
            modifiers: common(self.modifiers.as_ref(), other.modifiers.as_ref()),
            cpu: self.cpu.union(other.cpu),
            protected: equal(self.protected, other.protected)?,
            min_buffers: self.min_buffers.max(other.min_buffers),
        };
        needs.are_possible().then_some(needs).ok_or(Impossible)
    }

    /// No two of these needs exclude each other for every picture.
    fn are_possible(&self) -> bool {
        let fits = |plane: usize| {
            let most = self.stride_max.unwrap_or(u32::MAX);
            let least = self.stride_min[plane];
            let exact = self.strides[plane].is_none_or(|bytes| {
                bytes.is_multiple_of(self.stride_align) && (least..=most).contains(&bytes)
            });
            exact && least <= most
        };
        !self.topology.is_empty()
            && self
                .modifiers
                .as_ref()
                .is_none_or(|modifiers| !modifiers.is_empty())
            && (self.protected != Some(true) || self.cpu == CpuUse::None)
            && (0..MAX_PLANES).all(fits)
    }
}

fn lcm_u32(a: u32, b: u32) -> Result<u32, Impossible> {
    let multiple = lcm(a.into(), b.into()).ok_or(Impossible)?;
    u32::try_from(multiple).map_err(|_beyond_32_bits| Impossible)
}

fn lower<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

fn higher<T: Ord + Copy>(a: [T; MAX_PLANES], b: [T; MAX_PLANES]) -> [T; MAX_PLANES] {
    std::array::from_fn(|plane| a[plane].max(b[plane]))
}

/// What both say or one of them says.
fn equal<T: PartialEq>(a: Option<T>, b: Option<T>) -> Result<Option<T>, Impossible> {
    match (a, b) {
        (Some(a), Some(b)) if a != b => Err(Impossible),
        (one, other) => Ok(one.or(other)),
    }
}

fn equal_each(
    a: [Option<u32>; MAX_PLANES],
    b: [Option<u32>; MAX_PLANES],
) -> Result<[Option<u32>; MAX_PLANES], Impossible> {
    let mut both = [None; MAX_PLANES];
    for (plane, bytes) in both.iter_mut().enumerate() {
        *bytes = equal(a[plane], b[plane])?;
    }
    Ok(both)
}

/// What is in both lists; in one of them if the other is missing.
fn common(a: Option<&Arc<[Modifier]>>, b: Option<&Arc<[Modifier]>>) -> Option<Arc<[Modifier]>> {
    let (Some(a), Some(b)) = (a, b) else {
        return a.or(b).cloned();
    };
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let in_both = |modifier: &&Modifier| long.binary_search(modifier).is_ok();
    let count = short.iter().filter(in_both).count();
    if count == short.len() {
        return Some(short.clone());
    }
    Some(short.iter().filter(in_both).copied().collect())
}
