//! One configured connection before it is connected: which app, where, on which plan, in which standing.
//! The engine fills it from `tenure.toml`; connector and abilities are made from it. It holds no secret.

mod custom;
mod offers;
mod scim;

pub use offers::ScimOffers;
pub(crate) use offers::{SEARCH, SEARCH_REQUEST};
pub use scim::{ScimSettings, ScimUse};

use crate::error::{ConnectError, ErrorKind};
use crate::governor::{Covers, Learn, Limits, SubLimit, Window, longest};
use crate::manifest::{BudgetSpec, Manifest, SubLimitSpec, WindowWord};
use crate::transport::HttpPolicy;
use indexmap::IndexMap;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tenure_core::abilities::Standing;
use tenure_core::name::ConnectionName;
use tenure_core::place::nearest;
use url::Url;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The keys that every connection may have, whatever its app; no parameter of an app may be called so.
pub const CONNECTION_KEYS: [&str; 20] = [
    "app",
    "source",
    "url",
    "path",
    "plan",
    "share",
    "limits",
    "seats",
    "dialect",
    "sso",
    "owner",
    "every",
    "schedule",
    "quiet",
    "time_zone",
    "allow_http",
    "secrets",
    "map",
    "scim",
    "custom",
];

/// One configured connection.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The operator's name of it.
    pub name: ConnectionName,
    /// The app.
    pub manifest: Arc<Manifest>,
    /// Source or target.
    pub standing: Standing,
    /// The base URL, where the app's pattern does not fit; it wins over the pattern and its host is not checked.
    pub url: Option<String>,
    /// What the app's URL pattern asks for, and its further keys.
    pub parameters: BTreeMap<String, String>,
    /// The plan, which chooses the published rate limit.
    pub plan: Option<String>,
    /// The share of the tenant's rate budget that may be used.
    pub share: Option<f64>,
    /// A rate limit that overrides the published one.
    pub limits: Option<BudgetSpec>,
    /// Licences bought.
    pub seats: Option<u64>,
    /// Where plain `http://` is accepted.
    pub allow_http: HttpPolicy,
    /// `auto`, or a dialect that the manifest names.
    pub dialect: Option<String>,
    /// Attributes that an admin of the tenant has defined: our word → the app's key. [`Settings::customized`] sets them.
    pub custom: BTreeMap<String, String>,
    /// The app's SCIM surface, where it is used beside REST or alone.
    pub scim: Option<ScimSettings>,
    /// What the service was found to offer, for an app whose only surface is SCIM. [`Settings::offered`] sets it.
    pub offers: Option<Arc<ScimOffers>>,
    /// The source connection that signs people in here.
    pub sso: Option<ConnectionName>,
    /// Who does by hand what the app cannot be asked to do.
    pub owner: Option<String>,
    /// Logins never to be changed.
    pub protected: Vec<String>,
    /// The largest body that is read, in bytes; the product's cap where nothing is said.
    pub body_max: Option<usize>,
}

impl Settings {
    /// Returns settings that say nothing but which app under which name.
    pub fn new(name: ConnectionName, manifest: Arc<Manifest>, standing: Standing) -> Self {
        Self {
            name,
            manifest,
            standing,
            url: None,
            parameters: BTreeMap::new(),
            plan: None,
            share: None,
            limits: None,
            seats: None,
            allow_http: HttpPolicy::LoopbackOnly,
            dialect: None,
            custom: BTreeMap::new(),
            scim: None,
            offers: None,
            sso: None,
            owner: None,
            protected: Vec::new(),
            body_max: None,
        }
    }

    /// Checks what needs neither network nor secrets: parameters, URL, plan, dialect.
    ///
    /// # Errors
    /// Something does not fit the app; `field` of the error names the key of the connection.
    pub fn check(&self) -> Result<(), ConnectError> {
        if !self.manifest.is_asked() {
            return if self.url.is_some() && self.manifest.file.is_some() { self.file_url().map(drop) } else { Ok(()) };
        }
        self.base_url()?;
        self.check_plan()?;
        self.check_scim()?;
        let dialect = self.dialect.as_deref().unwrap_or("auto");
        let known = self.manifest.dialects();
        if dialect != "auto" && !known.contains(&dialect) {
            let text = format!("{} has no dialect {dialect:?}", self.manifest.title);
            let known: Vec<String> = known.iter().map(|known| format!("{known:?}")).collect();
            return Err(ConnectError::new(ErrorKind::Configuration, text)
                .hinting(format!("leave it out, or write \"auto\" or {}", known.join(" or ")))
                .about("dialect"));
        }
        Ok(())
    }

