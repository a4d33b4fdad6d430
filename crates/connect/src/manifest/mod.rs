//! What one app is, as its `manifest.toml` says it: a closed, typed vocabulary without code.
//! Texts come from the catalogue; the connector compiles what it needs from here, lint judges it, abilities summarise it.
//! It knows no tenant: no account, no secret's value, no connection name.

mod surface;
mod record;
mod list;
mod effect;
mod access;
mod error;
mod about;
mod scim;
mod dialect;

pub use about::{FileForm, Naming, Prerequisite, PushForm, SessionWord, Webhooks};
pub use access::AccessSpec;
pub use dialect::{Evidence, Sheet, Tell, lay_over};
pub use effect::{Batch, Body, ByHandSpec, Call, CallWhen, Each, EffectSpec, Method, SeatWord};
pub use error::{ErrorRule, ErrorSpec, ErrorWord, SuccessFlag};
pub use list::{
    Delta, Incremental, ListSpec, LookupSpec, Many, OtherKind, Paging, PagingStyle, Pass, ReadSpec, Reference, Total,
};
pub use record::{
    CardinalityWord, Codec, CustomSpec, EntitlementSpec, FieldSpec, GrantForm, GrantPlace, GrantWrite, IdForm,
    KindSpec, MemoryWord, On, StateRule, StateWord,
};
pub use scim::{Scim, ScimChange, ScimCreate, ScimForm, ScimLeave, ScimLogin, ScimSuspend, ScimWrite};
pub use surface::{
    Auth, AuthForm, Base, BudgetSpec, ClientProof, Limits, Parameter, PlanLimit, SecretHelp, SubLimitSpec, WhoAmI,
    WindowWord,
};

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;
use tenure_core::account::Kind;
use tenure_core::place::{Misplaced, misplaced_key, read_toml};

/// One app of the catalogue.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The app's name in the catalogue; equal to the name of its folder.
    pub app: String,
    /// The app's name for people.
    pub title: String,
    /// Which product of the vendor this covers, and which it does not.
    pub covers: String,
    /// The dialect that this manifest speaks: how a tenant answers where the vendor's record differs from its guide. A
    /// further dialect is a further file of the folder (`live.toml`), laid over this one.
    #[serde(default = "guide")]
    pub dialect: String,
    /// How the dialect of a tenant is told, by looks in this order.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// The kind that a wish without `as` means.
    #[schemars(with = "String")]
    pub default_kind: Kind,
    /// The form of the file, for an app that is a file and no service; such an app has neither `base` nor `auth`.
    pub file: Option<FileForm>,
    /// The form in which records are pushed to us, for an app that is not asked at all; it has neither `base` nor `auth`.
    pub pushed: Option<PushForm>,
    /// Where the app answers.
    pub base: Option<Base>,
    /// How a request proves who asks.
    pub auth: Option<Auth>,
    /// The secrets that a connection needs, with the help that errors and setup pages give.
    #[serde(default)]
    pub secrets: IndexMap<String, SecretHelp>,
    /// How the credential's own account is told; it is never changed. Without it the app does not tell.
    pub whoami: Option<WhoAmI>,
    /// How often the app may be asked.
    #[serde(default)]
    pub limits: Limits,
    /// Named ways to walk a list.
    #[serde(default)]
    pub paging: IndexMap<String, Paging>,
    /// A flag in the body that can fail an answer whose status is a success.
    pub success: Option<SuccessFlag>,
    /// How failures look.
    #[serde(default)]
    pub errors: ErrorSpec,
    /// Lists of what can be granted in a tenant, or named in a field.
    #[serde(default)]
    pub references: IndexMap<String, Reference>,
    /// The sorts of record.
    #[schemars(with = "IndexMap<String, KindSpec>")]
    pub kinds: IndexMap<Kind, KindSpec>,
    /// Whether suspending somebody ends the sessions that they have open.
    pub sessions: SessionWord,
    /// Which events the app tells by itself, and where they name accounts; what they say of them is never believed.
    pub webhooks: Option<Webhooks>,
    /// What the app's SCIM surface is, where it has one, and what a connection that switches it on writes through it.
    pub scim: Option<Scim>,
    /// What a person must have set up; `check` lists it to be confirmed.
    #[serde(default)]
    pub prerequisites: Vec<Prerequisite>,
    /// The text that this was read from, for errors that are found later.
    #[serde(skip)]
    #[schemars(skip)]
    pub text: String,
    /// The file that this was read from.
    #[serde(skip)]
    #[schemars(skip)]
    pub path: String,
    /// Text and path of the file below, for a dialect that is laid over another.
    #[serde(skip)]
    #[schemars(skip)]
    pub under: Option<(String, String)>,
    /// The further dialects of the app.
    #[serde(skip)]
    #[schemars(skip)]
    pub further: Vec<Arc<Manifest>>,
}

fn guide() -> String {
    "guide".into()
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The text is no TOML, has an unknown key (the nearest known one is named), or a value of the wrong type.
    pub fn parse(text: &str, path: &str) -> Result<Self, Misplaced> {
        let mut manifest: Manifest = read_toml(text, path)?;
        manifest.text = text.to_owned();
        manifest.path = path.to_owned();
        Ok(manifest)
    }

    /// Builds the error that points at `keys` in the manifest's file.
    pub fn misplaced(&self, keys: &[&str], message: String, hint: Option<String>) -> Misplaced {
        let own = Sheet { text: &self.text, path: &self.path };
        match &self.under {
            Some((text, path)) => dialect::deepest(Sheet { text, path }, own, keys, message, hint),
            None => misplaced_key(own.text, own.path, keys, message, hint),
        }
    }

    /// Lists the dialects of the app, the manifest's own first.
    pub fn dialects(&self) -> Vec<&str> {
        std::iter::once(self).chain(self.further.iter().map(Arc::as_ref)).map(|one| one.dialect.as_str()).collect()
    }

    /// Tells whether the app is asked over HTTP: neither a file nor pushed to us.
    pub fn is_asked(&self) -> bool {
        self.file.is_none() && self.pushed.is_none()
    }

    /// Tells whether something is tried that the vendor's record does not promise.
    pub fn promises_less(&self) -> bool {
        self.kinds.values().flat_map(|kind| kind.effects.values()).any(|effect| effect.unproven || effect.optional)
    }

    /// Returns the manifest in one of its dialects.
    pub fn spoken(self: &Arc<Self>, dialect: &str) -> Option<Arc<Self>> {
        if self.dialect == dialect {
            return Some(self.clone());
        }
        self.further.iter().find(|one| one.dialect == dialect).cloned()
    }
}

/// Returns the JSON Schema of `manifest.toml`, for editors.
pub fn manifest_schema() -> serde_json::Value {
    serde_json::to_value(schemars::schema_for!(Manifest)).unwrap_or_default()
}
