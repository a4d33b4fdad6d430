//! What can be asked to be done, one endpoint each, in the name of whoever bears the token. What takes long is kept as an
//! act and answered with where to look for what comes of it; the rest is done before it is answered.
//! What each does is the engine's, which the command line asks too.

use super::endpoint::{Caller, Endpoint};
use axum::http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::policy::Delay;
use tenure_core::scope::Scope;
use tenure_engine::EngineError;
use tenure_engine::act::{self, Act, ActView, digest_of};
use tenure_engine::answer::Told;
use tenure_engine::apply::ApplyReport;
use tenure_engine::decide::{By, Verdict};
use tenure_engine::house::House;
use tenure_engine::plan::find_plan;
use tenure_engine::stop::{Brake, Resumed};
use tenure_engine::token::{NewToken, TokenView, check_doors, create, reveal, revoke};

/// How long a token lasts unless said.
const LASTS: &str = "90d";

/// Something that takes long; what comes of it is told later.
pub trait Long: Endpoint {
    /// What comes of it.
    type Ends: Serialize + serde::de::DeserializeOwned + JsonSchema + Send;
}

macro_rules! acts {
    ($($name:ident $path:literal $asked:ty => $ends:ty, $act:path, $says:literal;)*) => {$(
        #[doc = $says]
        #[derive(Debug)]
        pub struct $name;

        impl Long for $name {
            type Ends = $ends;
        }

        impl Endpoint for $name {
            type Asked = $asked;
            type Answer = ActView<$ends>;
            const METHOD: Method = Method::POST;
            const PATH: &'static str = $path;
            const SAYS: &'static str = $says;
            const NEEDS: Scope = Scope::ApiWrite;
            const STATUS: StatusCode = StatusCode::ACCEPTED;
            const KEEPS_KEY: bool = true;

            async fn answer(house: &House, asked: $asked, by: &Caller) -> Result<Self::Answer, EngineError> {
                let digest = digest_of($path, &asked);
                let view = keep(house, $act(asked), digest, by).await?;
                read(view)
            }

            fn place(answer: &Self::Answer) -> Option<String> {
                Some(format!("/acts/{}", answer.id))
            }
        }
    )*};
}

acts! {
    Pull "/pull" act::PullAsked => act::Pulled, Act::Pull,
        "Reads sources and targets into the store";
    PlanNow "/plan" act::PlanAsked => Told, Act::Plan,
        "Makes a plan: what would change, what is held and why, what it costs";
    Apply "/apply" act::ApplyAsked => ApplyReport, Act::Apply,
        "Does the permitted steps of a plan, verifies each, reports each";
    Revert "/revert" act::RevertAsked => Told, Act::Revert,
        "Plans the way back from a run";
    Join "/join" act::LifecycleAsked => act::LifecycleDone, Act::Join,
        "Somebody joins: decides it, pulls and plans for that person";
    Move "/move" act::LifecycleAsked => act::LifecycleDone, Act::Move,
        "Somebody moves: decides it, pulls and plans for that person";
    Leave "/leave" act::LifecycleAsked => act::LifecycleDone, Act::Leave,
        "Somebody leaves: decides it, pulls and plans for that person";
}

/// Keeps an act, once it is known that it can be done at all.
async fn keep(house: &House, act: Act, digest: String, by: &Caller) -> Result<ActView<Value>, EngineError> {
    let act = match act {
        Act::Pull(asked) => {
            house.asked(&asked.connections)?;
            Act::Pull(asked)
        }
        Act::Plan(asked) => {
            house.asked(&asked.only)?;
            Act::Plan(asked)
        }
        // The newest plan is that of now, not the one that is the newest when a daemon comes to it.
        Act::Apply(asked) => {
            Act::Apply(act::ApplyAsked { plan: Some(find_plan(house, asked.plan.as_deref()).await?.id.to_string()) })
        }
        other => other,
    };
    let body = serde_json::to_value(&act).map_err(|error| EngineError::Broken(error.to_string()))?;
    let (kept, _) = act::ask(house, &body, digest, &by.owner, by.key.as_deref(), true).await?;
    act::act(house, &kept.id).await
}

/// Reads what came of an act as what it is.
fn read<T: serde::de::DeserializeOwned>(view: ActView<Value>) -> Result<ActView<T>, EngineError> {
    let ActView { id, by, state, asked_at, ended_at, answer, fault } = view;
    let answer = answer.map(serde_json::from_value).transpose();
    let answer = answer.map_err(|error| EngineError::Broken(format!("act {id}: {error}")))?;
    Ok(ActView { id, by, state, asked_at, ended_at, answer, fault })
}

