use std::sync::Arc;

use crate::{AllocateError, Contiguity, Frame, Verdict};

use super::candidate::Candidate;
use super::member::Member;
use super::panel::Panel;
use super::step::{Answer, Outcome, Step};

/// What the importers say of the memory of one candidate.
pub(super) struct Hearing<'a> {
    panel: &'a Panel,
    candidate: &'a Candidate,
    /// In the order of the panel; none of those that were not asked yet.
    heard: Vec<Option<Answer>>,
}

/// Which verdicts hold beyond the frames that were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// Everybody saw as many frames as it takes.
    All,
    /// Acceptance may have been luck.
    Refusals,
}

impl<'a> Hearing<'a> {
    /// Begins with what is remembered.
    pub(super) fn open(panel: &'a Panel, candidate: &'a Candidate) -> Self {
        let recalled = |member: &Member| {
            let (device, memory) = (member.importer.device()?, candidate.memory.as_ref()?);
            let verdicts = panel.registry.verdict_memory();
            let verdict = verdicts.recall(device, member.importer.role(), memory)?;
            Some(Answer {
                importer: member.name().to_owned(),
                verdict,
                remembered: true,
            })
        };
        Self {
            panel,
            candidate,
            heard: panel.members.iter().map(recalled).collect(),
        }
    }

    /// Shows a frame to everybody whose verdict is not remembered.
    pub(super) fn ask(&mut self, frame: &Frame) {
        for (member, heard) in self.panel.members.iter().zip(&mut self.heard) {
            if heard.as_ref().is_some_and(|answer| answer.remembered) {
                continue;
            }
            let verdict = member.importer.probe(frame);
            let verdict = match heard.take() {
                Some(earlier) => worse(earlier.verdict, verdict),
                None => verdict,
            };
            *heard = Some(Answer {
                importer: member.name().to_owned(),
                verdict,
                remembered: false,
            });
        }
    }

    /// Whether nobody is left to ask.
    pub(super) fn is_complete(&self) -> bool {
        self.heard.iter().all(Option::is_some)
    }

    pub(super) fn is_refused(&self) -> bool {
        self.answers().any(|answer| answer.refusal().is_some())
    }

    /// Whether everybody was asked and took all frames.
    pub(super) fn is_accepted(&self) -> bool {
        self.is_complete() && self.answers().all(|it| it.verdict == Verdict::Accepted)
    }

    /// Whether somebody who wants contiguous memory could not be asked about scattered memory.
    pub(super) fn lacks_consent(&self) -> bool {
        let is_silent = |heard: &Option<Answer>| {
            let verdict = heard.as_ref().map(|answer| &answer.verdict);
            matches!(verdict, Some(Verdict::Unknown(_)))
        };
        let mut members = self.panel.members.iter().zip(&self.heard);
        self.candidate.capabilities.contiguity == Contiguity::Scattered
            && members.any(|(member, heard)| member.wants_contiguous && is_silent(heard))
    }

    /// Enters in the registry what was learnt.
    pub(super) fn remember(&self, trust: Trust) {
        let Some(memory) = &self.candidate.memory else {
            return;
        };
        for (member, answer) in self.panel.members.iter().zip(&self.heard) {
            let (Some(device), Some(answer)) = (member.importer.device(), answer) else {
                continue;
            };
            let is_lasting = trust == Trust::All || answer.refusal().is_some();
            if is_lasting && !answer.remembered {
                let verdicts = self.panel.registry.verdict_memory();
                verdicts.remember(device, member.importer.role(), memory, &answer.verdict);
            }
        }
    }

    pub(super) fn close(self, outcome: Outcome) -> Step {
        Step {
            allocator: self.candidate.name().to_owned(),
            outcome,
            answers: self.heard.into_iter().flatten().collect(),
        }
    }

    /// There is no frame to show.
    pub(super) fn fail(self, error: AllocateError) -> Step {
        let holders = if error.is_shortage() {
            self.panel.registry.ledger().holders()
        } else {
            Vec::new()
        };
        let error = Arc::new(error);
        self.close(Outcome::Failed { error, holders })
    }

    fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.heard.iter().flatten()
    }
}

/// The worse of two verdicts on frames of one kind.
fn worse(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (refused @ Verdict::Refused(_), _) | (_, refused @ Verdict::Refused(_)) => refused,
        (unknown @ Verdict::Unknown(_), _) | (_, unknown @ Verdict::Unknown(_)) => unknown,
        (Verdict::Accepted, Verdict::Accepted) => Verdict::Accepted,
    }
}
