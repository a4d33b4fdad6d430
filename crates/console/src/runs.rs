//! What somebody has this process carry out: one run at a time, in their name, in a task of its own. How far it is, is told
//! by the journal, for all processes alike; here is only kept what went wrong before a run began.

use std::sync::{Arc, Mutex, PoisonError};
use tenure_core::change::Plan;
use tenure_engine::apply::apply;
use tenure_engine::house::House;
use tenure_engine::progress::Progress;

/// What is carried out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    plan: Option<String>,
    failed: Option<(String, String)>,
}

impl Runs {
    /// Begins to carry a plan out in somebody's name; tells whether nothing else was under way here.
    pub fn begin(&self, house: Arc<House>, plan: Plan, who: String) -> bool {
        {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.plan.is_some() {
                return false;
            }
            *state = State { plan: Some(plan.id.to_string()), failed: None };
        }
        let runs = self.clone();
        tokio::spawn(async move {
            let ended = apply(&house, &plan, &who, &Progress::silent()).await;
            let mut state = runs.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.plan = None;
            if let Err(error) = ended {
                tracing::warn!(plan = %plan.id, %error, "a plan could not be carried out");
                state.failed = Some((plan.id.to_string(), error.to_string()));
            }
        });
        true
    }

    /// Tells whether a plan is carried out here at this moment.
    pub fn is_under_way(&self, plan: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).plan.as_deref() == Some(plan)
    }

    /// Says why a plan could not be carried out.
    pub fn failed(&self, plan: &str) -> Option<String> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failed.as_ref().filter(|(of, _)| of == plan).map(|(_, because)| because.clone())
    }
}
