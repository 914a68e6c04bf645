use std::fmt;
use std::fmt::Write;
use std::sync::Arc;

use crate::{Format, Importer, LayoutRequest, Refusal, Role, Step, Suspect, Unavailable};

use super::step::{Answer, Outcome};

/// How a choice of memory came about.
///
/// Displayed it is the whole story, a few lines for a message or a terminal; [`summary`](Self::summary) is one line for
/// statistics. The rest is for tables.
#[derive(Clone, Debug)]
pub struct Explanation {
    pub(super) format: Format,
    pub(super) size: (u32, u32),
    pub(super) importers: Vec<(String, Role)>,
    pub(super) steps: Vec<Step>,
    pub(super) late: Vec<Answer>,
    pub(super) shortage: Option<Shortage>,
    pub(super) unavailable: Vec<Unavailable>,
    /// The user wanted this allocator and no other.
    pub(super) is_only: bool,
}

/// An allocator that could not go on after the choice: it ran out of memory, or a later frame of it was refused.
#[derive(Clone, Debug)]
pub struct Shortage {
    /// How often.
    pub times: u64,
    /// The last time, from the allocator that was chosen to the one that helped out, if any did.
    pub steps: Vec<Step>,
}

impl Explanation {
    pub(super) fn new(
        request: &LayoutRequest,
        importers: &[Arc<dyn Importer>],
        is_only: bool,
    ) -> Self {
        let spec = request.spec();
        let named = |importer: &Arc<dyn Importer>| (importer.name().to_owned(), importer.role());
        Self {
            format: request.format(),
            size: (spec.width, spec.height),
            importers: importers.iter().map(named).collect(),
            steps: Vec::new(),
            late: Vec::new(),
            shortage: None,
            unavailable: Vec::new(),
            is_only,
        }
    }

    /// Everybody who was asked, in the order in which they were attached.
    pub fn importers(&self) -> impl Iterator<Item = (&str, Role)> {
        self.importers.iter().map(|(name, role)| (&**name, *role))
    }

    /// Every candidate that was looked at, in this order; the chosen one is the last.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Name of the allocator that was chosen; none if nothing worked.
    pub fn chosen(&self) -> Option<&str> {
        self.chosen_step().map(|step| &*step.allocator)
    }

    /// What this importer said of the memory of this allocator; none if it was not asked.
    pub fn answer(&self, importer: &str, allocator: &str) -> Option<&Answer> {
        let step = self.steps.iter().find(|it| it.allocator == allocator)?;
        step.answers.iter().find(|it| it.importer == importer)
    }

    /// The last answer of each importer that was attached after the choice.
    pub fn late(&self) -> &[Answer] {
        &self.late
    }

    /// What happened when the chosen allocator could not go on; none if it always did.
    pub const fn shortage(&self) -> Option<&Shortage> {
        self.shortage.as_ref()
    }

    /// Allocators that this machine has and this process cannot use.
    pub fn unavailable(&self) -> &[Unavailable] {
        &self.unavailable
    }

    /// One line: `default_cma_region: system was refused by camera vivid (/dev/video0) (wants contiguous memory)`.
    pub fn summary(&self) -> String {
        let mut clauses: Vec<_> = self.steps.iter().filter_map(clause).collect();
        if let Some(step) = self.chosen_step() {
            let unknown = step
                .unknown()
                .map(|(name, why)| format!("{name} could not be asked ({why})"));
            clauses.extend(unknown);
        }
        let late = self.late.iter().filter_map(Answer::refusal);
        clauses.extend(late.map(|refusal| {
            format!(
                "{} came late and refused ({})",
                refusal.importer,
                cause(refusal)
            )
        }));
        clauses.extend(self.shortage.as_ref().map(Shortage::clause));
        if clauses.is_empty() {
            clauses.push(match self.names(|_| true) {
                none if none.is_empty() => "the first in order of preference".to_owned(),
                names => format!("accepted by {}", names.join(" and ")),
            });
        }
        format!(
            "{}: {}",
            self.chosen().unwrap_or("no memory"),
            clauses.join("; ")
        )
    }

