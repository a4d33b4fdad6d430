//! The catalogue: which apps there are, and what one can and cannot do.
//! It comes from the manifests; no tenant is known here.

use crate::error::EngineError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use tenure_connect::manifest::SecretHelp;
use tenure_connect::{App, Catalogue, Manifest, Settings, abilities_of};
use tenure_core::abilities::{Abilities, Standing};
use tenure_core::place::nearest;

/// The catalogue.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Apps {
    /// By name.
    pub apps: Vec<AppBrief>,
}

/// An app in a line.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words of a manifest")]
pub struct AppBrief {
    pub app: String,
    pub title: String,
    pub covers: String,
    pub kinds: Vec<String>,
    pub secrets: Vec<String>,
    /// Why it cannot be used, where its manifest cannot be read: file, line and what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}

/// What an app can do.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words of a manifest")]
pub struct AppView {
    pub app: String,
    pub title: String,
    pub covers: String,
    pub dialect: String,
    /// The pattern of its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers_at: Option<String>,
    /// What a connection needs, and where it is issued.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretTold>,
    /// What must be so at the vendor before.
    #[serde(default)]
    pub needs: Vec<String>,
    /// How it is found out which dialect a tenant speaks.
    #[serde(default)]
    pub told_apart: Vec<String>,
    #[schemars(with = "BTreeMap<String, Value>")]
    pub abilities: Abilities,
    pub further_dialects: BTreeMap<String, FurtherDialect>,
    /// Its page of instructions, as Markdown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
}

/// A secret that a connection needs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words of a manifest")]
pub struct SecretTold {
    pub says: String,
    pub issued: String,
}

/// What an app can do in another dialect.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[allow(missing_docs, reason = "the words of a manifest")]
pub struct FurtherDialect {
    #[schemars(with = "BTreeMap<String, Value>")]
    pub abilities: Abilities,
}

/// Lists the catalogue.
pub fn apps(catalogue: &Catalogue) -> Apps {
    let brief = |app: &App| AppBrief {
        app: app.name.clone(),
        title: app.manifest.title.to_string(),
        covers: app.manifest.covers.clone(),
        kinds: app.manifest.kinds.keys().map(ToString::to_string).collect(),
        secrets: app.manifest.secrets.keys().cloned().collect(),
        broken: None,
    };
    let broken = catalogue.broken().map(|(name, problem)| AppBrief {
        app: name.to_owned(),
        title: name.to_owned(),
        covers: String::new(),
        kinds: Vec::new(),
        secrets: Vec::new(),
        broken: Some(problem.to_string()),
    });
    let mut apps: Vec<AppBrief> = catalogue.apps().map(brief).chain(broken).collect();
    apps.sort_by(|one, other| one.app.cmp(&other.app));
    Apps { apps }
}

/// Shows an app.
pub fn app_view(app: &App) -> AppView {
    let manifest = &app.manifest;
    let further = manifest.further.iter();
    let secret = |(name, help): (&String, &SecretHelp)| {
        (name.clone(), SecretTold { says: help.says.clone(), issued: help.issued.clone() })
    };
    let told_apart = manifest.evidence.iter().flat_map(|evidence| {
        let told = evidence.tells.iter();
        told.map(move |tell| format!("{}: where {}, as {} shows", tell.is, tell.says, evidence.look))
    });
    let further = further.map(|further| (further.dialect.clone(), FurtherDialect { abilities: can(app, further) }));
    AppView {
        app: app.name.clone(),
        title: manifest.title.to_string(),
        covers: manifest.covers.clone(),
        dialect: manifest.dialect.clone(),
        answers_at: manifest.base.as_ref().map(|base| base.url.clone()),
        secrets: manifest.secrets.iter().map(secret).collect(),
        needs: manifest.prerequisites.iter().map(|one| format!("{} (for {})", one.what, one.needed_for)).collect(),
        told_apart: told_apart.collect(),
        abilities: can(app, manifest),
        further_dialects: further.collect(),
        page: app.readme(),
    }
}

/// Returns what an app can do, as one of its manifests says it.
pub fn can(app: &App, manifest: &Arc<Manifest>) -> Abilities {
    abilities_of(&Settings::new(app.name.as_str().into(), manifest.clone(), Standing::Target))
}

/// Finds an app by its name.
///
/// # Errors
/// There is none, with the nearest that there is; or it cannot be read.
pub fn app<'a>(catalogue: &'a Catalogue, name: &str) -> Result<&'a App, EngineError> {
    if let Some(problem) = catalogue.problem(name) {
        return Err(problem.clone().into());
    }
    catalogue.get(name).ok_or_else(|| {
        let known: Vec<&str> = catalogue.apps().map(|app| app.name.as_str()).collect();
        let hint = nearest(name, &known)
            .map_or_else(|| format!("there are {}", known.join(", ")), |near| format!("did you mean `{near}`?"));
        EngineError::Missing(format!("no app is named {name:?}; {hint}"))
    })
}
