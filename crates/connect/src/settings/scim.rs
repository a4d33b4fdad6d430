//! What a connection says of its app's SCIM surface, and whether it fits: the address, the prerequisites, the uses.
//! The engine fills it from `[connections.NAME.scim]`; without that table SCIM is off. It holds no secret, and whether
//! single sign-on is really on no file can tell: `check` asks.

use super::Settings;
use crate::error::{ConnectError, ErrorKind};
use crate::manifest::{On, Scim, ScimCreate, ScimForm, ScimSuspend, ScimWrite};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::LazyLock;
use tenure_core::abilities::Effect;
use tenure_core::account::Kind;
use url::Url;

/// What SCIM is used for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScimUse {
    /// Fields that REST cannot change.
    Fields,
    /// Grants that REST cannot change.
    Grants,
    /// Making people, instead of REST.
    Create,
    /// Putting people out, instead of REST.
    Suspend,
}

/// What a connection says of its app's SCIM surface.
#[derive(Clone, Debug)]
pub struct ScimSettings {
    /// The base URL, where the app's own does not fit.
    pub url: Option<String>,
    /// Where tokens are issued, where the app's own address does not fit.
    pub token_url: Option<String>,
    /// The identity provider that signs people in to the app.
    pub provider: Option<String>,
    /// What it is used for.
    pub uses: BTreeSet<ScimUse>,
}

impl Default for ScimSettings {
    fn default() -> Self {
        Self { url: None, token_url: None, provider: None, uses: [ScimUse::Fields, ScimUse::Grants].into() }
    }
}

impl Settings {
    /// Returns what the manifest and the connection say of SCIM, where it is on.
    pub(crate) fn scim_on(&self) -> Option<(&Scim, &ScimSettings)> {
        static ALONE: LazyLock<ScimSettings> = LazyLock::new(ScimSettings::default);
        let scim = self.manifest.scim.as_ref().filter(|scim| scim.available)?;
        let alone = scim.alone.then(|| &*ALONE);
        Some((scim, self.scim.as_ref().or(alone)?))
    }

    /// Returns what the manifest says of SCIM, where it is the app's only surface.
    pub(crate) fn scim_alone(&self) -> Option<&Scim> {
        self.manifest.scim.as_ref().filter(|scim| scim.available && scim.alone)
    }

    /// Returns how SCIM writes a field or word of a kind at a moment; nothing where REST does, or SCIM is off.
    pub(crate) fn scim_write(&self, kind: Kind, word: &str, on: On) -> Option<&ScimWrite> {
        let (scim, settings) = self.scim_on()?;
        let write = scim.writes.get(word).filter(|_| scim.kinds.contains(&kind))?;
        let spec = self.manifest.kinds.get(&kind)?;
        let by_rest = match (spec.fields.get(word), spec.entitlements.get(word)) {
            (Some(field), _) => field.write.is_some() && field.on.contains(&on),
            (_, Some(grants)) => grants.write.as_ref().is_some_and(|write| write.on.contains(&on)),
            _ => return None,
        };
        let wanted = if write.form == ScimForm::Text { ScimUse::Fields } else { ScimUse::Grants };
        (!by_rest && settings.uses.contains(&wanted)).then_some(write)
    }

    /// Returns how SCIM performs an effect as a whole; nothing where REST does.
    pub(crate) fn scim_effect(&self, kind: Kind, effect: Effect) -> Option<ScimSuspend> {
        let (scim, settings) = self.scim_on()?;
        let here = effect == Effect::Suspend && scim.kinds.contains(&kind) && settings.uses.contains(&ScimUse::Suspend);
        scim.suspend.filter(|_| here)
    }

    /// Returns how SCIM makes accounts of a kind; nothing where REST does.
    pub(crate) fn scim_create(&self, kind: Kind) -> Option<&ScimCreate> {
        let (scim, settings) = self.scim_on()?;
        let here = scim.kinds.contains(&kind) && settings.uses.contains(&ScimUse::Create);
        scim.create.as_ref().filter(|_| here)
    }

    /// Returns the words of a kind that only SCIM tells: grants that a REST record does not hold.
    pub(crate) fn scim_tells(&self, kind: Kind) -> Vec<(&str, &ScimWrite)> {
        let wanted = |on: &(&Scim, &ScimSettings)| on.0.kinds.contains(&kind) && on.1.uses.contains(&ScimUse::Grants);
        let Some((scim, _)) = self.scim_on().filter(wanted) else { return Vec::new() };
        let spec = self.manifest.kinds.get(&kind);
        let silent = |word: &str| {
            spec.and_then(|spec| spec.entitlements.get(word))
                .is_some_and(|spec| spec.read.is_empty() && !spec.by_members)
        };
        scim.writes.iter().filter(|(word, _)| silent(word)).map(|(word, write)| (word.as_str(), write)).collect()
    }

