//! What can be looked at, one endpoint each: the questions and answers are the engine's, which the command line asks too.

use super::endpoint::{Caller, Endpoint};
use axum::http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use tenure_core::scope::Scope;
use tenure_engine::EngineError;
use tenure_engine::act;
use tenure_engine::answer;
use tenure_engine::audit::{Checked, verify};
use tenure_engine::check::CheckLine;
use tenure_engine::house::House;
use tenure_engine::token::TokenView;

/// For how long an answer is kept back at most.
pub const WAIT_MAX_SECONDS: u32 = 30;
/// How often it is looked whether something has ended.
const LOOKED_EVERY: Duration = Duration::from_millis(100);

/// Nothing more is asked.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// A thing by its name.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its name.
    pub name: String,
}

/// A thing by its id.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identified {
    /// Its id.
    pub id: String,
}

/// A job by what it is and what it is about.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobAsked {
    /// What sort of work: `pull`, `reconcile`, `apply`, `help` or `act`.
    pub kind: String,
    /// What it is about.
    pub key: String,
}

/// Something that was asked for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ActAsked {
    /// Its id.
    pub id: String,
    /// For how many seconds the answer may be kept back until it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 30))]
    pub wait: Option<u32>,
}

/// What was looked at of the installation.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Checks {
    /// Line by line.
    pub checks: Vec<CheckLine>,
}

/// Tokens.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Newest first; never the credentials.
    pub tokens: Vec<TokenView>,
}

/// Declares endpoints that look at something: name, path, what it needs and says, and how it is answered.
macro_rules! reads {
    ($($name:ident $path:literal $needs:ident $asked:ty => $answer:ty, $says:literal, $answers:expr;)*) => {$(
        #[doc = $says]
        #[derive(Debug)]
        pub struct $name;

        impl Endpoint for $name {
            type Asked = $asked;
            type Answer = $answer;
            const METHOD: Method = Method::GET;
            const PATH: &'static str = $path;
            const SAYS: &'static str = $says;
            const NEEDS: Scope = Scope::$needs;

            async fn answer(house: &House, asked: Self::Asked, by: &Caller) -> Result<Self::Answer, EngineError> {
                let answers: for<'a> fn(&'a House, Self::Asked, &'a Caller) -> Answering<'a, Self::Answer> = $answers;
                answers(house, asked, by).await
            }
        }
    )*};
}

type Answering<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, EngineError>> + Send + 'a>>;

