//! One device, one allocator: what the library itself would find in a pipeline of these two.

use std::sync::Arc;

use dmabuf_heap::{
    Allocator, Explanation, NegotiateError, Negotiation, Outcome, Registry, Verdict,
};

use super::model::Mark;
use super::subject::Trial;

/// Makes trial frames and lets the device import them. The reason says why it is not accepted.
pub(super) fn ask(
    registry: &Arc<Registry>,
    trial: &Trial,
    allocator: &Arc<dyn Allocator>,
) -> (Mark, Option<String>) {
    let mut negotiation = Negotiation::new(registry, trial.spec).allocator(Arc::clone(allocator));
    negotiation.attach(Arc::clone(&trial.importer));
    let importer = trial.importer.name();
    match negotiation.allocate() {
        Ok(allocation) => {
            let story = allocation.explain();
            match story.answer(importer, allocator.name()) {
                Some(answer) => of_verdict(importer, &answer.verdict),
                None => (Mark::Unknown, Some("it was not asked".to_owned())),
            }
        }
        Err(NegotiateError::NoneWorked(story)) => of_failure(importer, allocator.name(), &story),
        Err(error) => (
            Mark::Refused,
            Some(without_name(importer, &error.to_string())),
        ),
    }
}

fn of_verdict(importer: &str, verdict: &Verdict) -> (Mark, Option<String>) {
    match verdict {
        Verdict::Accepted => (Mark::Accepted, None),
        Verdict::Refused(refusal) => {
            let reason = without_name(importer, &refusal.to_string());
            (Mark::Refused, Some(reason))
        }
        Verdict::Unknown(why) => (Mark::Unknown, Some(why.to_string())),
    }
}

/// Memory that could not be made says nothing about the device.
fn of_failure(importer: &str, allocator: &str, story: &Explanation) -> (Mark, Option<String>) {
    if let Some(answer) = story.answer(importer, allocator) {
        return of_verdict(importer, &answer.verdict);
    }
    let step = story
        .steps()
        .iter()
        .find(|step| step.allocator == allocator);
    let reason = match step.map(|step| &step.outcome) {
        Some(Outcome::Failed { error, .. }) => error.to_string(),
        Some(outcome) => outcome.to_string(),
        None => "it was not asked".to_owned(),
    };
    (Mark::Unknown, Some(reason))
}

/// The reason without the name that stands above it on the page.
fn without_name(importer: &str, text: &str) -> String {
    let rest = text.strip_prefix(importer).unwrap_or(text);
    rest.trim_start_matches(|sign: char| sign.is_whitespace() || sign == ':')
        .to_owned()
}