    /// Checks what needs neither network nor secrets.
    pub(super) fn check_scim(&self) -> Result<(), ConnectError> {
        let Some(settings) = &self.scim else { return Ok(()) };
        let refuse = |text: String| ConnectError::new(ErrorKind::Configuration, text).about("scim");
        let title = &self.manifest.title;
        if self.scim_alone().is_some() {
            let text = format!("{title} has no surface beside SCIM");
            return Err(refuse(text).hinting("leave the table out: `url` and `secrets` are the connection's own"));
        }
        let Some(scim) = self.manifest.scim.as_ref().filter(|scim| scim.available) else {
            let limits = self.manifest.scim.as_ref().map(|scim| scim.limits.join("; ")).unwrap_or_default();
            return Err(refuse(format!("{title} has no SCIM surface")).hinting(limits));
        };
        if scim.writes.is_empty() && scim.suspend.is_none() && scim.create.is_none() {
            return Err(refuse(format!("nothing of {title} is written over SCIM")));
        }
        if settings.uses.contains(&ScimUse::Suspend) && scim.suspend.is_none() {
            return Err(refuse(format!("{title} is not suspended over SCIM")).hinting("leave `suspend` out of `use`"));
        }
        if settings.uses.contains(&ScimUse::Create) && scim.create.is_none() {
            return Err(refuse(format!("{title} makes nobody over SCIM")).hinting("leave `create` out of `use`"));
        }
        if let Some(provider) = settings.provider.as_deref().filter(|provider| !supports(scim, provider)) {
            let text = format!("SCIM of {title} does not work with {provider:?}");
            return Err(refuse(text).hinting(format!("it works with {}", scim.providers.join(", "))));
        }
        if let Some(plan) = self.plan.as_deref().filter(|plan| !has_plan(scim, plan)) {
            let from = scim.plan.as_deref().unwrap_or("another");
            return Err(refuse(format!("SCIM of {title} is not part of the plan {plan:?}"))
                .hinting(format!("it comes with: {from}")));
        }
        self.scim_url().map(|_| ())
    }

    /// Returns SCIM's base URL, without a slash at its end.
    ///
    /// # Errors
    /// The connection does not say what it takes to know it, or it is no URL that could be used.
    pub fn scim_url(&self) -> Result<Url, ConnectError> {
        let given = self.scim.as_ref().and_then(|settings| settings.url.as_deref());
        let pattern = self.manifest.scim.as_ref().and_then(|scim| scim.url.as_deref()).unwrap_or_default();
        self.scim_address(given, pattern, "SCIM URL")
    }

    /// Returns an address of the SCIM surface: the one given, or the manifest's pattern filled in.
    pub(crate) fn scim_address(&self, given: Option<&str>, pattern: &str, what: &str) -> Result<Url, ConnectError> {
        let refuse = |text: String| ConnectError::new(ErrorKind::Configuration, text).about("scim");
        let text = match (given, pattern.strip_prefix("{base}")) {
            (Some(given), _) => given.to_owned(),
            (None, Some(rest)) => format!("{}{rest}", self.base_url()?.as_str().trim_end_matches('/')),
            // A pattern made of parameters does not know a sandbox or a proxy.
            (None, None) => self.filled_pattern(pattern).map_err(|error| {
                refuse(format!("the {what} is not known: {}", error.text)).hinting("write `url` in the table `scim`")
            })?,
        };
        let url = Url::parse(text.trim_end_matches('/'))
            .map_err(|error| refuse(format!("the {what} {text:?} is no URL: {error}")))?;
        if url.host_str().is_none() || url.query().is_some() || url.fragment().is_some() {
            return Err(refuse(format!("the {what} {text:?} is not of the form https://host/path")));
        }
        self.check_scheme(&url).map_err(|error| ConnectError { field: Some("scim".into()), ..error })?;
        Ok(url)
    }
}

fn supports(scim: &Scim, provider: &str) -> bool {
    let plain = |text: &str| text.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect::<String>();
    let given = plain(provider);
    let fits = |known: &String| plain(known) == given || (given.len() > 3 && plain(known).contains(&given));
    scim.providers.is_empty() || scim.providers.iter().any(fits)
}

fn has_plan(scim: &Scim, plan: &str) -> bool {
    scim.plans.is_empty() || scim.plans.iter().any(|known| known.eq_ignore_ascii_case(plan))
}
