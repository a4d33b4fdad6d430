//! Checking the SCIM surface with read-only requests: the address, the credential, and what has to be so for it to work.
//! `tenure check` prints the lines beside those of REST. A refusal says who must do what, single sign-on included.

use super::seen::listed;
use super::{Scim, ScimAsk};
use crate::connector::Inner;
use crate::connector::check::{CheckLine, Verdict};
use crate::error::ConnectError;
use crate::manifest::{self, On};
use crate::settings::ScimSettings;
use crate::transport::Priority;
use tenure_core::abilities::Effect;

impl Inner {
    /// Checks the surface, where it is on.
    pub(in crate::connector) async fn check_scim(&self) -> Vec<CheckLine> {
        let on = self.settings.scim_on().filter(|(spec, _)| !spec.alone);
        let (Some(scim), Some((spec, settings))) = (&self.scim, on) else { return Vec::new() };
        let answered = scim.first_person(self, Priority::Write).await;
        let mut lines = vec![match &answered {
            Ok(total) => CheckLine::new("scim", Verdict::Good, format!("answers at {}; {total}", scim.base)),
            Err(error) => CheckLine::bad("scim", error),
        }];
        lines.extend(self.sso_line(spec, answered.is_ok()));
        lines.extend(plan_line(spec, self.settings.plan.as_deref()));
        lines.extend(provider_line(spec, settings));
        lines.push(self.use_line(spec));
        lines
    }

    /// Says what is written over SCIM rather than over REST.
    fn use_line(&self, spec: &manifest::Scim) -> CheckLine {
        let kinds = &spec.kinds;
        let written = |word: &str| kinds.iter().any(|kind| self.settings.scim_write(*kind, word, On::Update).is_some());
        let mut words: Vec<&str> = spec.writes.keys().map(String::as_str).filter(|word| written(word)).collect();
        if kinds.iter().any(|kind| self.settings.scim_effect(*kind, Effect::Suspend).is_some()) {
            words.push("suspending");
        }
        if kinds.iter().any(|kind| self.settings.scim_create(*kind).is_some()) {
            words.push("creating");
        }
        match words.is_empty() {
            true => {
                let says = "nothing: REST does all that `use` lets it do; leave SCIM out, or change `use`";
                CheckLine::new("scim: use", Verdict::Unconfirmed, says)
            }
            false => CheckLine::new("scim: use", Verdict::Good, format!("{} go over SCIM", words.join(", "))),
        }
    }

    fn sso_line(&self, spec: &manifest::Scim, answered: bool) -> Option<CheckLine> {
        if !spec.needs_sso {
            return None;
        }
        let what = "scim: single sign-on";
        let title = &self.manifest().title;
        Some(if answered {
            CheckLine::new(what, Verdict::Good, "the surface answers, so it is on; it has to stay on")
        } else {
            let signs = self.settings.sso.as_ref().map(|sso| format!(" (people sign in through {sso})"));
            let says = format!("SAML SSO has to be on in {title}{}; please confirm", signs.unwrap_or_default());
            CheckLine::new(what, Verdict::Unconfirmed, says)
        })
    }
}

fn plan_line(spec: &manifest::Scim, plan: Option<&str>) -> Option<CheckLine> {
    let needed = spec.plan.as_deref()?;
    Some(match plan {
        Some(plan) => CheckLine::new("scim: plan", Verdict::Good, format!("{plan}; it takes {needed}")),
        None => {
            let says = format!("it takes {needed}; write `plan`, or please confirm");
            CheckLine::new("scim: plan", Verdict::Unconfirmed, says)
        }
    })
}

fn provider_line(spec: &manifest::Scim, settings: &ScimSettings) -> Option<CheckLine> {
    if spec.providers.is_empty() {
        return None;
    }
    let known = spec.providers.join(", ");
    Some(match &settings.provider {
        Some(provider) => CheckLine::new("scim: identity provider", Verdict::Good, format!("{provider} is supported")),
        None => {
            let says = format!("one of {known} signs people in; write `provider`, or please confirm");
            CheckLine::new("scim: identity provider", Verdict::Unconfirmed, says)
        }
    })
}

impl Scim {
    /// Asks for one user and says how many there are.
    pub(super) async fn first_person(&self, inner: &Inner, priority: Priority) -> Result<String, ConnectError> {
        let ask = ScimAsk::read("/Users", None, priority).with("startIndex", "1").with("count", "1");
        let page = listed(&self.send(inner, ask).await?.body)?;
        Ok(page.total_results.map_or("it has users".into(), |total| format!("{total} users")))
    }
}
