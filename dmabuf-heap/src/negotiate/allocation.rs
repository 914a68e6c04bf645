use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    AllocateError, Allocator, Constraints, Explanation, Frame, FrameLayout, Importer,
    LayoutRequest, Refusal, Suspect, Verdict, Why,
};

use super::candidate::{Candidate, Conditions};
use super::fit;
use super::member::Member;
use super::panel::Panel;
use super::step::{Answer, Outcome, Step};

/// Memory that everybody on a path takes, as many frames of it as are wanted.
///
/// Made by [`Negotiation::allocate`](crate::Negotiation::allocate). It keeps importers, not devices: those are held
/// weakly and opened for the time of a probe.
#[derive(Debug)]
pub struct Allocation {
    request: LayoutRequest,
    constraints: Constraints,
    layout: FrameLayout,
    chosen: Candidate,
    /// Who may help out when the chosen one has no memory left.
    others: Vec<Candidate>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    panel: Panel,
    /// Frames from trials, which nobody has taken yet.
    ready: VecDeque<Frame>,
    story: Explanation,
    /// Some frames are not from the chosen allocator, so that what is said of them is not said of it.
    is_mixed: bool,
}

/// What a negotiation ends with.
pub(super) struct Parts {
    /// Of every frame.
    pub(super) layout: FrameLayout,
    pub(super) request: LayoutRequest,
    pub(super) constraints: Constraints,
    pub(super) chosen: Candidate,
    pub(super) others: Vec<Candidate>,
    pub(super) panel: Panel,
    /// At least one.
    pub(super) frames: Vec<Frame>,
    pub(super) story: Explanation,
}

impl Allocation {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            layout,
            request,
            constraints,
            chosen,
            others,
            panel,
            frames,
            story,
        } = parts;
        Self {
            request,
            constraints,
            layout,
            chosen,
            others,
            state: Mutex::new(State {
                panel,
                ready: frames.into(),
                story,
                is_mixed: false,
            }),
        }
    }

    /// One more frame; the first ones are those that were tried.
    ///
    /// When the allocator has no memory left, others are asked. Their frames are of the same layout, and everybody must
    /// have taken them: one who cannot be asked, because its device is streaming by now, is not enough.
    ///
    /// # Errors
    ///
    /// What the allocator says; [`AllocateError::Exhausted`] if it ran out of memory and nobody could help.
    pub fn frame(&self) -> Result<Frame, AllocateError> {
        if let Some(frame) = self.state().ready.pop_front() {
            return Ok(frame);
        }
        match self.chosen.allocator.allocate(&self.request) {
            Err(error) if error.is_shortage() => self.frame_of_others(error),
            answer => answer,
        }
    }

    /// Who makes the frames, as long as there is memory.
    pub fn allocator(&self) -> Arc<dyn Allocator> {
        self.chosen.allocator.clone()
    }

    /// What every frame is made for.
    pub const fn request(&self) -> &LayoutRequest {
        &self.request
    }

    /// How every frame is laid out. Strides may be larger than those of the request.
    pub const fn layout(&self) -> &FrameLayout {
        &self.layout
    }

    /// What those need who were attached before the choice.
    pub const fn constraints(&self) -> &Constraints {
        &self.constraints
    }

    /// Asks one more importer, after the choice, what it makes of `live`: frames of this allocation. Without any, one is
    /// made to be shown.
    ///
    /// Probes of some importers write marks and put the pixels back, so frames that a device fills or shows at the moment
    /// are not for them.
    ///
    /// Refused is entered in the story, and the importer counts for nothing: the caller negotiates anew with everybody,
    /// or copies. Otherwise it has a say in frames of other allocators from now on.
    pub fn attach(&self, importer: Arc<dyn Importer>, live: &[Frame]) -> Verdict {
        let answer = match importer.constraints(self.request.spec()) {
            Err(refusal) => Answer {
                importer: importer.name().to_owned(),
                verdict: Verdict::Refused(refusal),
                remembered: false,
            },
            Ok(constraints) => {
                let member = Member::new(importer, &constraints);
                let answer = self.hear_late(&member, &constraints, live);
                if answer.refusal().is_none() {
                    self.state().panel.add(member);
                }
                answer
            }
        };
        let verdict = answer.verdict.clone();
        tracing::debug!(%answer, "an importer came late");
        self.state().story.note_late(answer);
        verdict
    }

    /// How the choice came about, and what happened since.
    pub fn explain(&self) -> Explanation {
        self.state().story.clone()
    }

    fn hear_late(&self, member: &Member, constraints: &Constraints, live: &[Frame]) -> Answer {
        let answer = |verdict| Answer {
            importer: member.name().to_owned(),
            verdict,
            remembered: false,
        };
        let shown = match live {
            [] => match self.frame() {
                Ok(frame) => vec![frame],
                Err(error) => {
                    return answer(Verdict::Unknown(Why(format!("there is no frame: {error}"))));
                }
            },
            live => live.to_vec(),
        };
        let unsuitable = self.chosen.unsuitable(&Conditions {
            request: &self.request,
            needs: constraints.needs(),
            is_contiguous_required: false,
            is_only: true,
        });
        let misfit = shown
            .iter()
            .find_map(|frame| fit::misfit(frame, constraints));
        let objection = unsuitable.map(|it| it.to_string()).or(misfit);
        let heard = match objection {
            Some(detail) => answer(Verdict::Refused(Refusal {
                importer: member.name().to_owned(),
                operation: "its own constraints",
                detail,
                errno: None,
                suspect: Some(Suspect::Layout),
            })),
            None => self.probe_late(member, &shown),
        };
        if live.is_empty() {
            self.state().ready.extend(shown);
        }
        heard
    }

    fn probe_late(&self, member: &Member, frames: &[Frame]) -> Answer {
        let (panel, is_mixed) = {
            let state = self.state();
            (state.panel.clone(), state.is_mixed)
        };
        let mut source = self.chosen.clone();
        if is_mixed {
            source.memory = None;
        }
        panel.hear_late(member, &source, frames)
    }

    fn frame_of_others(&self, error: AllocateError) -> Result<Frame, AllocateError> {
        let panel = self.state().panel.clone();
        let error = Arc::new(error);
        let holders = panel.registry.ledger().holders();
        let mut steps = vec![Step {
            allocator: self.chosen.name().to_owned(),
            outcome: Outcome::Failed {
                error: error.clone(),
                holders: holders.clone(),
            },
            answers: Vec::new(),
        }];
        for candidate in &self.others {
            let (step, frame) = panel.hear_at_work(candidate, &self.request, &self.layout);
            steps.push(step);
            if let Some(frame) = frame {
                tracing::info!(%error, helper = candidate.name(), "another allocator helps out");
                let mut state = self.state();
                state.is_mixed = true;
                state.story.note_shortage(steps);
                return Ok(frame);
            }
        }
        let others = steps[1..].to_vec();
        self.state().story.note_shortage(steps);
        Err(AllocateError::Exhausted {
            error,
            holders,
            others,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
