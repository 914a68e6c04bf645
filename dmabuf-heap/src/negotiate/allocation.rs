use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    AllocateError, Allocator, Constraints, Explanation, Frame, FrameLayout, Importer,
    LayoutRequest, Refusal, Suspect, Verdict, Why,
};

use super::advice;
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
    /// Those of the panel who have to see every frame of the chosen allocator.
    doubtful: Panel,
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
    pub(super) doubtful: Panel,
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
            doubtful,
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
                doubtful,
                ready: frames.into(),
                story,
                is_mixed: false,
            }),
        }
    }

    /// One more frame; the first ones are those that were tried.
    ///
    /// If the memory was taken perhaps by luck (see [`is_certain`](Self::is_certain)), the frame is tried as those before.
    /// When it is refused or the allocator has no memory left, others are asked. Their frames are of the same layout, and
    /// everybody must have taken them: one who cannot be asked, because its device is streaming by now, is not enough.
    ///
    /// # Errors
    ///
    /// What the allocator says; [`AllocateError::Exhausted`] if it ran out of memory, and [`AllocateError::Doubtful`] if a
    /// frame of it was not taken by all, and nobody could help.
    pub fn frame(&self) -> Result<Frame, AllocateError> {
        let doubtful = {
            let mut state = self.state();
            if let Some(frame) = state.ready.pop_front() {
                return Ok(frame);
            }
            state.doubtful.clone()
        };
        if doubtful.members.is_empty() {
            return match self.chosen.allocator.allocate(&self.request) {
                Err(error) if error.is_shortage() => self.frame_of_others(self.ran_out(error)),
                answer => answer,
            };
        }
        let (step, frame) = doubtful.hear_at_work(&self.chosen, &self.request, &self.layout);
        frame.map_or_else(|| self.frame_of_others(step), Ok)
    }

    /// Whether further frames will be taken as those that were tried. If not, [`frame`](Self::frame) has each of them tried,
    /// which a device that is streaming does not allow: whoever needs more makes them before.
    ///
    /// Memory that is contiguous is certain. Other memory may be in one piece by luck, or within the reach of a device; it
    /// is certain if those who write take a frame whose pages cannot lie side by side, and [reach](Importer::reach)
    /// everything.
    pub fn is_certain(&self) -> bool {
        self.state().doubtful.members.is_empty()
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
                let (answer, is_doubtful) = self.hear_late(&member, &constraints, live);
                if answer.refusal().is_none() {
                    let mut state = self.state();
                    if is_doubtful {
                        state.doubtful.add(member.clone());
                    }
                    state.panel.add(member);
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

    fn hear_late(
        &self,
        member: &Member,
        constraints: &Constraints,
        live: &[Frame],
    ) -> (Answer, bool) {
        let answer = |verdict| {
            let importer = member.name().to_owned();
            let answer = Answer {
                importer,
                verdict,
                remembered: false,
            };
            (answer, false)
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

    fn probe_late(&self, member: &Member, frames: &[Frame]) -> (Answer, bool) {
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

    fn ran_out(&self, error: AllocateError) -> Step {
        Step {
            allocator: self.chosen.name().to_owned(),
            outcome: Outcome::Failed {
                error: Arc::new(error),
                holders: self.state().panel.registry.ledger().holders(),
            },
            answers: Vec::new(),
        }
    }

    /// A frame that stands in for one that the chosen allocator could not give, by what became of that.
    fn frame_of_others(&self, lack: Step) -> Result<Frame, AllocateError> {
        let panel = self.state().panel.clone();
        let mut steps = vec![lack];
        for candidate in &self.others {
            let (step, frame) = panel.hear_at_work(candidate, &self.request, &self.layout);
            steps.push(step);
            if let Some(frame) = frame {
                tracing::info!(lack = %steps[0].to_line(), helper = candidate.name(), "another allocator helps out");
                let mut state = self.state();
                state.is_mixed = true;
                state.story.note_shortage(steps);
                return Ok(frame);
            }
        }
        let mut state = self.state();
        let error = lack_of(&steps, &state.story);
        state.story.note_shortage(steps);
        Err(error)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The error of an allocator that came to the first of these steps, when the others could not help.
fn lack_of(steps: &[Step], story: &Explanation) -> AllocateError {
    let others = steps[1..].to_vec();
    match &steps[0].outcome {
        Outcome::Failed { error, holders } if error.is_shortage() => AllocateError::Exhausted {
            error: error.clone(),
            holders: holders.clone(),
            others,
        },
        _ => AllocateError::Doubtful {
            step: Box::new(steps[0].clone()),
            others,
            advice: advice::at_work(story, steps),
        },
    }
}
