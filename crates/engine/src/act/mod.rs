//! What people ask to be done, with everything that they may say and what they are told afterwards: one shape for the
//! command line and for the server. Each file holds some acts; they call the verbs and decide nothing.
//! An act that takes long can be kept, to be done by whichever daemon comes to it first.

mod walk;
mod lifecycle;
mod word;
mod kept;

pub use kept::{Act, ActView, Kept, act, ask, carry_out, digest_of, end, forget, keep, latest};
pub use lifecycle::{Fields, LifecycleAsked, LifecycleDone, lifecycle};
pub use walk::{
    ApplyAsked, PlanAsked, PullAsked, Pulled, RevertAsked, apply_asked, plan_asked, pull_asked, revert_asked,
};
pub use word::{
    ApproveAsked, Decision, ExemptAsked, Judged, LinkAsked, StopAsked, Stops, UnlinkAsked, exempt, judge, link,
    resume_asked, stop_asked, unlink,
};
