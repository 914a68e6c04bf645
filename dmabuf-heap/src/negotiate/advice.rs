//! What a user can do when no memory suits everybody.

use std::collections::BTreeMap;

use crate::{Explanation, Step, Suspect};

use super::step::Outcome;

pub(super) fn advice(story: &Explanation) -> Option<String> {
    let names: Vec<_> = story.steps().iter().map(|step| &*step.allocator).collect();
    if story.is_only {
        return Some(format!(
            "only {} was allowed: leave the choice open, and others are tried",
            names.join(" and ")
        ));
    }
    if story.steps().iter().any(Step::ran_out) {
        return Some("let go of buffers that are held, or use fewer or smaller ones".to_owned());
    }
    let refusers = refusers(story.steps());
    let everywhere = refusers
        .iter()
        .find(|(_, of)| of.len() == tried(story.steps()));
    match everywhere {
        Some((name, _)) => Some(against_one(story, name)),
        None if refusers.len() > 1 => {
            let names: Vec<_> = refusers.into_keys().collect();
            Some(format!(
                "{} have no memory in common: put an element that copies between them",
                names.join(" and ")
            ))
        }
        None => unheard(story.steps()),
    }
}

/// The same when frames of the chosen memory were taken before, and one more was not.
pub(super) fn at_work(story: &Explanation, steps: &[Step]) -> String {
    if let Some((name, _)) = steps[0].unknown().next() {
        return format!(
            "memory that {name} took perhaps by luck is tried frame by frame, which a device that streams does not allow: \
             make all frames before it does"
        );
    }
    let story = Explanation {
        steps: steps.to_vec(),
        ..story.clone()
    };
    advice(&story).unwrap_or_else(|| "use fewer frames".to_owned())
}

/// Who would have had to be asked.
fn unheard(steps: &[Step]) -> Option<String> {
    let mut unconfirmed = steps
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Unconfirmed));
    let (name, _) = unconfirmed.find_map(|step| step.unknown().next())?;
    Some(format!("try again when {name} can be asked"))
}

/// Which allocators each importer refused.
fn refusers(steps: &[Step]) -> BTreeMap<&str, Vec<&str>> {
    let mut refusers = BTreeMap::<_, Vec<_>>::new();
    for step in steps {
        let refusals = step.answers.iter().filter(|it| it.refusal().is_some());
        for answer in refusals {
            let of = refusers.entry(&*answer.importer).or_default();
            of.push(&*step.allocator);
        }
    }
    refusers
}

/// Candidates whose memory somebody looked at.
fn tried(steps: &[Step]) -> usize {
    let is_tried = |step: &&Step| matches!(step.outcome, Outcome::Refused);
    steps.iter().filter(is_tried).count()
}

fn against_one(story: &Explanation, importer: &str) -> String {
    let mut refusals = story.steps().iter().flat_map(|step| {
        let answers = step.answers.iter().filter(|it| it.importer == importer);
        answers.filter_map(super::step::Answer::refusal)
    });
    match refusals.find_map(|refusal| refusal.suspect) {
        Some(Suspect::Scattered) => format!(
            "{importer} wants contiguous memory, and no heap of it served (the kernel needs \
             CONFIG_DMABUF_HEAPS_CMA, and an area: cma= on its command line or a reserved region)"
        ),
        Some(Suspect::Foreign) => format!(
            "{importer} takes no memory of other devices: put an element that copies before it"
        ),
        Some(Suspect::Unreachable) => format!(
            "{importer} cannot reach this memory: a contiguous area at low addresses would help \
             (cma=64M@0-4G on the kernel command line)"
        ),
        Some(Suspect::Layout) => {
            format!(
                "try another format or size, or put an element that copies before or behind {importer}"
            )
        }
        None => format!(
            "the kernel log may tell why {importer} refuses; a copy before or behind it would help"
        ),
    }
}