    /// Tells whether the tenant's dialect has to be found out.
    pub fn asks_dialect(&self) -> bool {
        self.asks_offers() || (self.dialect.as_deref().unwrap_or("auto") == "auto" && !self.manifest.further.is_empty())
    }

    /// Returns these settings with the manifest in one of its dialects; nothing where there is no such dialect.
    pub fn speaking(&self, dialect: &str) -> Option<Self> {
        let manifest = self.with_offers(&self.with_custom(&self.manifest.spoken(dialect)?));
        Some(Self { manifest, dialect: Some(dialect.to_owned()), ..self.clone() })
    }

    /// Returns the URL before every path, without a slash at its end.
    ///
    /// # Errors
    /// A parameter is missing, or the URL is not one, or its host is not the vendor's.
    pub fn base_url(&self) -> Result<Url, ConnectError> {
        let configuration = |text: String, about: &str| ConnectError::new(ErrorKind::Configuration, text).about(about);
        let Some(base) = &self.manifest.base else {
            return Err(configuration(format!("{} is a file and has no URL", self.manifest.title), "app"));
        };
        let text = match &self.url {
            Some(url) => url.clone(),
            None => self.filled_pattern(&base.url)?,
        };
        let mut url = Url::parse(text.trim_end_matches('/'))
            .map_err(|error| configuration(format!("the base URL {text:?} is no URL: {error}"), "url"))?;
        if url.host_str().is_none() || url.query().is_some() || url.fragment().is_some() {
            return Err(configuration(format!("the base URL {text:?} is not of the form https://host/path"), "url"));
        }
        let host = url.host_str().unwrap_or_default();
        let fits = |suffix: &String| host.ends_with(suffix.as_str()) || host == suffix.trim_start_matches('.');
        if self.url.is_none() && !base.hosts.is_empty() && !base.hosts.iter().any(fits) {
            let text = format!("the host {host:?} is none of {}'s ({})", self.manifest.title, base.hosts.join(", "));
            return Err(configuration(text, "url").hinting("an explicit `url` is taken as it is"));
        }
        self.check_scheme(&url)?;
        if url.path().ends_with('/') {
            let path = url.path().trim_end_matches('/').to_owned();
            url.set_path(&path);
        }
        Ok(url)
    }

