use std::sync::Arc;

use crate::{Constraints, Frame, FrameLayout, LayoutRequest, Registry, Verdict, Why};

use super::candidate::Candidate;
use super::fit;
use super::hearing::{Hearing, Trust};
use super::member::Member;
use super::step::{Answer, Outcome, Step, Unsuitable};
use super::verdicts::Wishes;

/// Two acceptances are no luck; one may be, when the pages of a buffer happen to lie side by side.
const TRIALS_OF_SCATTERED_MEMORY: usize = 2;

/// The importers whose verdicts count. No lock is held while one is asked.
#[derive(Clone, Debug)]
pub(super) struct Panel {
    pub(super) registry: Arc<Registry>,
    pub(super) members: Vec<Member>,
}

/// What came of one candidate.
pub(super) struct Trial {
    pub(super) step: Step,
    /// None, unless nobody refused.
    pub(super) frames: Vec<Frame>,
    /// Who took them perhaps by luck.
    pub(super) doubtful: Vec<Member>,
}

/// It did not serve.
impl From<Step> for Trial {
    fn from(step: Step) -> Self {
        Self {
            step,
            frames: Vec::new(),
            doubtful: Vec::new(),
        }
    }
}

impl Panel {
    pub(super) const fn new(registry: Arc<Registry>, members: Vec<Member>) -> Self {
        Self { registry, members }
    }

    pub(super) fn add(&mut self, member: Member) {
        self.members.push(member);
    }

    /// What the importers are known to want, in their order.
    pub(super) fn wishes(&self) -> Vec<Wishes> {
        let known = |member: &Member| {
            let device = member.importer.device()?;
            let verdicts = self.registry.verdict_memory();
            Some(verdicts.wishes(device, member.importer.role()))
        };
        let members = self.members.iter();
        members
            .map(|member| known(member).unwrap_or_default())
            .collect()
    }

    /// Learns what the importers want from what they refused.
    pub(super) fn learn(&self, step: &Step, wishes: &mut [Wishes]) {
        for (member, wish) in self.members.iter().zip(wishes) {
            let name = member.importer.name();
            let own = step.answers.iter().filter(|it| it.importer == name);
            own.filter_map(Answer::refusal)
                .for_each(|refusal| wish.learn(refusal));
        }
    }

    /// Makes as many frames as it takes to trust the memory of a candidate, and asks everybody who is not known to take
    /// it. Gives the frames if nobody refused.
    pub(super) fn hear(
        &self,
        candidate: &Candidate,
        request: &LayoutRequest,
        constraints: &Constraints,
    ) -> Trial {
        let mut hearing = Hearing::open(self, candidate);
        if hearing.is_refused() {
            return hearing.close(Outcome::Refused).into();
        }
        let mut frames = Vec::with_capacity(TRIALS_OF_SCATTERED_MEMORY);
        while frames.is_empty()
            || (frames.len() < TRIALS_OF_SCATTERED_MEMORY && !hearing.is_settled())
        {
            let frame = match candidate.allocator.allocate(request) {
                Ok(frame) => frame,
                Err(error) => {
                    drop(frames);
                    return hearing.fail(error).into();
                }
            };
            if let Some(misfit) = fit::misfit(&frame, constraints) {
                let outcome = Outcome::PassedOver(Unsuitable::Layout(misfit));
                return hearing.close(outcome).into();
            }
            hearing.ask(&frame);
            if frames.is_empty() && !hearing.is_refused() {
                hearing.ask_for_proof(request);
            }
            frames.push(frame);
            if hearing.is_refused() {
                hearing.remember(Trust::Refusals);
                return hearing.close(Outcome::Refused).into();
            }
        }
        hearing.remember(Trust::All);
        if hearing.lacks_consent() {
            return hearing.close(Outcome::Unconfirmed).into();
        }
        Trial {
            frames,
            doubtful: hearing.doubtful(),
            step: hearing.close(Outcome::Chosen),
        }
    }

    /// Makes one frame while others are streaming. Everybody must take it: nobody will look again before it is used.
    pub(super) fn hear_at_work(
        &self,
        candidate: &Candidate,
        request: &LayoutRequest,
        layout: &FrameLayout,
    ) -> (Step, Option<Frame>) {
        let mut hearing = Hearing::open(self, candidate);
        if hearing.is_refused() {
            return (hearing.close(Outcome::Refused), None);
        }
        let frame = match candidate.allocator.allocate(request) {
            Ok(frame) => frame,
            Err(error) => return (hearing.fail(error), None),
        };
        if frame.layout() != layout {
            let other = "frames that stream have another".to_owned();
            let outcome = Outcome::PassedOver(Unsuitable::Layout(other));
            return (hearing.close(outcome), None);
        }
        hearing.ask(&frame);
        hearing.remember(if candidate.is_contiguous() {
            Trust::All
        } else {
            Trust::Refusals
        });
        if hearing.is_refused() {
            return (hearing.close(Outcome::Refused), None);
        }
        if !hearing.is_accepted() {
            return (hearing.close(Outcome::Unconfirmed), None);
        }
        (hearing.close(Outcome::Chosen), Some(frame))
    }

    /// Asks one more about frames that are there already. The second answer is whether the first may be luck.
    pub(super) fn hear_late(
        &self,
        member: &Member,
        candidate: &Candidate,
        frames: &[Frame],
    ) -> (Answer, bool) {
        let alone = Self::new(self.registry.clone(), vec![member.clone()]);
        let mut hearing = Hearing::open(&alone, candidate);
        for frame in frames {
            hearing.ask(frame);
            if hearing.is_refused() {
                break;
            }
        }
        let is_enough = candidate.is_contiguous() || frames.len() >= TRIALS_OF_SCATTERED_MEMORY;
        hearing.remember(if is_enough {
            Trust::All
        } else {
            Trust::Refusals
        });
        let is_doubtful = !hearing.doubtful().is_empty();
        let answer = hearing.close(Outcome::Chosen).answers.pop();
        let silence = || Answer {
            importer: member.name().to_owned(),
            verdict: Verdict::Unknown(Why("no frame was shown".to_owned())),
            remembered: false,
        };
        (answer.unwrap_or_else(silence), is_doubtful)
    }
}