reads! {
    Connections "/connections" ApiRead Nothing => answer::Connections,
        "Lists connections: state, last pull, accounts, seats, budget, dialect",
        |house, _, _| Box::pin(answer::connections(house));
    Connection "/connections/{name}" ApiRead Named => answer::ConnectionView,
        "Shows one connection",
        |house, asked, _| Box::pin(async move { answer::connection(house, &asked.name).await });
    Identities "/identities" ApiRead answer::ListAsked => answer::Identities,
        "Lists people",
        |house, mut asked, by| Box::pin(async move {
            answer::bound(&mut asked.limit)?;
            answer::identities(house, &asked, &by.owner).await
        });
    Accounts "/accounts" ApiRead answer::ListAsked => answer::Accounts,
        "Lists accounts",
        |house, mut asked, by| Box::pin(async move {
            answer::bound(&mut asked.limit)?;
            answer::accounts(house, &asked, &by.owner).await
        });
    Grants "/grants" ApiRead answer::ListAsked => answer::Grants,
        "Lists what accounts are granted",
        |house, mut asked, by| Box::pin(async move {
            answer::bound(&mut asked.limit)?;
            answer::grants(house, &asked, &by.owner).await
        });
    Who "/who/{key}" ApiRead answer::WhoAsked => answer::Person,
        "Shows one person across everything",
        |house, asked, by| Box::pin(async move { answer::who(house, &asked, &by.owner).await });
    Why "/why/{id}" ApiRead Identified => answer::Because,
        "Walks back from an account (CONNECTION/ID, its slash written as %2F), a step or a finding to its causes",
        |house, asked, _| Box::pin(async move { answer::why(house, &asked.id).await });
    Trace "/trace/{id}" ApiRead Identified => tenure_engine::trace::Trace,
        "Tells the story of a step",
        |house, asked, _| Box::pin(async move { tenure_engine::trace::trace(house, &asked.id).await });
    Findings "/findings" ApiRead answer::FindingsAsked => answer::Findings,
        "Lists what a person should know, worst first",
        |house, mut asked, _| Box::pin(async move {
            answer::bound(&mut asked.limit)?;
            answer::findings(house, &asked).await
        });
    Plans "/plans" ApiRead Nothing => answer::Plans,
        "Lists the newest plans",
        |house, _, _| Box::pin(answer::plans(house));
    Plan "/plans/{id}" ApiRead Identified => answer::Told,
        "Shows one plan; `latest` is the newest",
        |house, asked, _| Box::pin(async move { answer::plan(house, &asked.id).await });
    Runs "/runs" ApiRead Nothing => answer::Runs,
        "Lists the newest runs",
        |house, _, _| Box::pin(answer::runs(house));
    Run "/runs/{id}" ApiRead Identified => answer::RunView,
        "Shows one run, with what became of each step so far",
        |house, asked, _| Box::pin(async move { answer::run(house, &asked.id).await });
    Journal "/journal" ApiRead answer::JournalAsked => answer::Journal,
        "Lists entries of the journal, oldest first",
        |house, mut asked, by| Box::pin(async move {
            answer::bound(&mut asked.limit)?;
            answer::journal(house, &asked, &by.owner).await
        });
    JournalCheck "/journal/check" ApiRead Nothing => Checked,
        "Checks the chain of the journal, and that it agrees with its anchors",
        |house, _, _| Box::pin(async move {
            verify(house, &tenure_engine::anchor::known(house).await?).await
        });
    Stopped "/stops" ApiRead Nothing => act::Stops,
        "Lists where writes are stopped, and by whom",
        |house, _, _| Box::pin(async move {
            Ok(act::Stops { stopped: tenure_engine::stop::stops_of(&house.store).await? })
        });
    Apps "/apps" ApiRead Nothing => answer::Apps,
        "Lists the catalogue of apps",
        |house, _, _| Box::pin(async move { Ok(answer::apps(&house.catalogue)) });
    App "/apps/{name}" ApiRead Named => answer::AppView,
        "Shows what one app can and cannot do",
        |house, asked, _| Box::pin(async move {
            Ok(answer::app_view(answer::app(&house.catalogue, &asked.name)?))
        });
    Doctor "/doctor" ApiRead Nothing => Checks,
        "Looks at the installation; no app is asked",
        |house, _, _| Box::pin(async move {
            let checks = tenure_engine::doctor::doctor(&house.config.file, house.clock.clone()).await;
            Ok(Checks { checks })
        });
    Jobs "/jobs" ApiRead Nothing => answer::Jobs,
        "Lists work that is to be done, or was given up",
        |house, _, _| Box::pin(answer::jobs(house));
    Job "/jobs/{kind}/{key}" ApiRead JobAsked => answer::JobView,
        "Shows one job, even one that is done",
        |house, asked, _| Box::pin(async move { answer::job(house, &asked.kind, &asked.key).await });
    Act "/acts/{id}" ApiRead ActAsked => act::ActView<Value>,
        "Shows what came of something that was asked for; waits for it, if told to",
        |house, asked, _| Box::pin(watch(house, asked));
    TokenList "/tokens" Admin Nothing => Tokens,
        "Lists tokens: whose, for what, until when; never the token itself",
        |house, _, _| Box::pin(async move { Ok(Tokens { tokens: tenure_engine::token::list(house).await? }) });
}

/// Shows an act once it has ended, or as it is when the wait is over.
async fn watch(house: &House, asked: ActAsked) -> Result<act::ActView<Value>, EngineError> {
    let seconds = asked.wait.unwrap_or(0);
    if seconds > WAIT_MAX_SECONDS {
        let because = format!("it is from 0 to {WAIT_MAX_SECONDS} seconds");
        return Err(EngineError::Field { field: "wait", because });
    }
    let looks = u64::from(seconds) * 1000 / LOOKED_EVERY.as_millis() as u64;
    for _ in 0..looks {
        let view = act::act(house, &asked.id).await?;
        if view.state != "open" || house.drain.has_begun() {
            return Ok(view);
        }
        tokio::time::sleep(LOOKED_EVERY).await;
    }
    act::act(house, &asked.id).await
}

/// Describes the API.
#[derive(Debug)]
pub struct Description;

impl Endpoint for Description {
    type Asked = Nothing;
    type Answer = serde_json::Map<String, Value>;
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/openapi.json";
    const SAYS: &'static str = "Describes the API as OpenAPI 3.1";
    const NEEDS: Scope = Scope::ApiRead;

    async fn answer(_: &House, _: Nothing, _: &Caller) -> Result<Self::Answer, EngineError> {
        match super::openapi::describe(&super::routes()) {
            Value::Object(description) => Ok(description),
            _ => Err(EngineError::Broken("the description is no object".into())),
        }
    }
}
