use std::sync::Arc;

use crate::{
    AllocateError, Contiguity, Frame, LayoutRequest, Reach, Refusal, Role, Suspect, Verdict,
};

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
    /// In the same order: who takes scattered memory by proof, so that one frame says as much as two.
    proven: Vec<bool>,
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
        let known = panel.wishes().into_iter();
        Self {
            panel,
            candidate,
            heard: panel.members.iter().map(recalled).collect(),
            proven: known.map(|wishes| wishes.scattered).collect(),
        }
    }

    /// Shows a frame to everybody of whom one more answer says more.
    pub(super) fn ask(&mut self, frame: &Frame) {
        for (index, member) in self.panel.members.iter().enumerate() {
            if self.knows(index) {
                continue;
            }
            let heard = &mut self.heard[index];
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

    /// Shows those who fill frames one whose pages cannot lie side by side: of memory that is scattered, other frames may
    /// have been taken by luck, and a writer that refuses a later one is not noticed before it fails.
    pub(super) fn ask_for_proof(&mut self, request: &LayoutRequest) {
        let mut torn = None;
        for index in 0..self.heard.len() {
            let importer = &self.panel.members[index].importer;
            let (Some(device), true) = (importer.device(), self.is_doubtful(index)) else {
                continue;
            };
            let make = || self.panel.registry.torn(request);
            let Some(torn) = torn.get_or_insert_with(make) else {
                return;
            };
            match importer.probe(torn) {
                // Beyond its reach a device may be given a copy, which is in one piece.
                Verdict::Accepted if importer.reach() == Reach::Everything => {
                    let verdicts = self.panel.registry.verdict_memory();
                    verdicts.note_scattered(device, importer.role());
                    self.proven[index] = true;
                }
                Verdict::Refused(refusal) if self.is_about_pages(&refusal) => {
                    self.heard[index] = Some(Answer {
                        importer: importer.name().to_owned(),
                        verdict: Verdict::Refused(of_torn(refusal)),
                        remembered: false,
                    });
                }
                _ => {}
            }
        }
    }

    /// Whether one more frame would say nothing new.
    pub(super) fn is_settled(&self) -> bool {
        let mut members = 0..self.heard.len();
        self.candidate.is_contiguous() || members.all(|index| self.knows(index))
    }

    /// Those whose acceptance of the memory may have been luck, so that they have to see every frame of it.
    pub(super) fn doubtful(&self) -> Vec<Member> {
        let members = self.panel.members.iter().enumerate();
        let doubtful = members.filter(|&(index, _member)| self.is_doubtful(index));
        doubtful.map(|(_index, member)| member.clone()).collect()
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
        for (index, member) in self.panel.members.iter().enumerate() {
            let (Some(device), Some(answer)) = (member.importer.device(), &self.heard[index])
            else {
                continue;
            };
            let is_trusted = trust == Trust::All && !self.is_doubtful(index);
            let is_lasting = is_trusted || answer.refusal().is_some();
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

    fn knows(&self, index: usize) -> bool {
        let heard = self.heard[index].as_ref();
        heard.is_some_and(|answer| answer.remembered || self.proven[index])
    }

    /// Whether it fills frames, and was shown and took this memory, which need not be in one piece.
    fn minds_pages(&self, index: usize) -> bool {
        let importer = &self.panel.members[index].importer;
        let heard = self.heard[index].as_ref();
        let is_new = |answer: &Answer| !answer.remembered && answer.verdict == Verdict::Accepted;
        let is_writer = importer.role() == Role::Writes && importer.device().is_some();
        is_writer && !self.candidate.is_contiguous() && heard.is_some_and(is_new)
    }

    /// Whether other frames of this memory may be in more pieces, or beyond the reach of the device.
    fn is_doubtful(&self, index: usize) -> bool {
        self.minds_pages(index) && !self.proven[index]
    }

    /// Whether a refusal of torn memory is one of this candidate's. Where nobody knows whether its memory is in one piece,
    /// it may be; and it lies elsewhere.
    fn is_about_pages(&self, refusal: &Refusal) -> bool {
        let is_scattered = self.candidate.capabilities.contiguity == Contiguity::Scattered;
        is_scattered && refusal.suspect == Some(Suspect::Scattered)
    }

    fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.heard.iter().flatten()
    }
}

/// In the story it stands against memory that was taken, so it says of which frame it is.
fn of_torn(refusal: Refusal) -> Refusal {
    let detail = match refusal.detail.as_str() {
        "" => String::new(),
        detail => format!("{detail}, "),
    };
    Refusal {
        detail: format!("{detail}of a frame whose pages cannot lie side by side"),
        ..refusal
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
