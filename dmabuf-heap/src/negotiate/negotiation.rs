use std::sync::Arc;

use crate::{
    Allocation, Allocator, Constraints, Explanation, FrameSpec, Importer, LayoutRequest,
    NegotiateError, Registry,
};

use super::allocation::Parts;
use super::candidate::{Candidate, Conditions};
use super::member::Member;
use super::panel::Panel;
use super::step::Step;

/// The choice of memory for frames of one kind, by everybody who will import them.
///
/// Attach all importers, then allocate. What they need is merged into one layout; then the allocators of the registry
/// are tried in order of preference, each with frames of full size that every importer really imports, until one is
/// refused by nobody. Contiguous memory is tried next when somebody refuses scattered memory, and a device's own memory
/// when it refuses that of others. What importers said is remembered in the registry.
///
/// The choice does not depend on the order in which importers are attached.
#[derive(Debug)]
pub struct Negotiation {
    registry: Arc<Registry>,
    spec: FrameSpec,
    only: Option<Arc<dyn Allocator>>,
    required: Constraints,
    importers: Vec<Arc<dyn Importer>>,
}

/// What everybody needs.
struct Terms {
    constraints: Constraints,
    request: LayoutRequest,
    members: Vec<Member>,
}

impl Negotiation {
    /// Memory of this registry for this picture.
    pub fn new(registry: &Arc<Registry>, spec: FrameSpec) -> Self {
        Self {
            registry: registry.clone(),
            spec,
            only: None,
            required: Constraints::none(),
            importers: Vec::new(),
        }
    }

    /// The user's choice: no other allocator is tried. Importers are asked all the same. One that does not come from the
    /// registry is not accounted, and what is said of its memory is not remembered.
    #[must_use]
    pub fn allocator(mut self, allocator: Arc<dyn Allocator>) -> Self {
        self.only = Some(allocator);
        self
    }

    /// Conditions of whoever negotiates: the size of a pool, layout rules of a framework. The last call counts.
    #[must_use]
    pub fn require(mut self, constraints: Constraints) -> Self {
        self.required = constraints;
        self
    }

    /// Adds somebody who will import the frames.
    pub fn attach(&mut self, importer: Arc<dyn Importer>) {
        self.importers.push(importer);
    }

    /// The layout that everybody can take, by what they say beforehand. Allocates nothing and probes nothing.
    ///
    /// # Errors
    ///
    /// An importer takes no such frames, two of them contradict each other, or no layout meets all conditions.
    pub fn request(&self) -> Result<LayoutRequest, NegotiateError> {
        Ok(self.terms()?.request)
    }

    /// Tries candidates until everybody takes the memory of one.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request), or the memory of every candidate was refused or could not be made.
    pub fn allocate(self) -> Result<Allocation, NegotiateError> {
        let Terms {
            constraints,
            request,
            members,
        } = self.terms()?;
        let conditions = Conditions {
            request: &request,
            needs: constraints.needs(),
            is_contiguous_required: self.required.needs().contiguous,
            is_only: self.only.is_some(),
        };
        let panel = Panel::new(self.registry.clone(), members);
        let mut wishes = panel.wishes();
        let mut story = Explanation::new(&request, &self.importers, conditions.is_only);
        let mut rest = self.candidates(&request);
        let mut others = Vec::new();

        let contiguous = constraints.needs().contiguous;
        while let Some(candidate) = Candidate::take_next(&mut rest, &wishes, contiguous) {
            if let Some(why) = candidate.unsuitable(&conditions) {
                story.steps.push(Step::passed_over(candidate.name(), why));
                continue;
            }
            let trial = panel.hear(&candidate, &request, &constraints);
            panel.learn(&trial.step, &mut wishes);
            story.steps.push(trial.step);
            let Some(layout) = trial.frames.first().map(|frame| *frame.layout()) else {
                others.push(candidate);
                continue;
            };
            story.unavailable = self.registry.unavailable_before(candidate.name());
            tracing::info!(summary = %story.summary(), "chose memory");
            rest.retain(|other| other.unsuitable(&conditions).is_none());
            others.append(&mut rest);
            return Ok(Allocation::new(Parts {
                layout,
                request,
                constraints,
                chosen: candidate,
                others,
                doubtful: Panel::new(self.registry.clone(), trial.doubtful),
                panel,
                frames: trial.frames,
                story,
            }));
        }
        story.unavailable = self.registry.unavailable().to_vec();
        Err(NegotiateError::NoneWorked(Box::new(story)))
    }

    fn terms(&self) -> Result<Terms, NegotiateError> {
        let own: Vec<Constraints> = self
            .importers
            .iter()
            .map(|importer| importer.constraints(&self.spec))
            .collect::<Result<_, _>>()?;
        let constraints = Constraints::merge_all([&self.required].into_iter().chain(&own))?;
        let members = self.importers.iter().zip(&own);
        let members = members
            .map(|(importer, own)| Member::new(importer.clone(), own))
            .collect();
        let request = constraints.request(self.spec)?;
        Ok(Terms {
            constraints,
            request,
            members,
        })
    }

    fn candidates(&self, request: &LayoutRequest) -> Vec<Candidate> {
        match &self.only {
            Some(allocator) => vec![Candidate::only(&self.registry, allocator.clone(), request)],
            None => Candidate::all(&self.registry, &self.importers, request),
        }
    }
}