    pub(super) fn note_late(&mut self, answer: Answer) {
        self.late.retain(|it| it.importer != answer.importer);
        self.late.push(answer);
    }

    pub(super) fn note_shortage(&mut self, steps: Vec<Step>) {
        let times = self.shortage.as_ref().map_or(0, |it| it.times) + 1;
        self.shortage = Some(Shortage { times, steps });
    }

    fn names(&self, filter: impl Fn(Role) -> bool) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _role) in self.importers.iter().filter(|(_, role)| filter(*role)) {
            // The CPU may both read and write.
            if !names.contains(&&**name) {
                names.push(name);
            }
        }
        names
    }

    /// `NV12 1280x720 from camera vivid (/dev/video0) for display vkms (/dev/dri/card0)`.
    pub(super) fn subject(&self) -> String {
        let (width, height) = self.size;
        let mut text = format!("{} {width}x{height}", self.format);
        for (word, wanted) in [("from", Role::Writes), ("for", Role::Reads)] {
            let names = self.names(|role| role == wanted);
            if !names.is_empty() {
                _ = write!(text, " {word} {}", names.join(" and "));
            }
        }
        text
    }

    fn chosen_step(&self) -> Option<&Step> {
        let is_chosen = |step: &&Step| matches!(step.outcome, Outcome::Chosen);
        self.steps.iter().find(is_chosen)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.subject())?;
        for step in &self.steps {
            write!(f, "\n{step}")?;
        }
        for answer in &self.late {
            write!(f, "\nlater: {answer}")?;
        }
        if let Some(shortage) = &self.shortage {
            write!(f, "\n{} {}, at last so:", shortage.lack(), shortage.times())?;
            for step in &shortage.steps {
                write!(f, "\n{step}")?;
            }
        }
        for one in &self.unavailable {
            write!(f, "\nnot available: {one}")?;
        }
        Ok(())
    }
}

impl Shortage {
    /// Who helped out the last time; none if nobody did.
    pub fn helper(&self) -> Option<&str> {
        let last = self.steps.last()?;
        matches!(last.outcome, Outcome::Chosen).then_some(&*last.allocator)
    }

    fn times(&self) -> String {
        match self.times {
            1 => "once".to_owned(),
            times => format!("{times} times"),
        }
    }

    /// What happened so often.
    fn lack(&self) -> &'static str {
        if self.steps.first().is_some_and(Step::ran_out) {
            "ran out of memory"
        } else {
            "later frames were refused"
        }
    }

    fn clause(&self) -> String {
        let lack = format!("{} {}", self.lack(), self.times());
        match self.helper() {
            Some(helper) => format!("{lack}, {helper} helped out"),
            None => format!("{lack}, and nothing helped out"),
        }
    }
}

/// Why a candidate does not serve; none if it does.
pub(super) fn clause(step: &Step) -> Option<String> {
    let name = &step.allocator;
    match &step.outcome {
        Outcome::Chosen => None,
        Outcome::Unconfirmed => Some(format!("{name} was not accepted by all")),
        Outcome::PassedOver(why) => Some(format!("{name} was passed over ({why})")),
        Outcome::Failed { .. } if step.ran_out() => Some(format!("{name} has no memory left")),
        Outcome::Failed { error, .. } => Some(format!("{name} failed ({error})")),
        Outcome::Refused => {
            let by = |refusal: &Refusal| format!("{} ({})", refusal.importer, cause(refusal));
            let refusers: Vec<_> = step.refusals().map(by).collect();
            Some(format!("{name} was refused by {}", refusers.join(" and ")))
        }
    }
}

/// A few words.
fn cause(refusal: &Refusal) -> String {
    let words = match refusal.suspect {
        Some(Suspect::Scattered) => "wants contiguous memory",
        Some(Suspect::Unreachable) => "cannot reach it",
        Some(Suspect::Layout) => "cannot take the layout",
        Some(Suspect::Foreign) => "takes no memory of other devices",
        None => {
            return match refusal.error() {
                Some(errno) => format!("{}: {errno}", refusal.operation),
                None => refusal.operation.to_owned(),
            };
        }
    };
    words.to_owned()
}