macro_rules! writes {
    ($($name:ident $method:ident $path:literal $needs:ident $asked:ty => $answer:ty, $says:literal,
        |$house:ident, $what:ident, $by:ident| $does:expr;)*) => {$(
        #[doc = $says]
        #[derive(Debug)]
        pub struct $name;

        impl Endpoint for $name {
            type Asked = $asked;
            type Answer = $answer;
            const METHOD: Method = Method::$method;
            const PATH: &'static str = $path;
            const SAYS: &'static str = $says;
            const NEEDS: Scope = Scope::$needs;

            async fn answer($house: &House, $what: $asked, $by: &Caller) -> Result<$answer, EngineError> {
                $does.await
            }
        }
    )*};
}

writes! {
    Approve POST "/approve" Approve act::ApproveAsked => act::Judged,
        "Says yes to a plan or to steps, in the name of the token's owner; `If-Match` holds the plan's digest",
        |house, asked, by| act::judge(house, &asked, Verdict::Approve, &by.owner, by.digest.as_deref());
    Reject POST "/reject" Approve act::ApproveAsked => act::Judged,
        "Says no to a plan or to steps, in the name of the token's owner; `If-Match` holds the plan's digest",
        |house, asked, by| act::judge(house, &asked, Verdict::Reject, &by.owner, by.digest.as_deref());
    Link POST "/link" ApiWrite act::LinkAsked => act::Decision,
        "Decides that an account is a person's",
        |house, asked, by| act::link(house, &asked, &by.owner);
    Unlink POST "/unlink" ApiWrite act::UnlinkAsked => act::Decision,
        "Decides that an account is not a person's",
        |house, asked, by| act::unlink(house, &asked, &by.owner);
    Exempt POST "/exempt" ApiWrite act::ExemptAsked => act::Decision,
        "Decides that an account, or the account of a finding, is to be left alone; or that an app's new form is right",
        |house, asked, by| act::exempt(house, &asked, &by.owner);
    Stop POST "/stop" ApiWrite act::StopAsked => act::Stops,
        "Halts all writes of some connections, or of all, in every process",
        |house, asked, by| act::stop_asked(&Brake::of(house), &asked, &by.owner);
    Resume POST "/resume" ApiWrite act::StopAsked => Resumed,
        "Ends a stop, so that writes go on",
        |house, asked, by| act::resume_asked(&Brake::of(house), &asked, &by.owner);
    TokenRevoke DELETE "/tokens/{id}" Admin RevokeAsked => TokenView,
        "Ends a token at once",
        |house, asked, by| end_token(house, asked, by);
}

/// Which token to end.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeAsked {
    /// Its id, or its name.
    pub id: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

async fn end_token(house: &House, asked: RevokeAsked, by: &Caller) -> Result<TokenView, EngineError> {
    revoke(house, &asked.id, &By { who: by.owner.clone(), note: asked.note }).await
}

/// A token to be made. Its bearer acts in the name of whoever asks for it, and may do no more than they may.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenAsked {
    /// What it is for.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// What its bearer may do.
    #[schemars(length(min = 1, max = 20))]
    pub scopes: Vec<String>,
    /// How long it lasts, such as `90d`, which is usual; `never` for one that does not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// A token that was made.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct TokenMade {
    /// What it is.
    #[serde(flatten)]
    pub view: TokenView,
    /// The credential. It is told once: whoever asks again under the same key is not told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Makes a token.
#[derive(Debug)]
pub struct TokenCreate;

impl Endpoint for TokenCreate {
    type Asked = TokenAsked;
    type Answer = TokenMade;
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/tokens";
    const SAYS: &'static str = "Makes a token in the name of whoever asks, for nothing that they may not do themselves";
    const NEEDS: Scope = Scope::Admin;
    const STATUS: StatusCode = StatusCode::CREATED;

    async fn answer(house: &House, asked: TokenAsked, by: &Caller) -> Result<TokenMade, EngineError> {
        let names = house.names();
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        let mut scopes = Vec::new();
        for word in &asked.scopes {
            let scope =
                Scope::parse(word, &names).map_err(|because| EngineError::Field { field: "scopes", because })?;
            if !by.scopes.iter().any(|held| held.covers(&scope)) {
                return Err(EngineError::Forbidden(format!("a token without `{scope}` cannot make one that has it")));
            }
            scopes.push(scope);
        }
        check_doors(house, &scopes)?;
        let lasts = lasts(asked.expires.as_deref().unwrap_or(LASTS))?;
        let who = By { who: by.owner.clone(), note: None };
        let (credential, view) = create(house, &NewToken { name: asked.name, scopes, lasts }, &who).await?;
        Ok(TokenMade { view, token: Some(reveal(&credential).to_owned()) })
    }

    fn kept(mut answer: Value) -> Value {
        if let Some(fields) = answer.as_object_mut() {
            fields.remove("token");
        }
        answer
    }
}

fn lasts(text: &str) -> Result<Option<Delay>, EngineError> {
    match Delay::parse(text) {
        Some(lasts) if lasts.is_none_or(|delay| delay.as_ms() > 0) => Ok(lasts),
        _ => Err(EngineError::Field { field: "expires", because: "such as 90d, 12h or never".into() }),
    }
}