    /// Returns the address of a file that is fetched.
    ///
    /// # Errors
    /// There is none, it is no URL, or it is not encrypted.
    pub fn file_url(&self) -> Result<Url, ConnectError> {
        let refuse = |text: String| ConnectError::new(ErrorKind::Configuration, text).about("url");
        let text = self.url.as_deref().unwrap_or_default();
        // What it holds may be a secret.
        let url = Url::parse(text).map_err(|error| refuse(format!("`url` is no URL: {error}")))?;
        if url.host_str().is_none() || !matches!(url.scheme(), "http" | "https") || url.fragment().is_some() {
            return Err(refuse("`url` is not of the form https://host/path".into()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let hint = "write them as the secrets `username` and `password`";
            return Err(refuse("`url` has a user name or a password in it".into()).hinting(hint));
        }
        self.check_scheme(&url)?;
        Ok(url)
    }

    /// Refuses an address that is neither encrypted nor on this machine.
    pub(crate) fn check_scheme(&self, url: &Url) -> Result<(), ConnectError> {
        let bare = url.scheme() != "https" && self.allow_http == HttpPolicy::LoopbackOnly;
        if !bare || crate::transport::is_loopback(url) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let text = format!("{:?} is not https, and {host:?} is not this machine", url.scheme());
        let error = ConnectError::new(ErrorKind::Configuration, text).about("url");
        Err(error.hinting("write https://, or `allow_http = true` if you must"))
    }

    /// Fills `{parameter}` into a pattern; a parameter goes in only if it could stand in a host name or a path.
    pub(crate) fn filled_pattern(&self, pattern: &str) -> Result<String, ConnectError> {
        let mut filled = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            filled.push_str(before);
            filled.push_str(&self.parameter(name)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    fn parameter(&self, name: &str) -> Result<String, ConnectError> {
        let known = self.manifest.base.as_ref().and_then(|base| base.parameters.get(name));
        let given = self.parameters.get(name).cloned().or_else(|| known.and_then(|known| known.default.clone()));
        let configuration = |text: String| ConnectError::new(ErrorKind::Configuration, text).about(name);
        let Some(value) = given else {
            let says = known.map(|known| known.says.clone()).unwrap_or_default();
            let text = format!("{} needs `{name}`, or an explicit `url`", self.manifest.title);
            return Err(configuration(text).hinting(says));
        };
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if value.is_empty() || value.len() > 200 || !value.chars().all(good) || value.starts_with('.') {
            return Err(configuration(format!("`{name}` = {value:?} cannot stand in a URL"))
                .hinting("the part before the vendor's domain only, such as `acme`"));
        }
        Ok(value)
    }

    fn check_plan(&self) -> Result<(), ConnectError> {
        let Some(plan) = &self.plan else { return Ok(()) };
        let plans = &self.manifest.limits.plans;
        if plans.is_empty() || plans.keys().any(|known| known.eq_ignore_ascii_case(plan)) {
            return Ok(());
        }
        let known: Vec<&str> = plans.keys().map(String::as_str).collect();
        let hint = nearest(plan, &known)
            .map_or_else(|| format!("one of {}", known.join(", ")), |near| format!("did you mean {near:?}?"));
        let text = format!("{} has no plan {plan:?}", self.manifest.title);
        Err(ConnectError::new(ErrorKind::Configuration, text).hinting(hint).about("plan"))
    }

    /// Returns the tenant's rate limits: the operator's, else those of the plan, else what the manifest assumes.
    pub fn rate_limits(&self) -> Limits {
        let published = &self.manifest.limits;
        let budget = self.budget();
        let mut limits = Limits::of(windows(&budget, published.window));
        limits.kept = limits.kept.max(self.kept_elsewhere());
        if let Some(concurrent) = budget.concurrent {
            limits.concurrent_max = concurrent;
        }
        limits.share = self.share.unwrap_or(1.0);
        if self.limits.is_some() {
            limits.learn = Learn::Capped;
        } else {
            limits.sub = published.sub.iter().filter_map(|sub| self.sub_limit(sub)).collect();
        }
        limits
    }

    fn budget(&self) -> BudgetSpec {
        let published = &self.manifest.limits;
        self.limits.or(self.of_plan(&published.plans)).or(published.assumed).unwrap_or_default()
    }

    /// Returns the longest window in the dialects that the tenant may turn out to speak: what is asked before that is
    /// known counts in it as well.
    fn kept_elsewhere(&self) -> Duration {
        let further = self.manifest.further.iter().filter(|_| self.asks_dialect());
        let spoken = further.filter_map(|further| self.speaking(&further.dialect));
        let span = |other: Self| longest(&windows(&other.budget(), other.manifest.limits.window));
        spoken.map(span).max().unwrap_or_default()
    }

    fn of_plan(&self, plans: &IndexMap<String, BudgetSpec>) -> Option<BudgetSpec> {
        let plan = self.plan.as_deref().or(self.manifest.limits.default_plan.as_deref())?;
        let (_, budget) = plans.iter().find(|(known, _)| known.eq_ignore_ascii_case(plan))?;
        Some(*budget).filter(|budget| !windows(budget, WindowWord::Fixed).is_empty())
    }

    fn sub_limit(&self, sub: &SubLimitSpec) -> Option<SubLimit> {
        let budget = self.of_plan(&sub.plans).or(sub.assumed)?;
        let path = sub.path.clone();
        Some(SubLimit {
            name: sub.name.clone(),
            covers: if sub.under { Covers::Under(path) } else { Covers::Exactly(path) },
            windows: windows(&budget, self.manifest.limits.window),
        })
    }
}

fn windows(budget: &BudgetSpec, how: WindowWord) -> Vec<Window> {
    let own = budget.seconds.filter(|seconds| (0.001..=DAY.as_secs_f64() * 31.0).contains(seconds));
    let own = own.map_or((None, MINUTE), |seconds| (budget.requests, Duration::from_secs_f64(seconds)));
    [
        (budget.per_second, Duration::from_secs(1)),
        own,
        (budget.per_minute, MINUTE),
        (budget.per_hour, HOUR),
        (budget.per_day, DAY),
    ]
    .into_iter()
    .filter_map(|(count, per)| {
        let count = count.filter(|count| *count > 0.0 && count.is_finite())?;
        // Less than one in a window is one in a longer window.
        let (count, per) = if count < 1.0 { (1.0, per.div_f64(count.max(1e-6))) } else { (count, per) };
        let count = count.min(f64::from(u32::MAX)) as u32;
        Some(match how {
            WindowWord::Fixed => Window::fixed(count, per),
            WindowWord::Rolling => Window::rolling(count, per),
            WindowWord::Leaky => Window::leaky(count, per),
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;

    fn settings(app: &str) -> Settings {
        let catalogue = Catalogue::load(&[]).unwrap();
        Settings::new("x".into(), catalogue.get(app).unwrap().manifest.clone(), Standing::Target)
    }

    #[test]
    fn a_missing_parameter_is_an_error_that_says_what_it_is() {
        let error = settings("gorgias").check().unwrap_err();
        assert!(error.field.as_deref() == Some("account") && error.to_string().contains("acme.gorgias.com"), "{error}");
    }

    #[test]
    fn a_parameter_cannot_lead_to_another_host() {
        for bad in ["evil.example/", "acme.evil.example#", "a@b", "", "..", "acme:1", "acme\u{0}"] {
            let mut settings = settings("gorgias");
            settings.parameters.insert("account".into(), bad.into());
            assert!(settings.base_url().is_err(), "{bad:?}");
        }
        let mut settings = settings("gorgias");
        settings.parameters.insert("account".into(), "acme".into());
        assert_eq!(settings.base_url().unwrap().as_str(), "https://acme.gorgias.com/api");
        settings.url = Some("https://proxy.example/gorgias/api/".into());
        assert_eq!(settings.base_url().unwrap().as_str(), "https://proxy.example/gorgias/api");
    }

    #[test]
    fn the_plan_chooses_the_limit_and_the_operator_overrides_it() {
        let mut settings = settings("freshdesk");
        assert_eq!(settings.rate_limits().windows, [Window::fixed(200, MINUTE)]);
        settings.plan = Some("Enterprise".into());
        assert_eq!(settings.rate_limits().windows, [Window::fixed(700, MINUTE)]);
        settings.limits = Some(BudgetSpec { per_second: Some(0.5), ..BudgetSpec::default() });
        assert_eq!(settings.rate_limits().windows, [Window::fixed(1, Duration::from_secs(2))]);
        assert_eq!(settings.rate_limits().learn, Learn::Capped);
        settings.plan = Some("enterprize".into());
        settings.url = Some("https://x.example".into());
        assert!(settings.check().unwrap_err().to_string().contains("enterprise"));
    }

    #[test]
    fn a_limit_of_one_list_counts_on_top() {
        let text = settings("freshdesk").manifest.text.replace(
            "[limits.plans]",
            "window = \"rolling\"\n[[limits.sub]]\nname = \"agents\"\npath = \"/agents\"\nplans = { growth = { per_minute = 20 } }\n[limits.plans]",
        );
        let manifest = Arc::new(Manifest::parse(&text, "m.toml").unwrap());
        let limits = Settings::new("x".into(), manifest, Standing::Target).rate_limits();
        assert_eq!(limits.windows, [Window::rolling(200, MINUTE)]);
        assert_eq!(limits.sub[0].windows, [Window::rolling(20, MINUTE)]);
        assert!(limits.sub[0].covers.includes("/agents") && !limits.sub[0].covers.includes("/agents/{id}"));
    }
}
