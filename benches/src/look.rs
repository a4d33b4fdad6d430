//! Lists, look-ups and pages as the API and the console answer them, measured: parts of a hundred rows from everywhere in
//! a company, people by their address, and every page over HTTP as it is once the company was judged.
//! The company lies in a store of its own; a browser, and the way to it, are not in the figures.

use crate::cases::median;
use crate::company::{email, open};
use crate::job::Outcome;
use crate::judge::{fill, milliseconds};
use anyhow::{Context, ensure};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use std::sync::Arc;
use std::time::Instant;
use tenure_core::role::Role;
use tenure_engine::EngineError;
use tenure_engine::answer::{ListAsked, WhoAsked, accounts, grants, identities, who, why};
use tenure_engine::decide::By;
use tenure_engine::house::House;
use tenure_engine::plan::make_plan;
use tenure_engine::reconcile::{Scope, pin_links};
use tenure_engine::session::{INVITED_MS, invite};
use tenure_engine::token::reveal;
use tokio::net::TcpListener;

/// How often each is asked.
const ROUNDS: u64 = 30;
/// How often each page is asked for.
const ROUNDS_PAGE: u64 = 9;
const ROWS: usize = 100;
const WHO: &str = "bench@acme.example";

/// Asks for parts of lists, for people, and for all pages.
pub async fn pages(people: u64) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let house = open(folder.path()).await?;
    let stored = fill(&house, people).await?;
    pin_links(&house).await?;
    let mut outcome = Outcome { accounts: stored, complete: true, ..Outcome::default() };
    lists(&house, people, &mut outcome).await?;
    console(Arc::new(house), people, &mut outcome).await?;
    Ok(outcome)
}

/// Asks for parts of lists, from everywhere in them.
async fn lists(house: &House, people: u64, outcome: &mut Outcome) -> anyhow::Result<()> {
    let part = |cursor: Option<String>| ListAsked { limit: Some(ROWS), cursor, ..ListAsked::default() };
    // Accounts lie behind each other, connection by connection, of which the source is the first; 40 bits count one's own.
    let within = |app: u64, round: u64| part(Some((((2 + app) << 40) + round * people / ROUNDS).to_string()));
    let place = |round: u64| within(round % 5, round);
    // The ids of people begin with 01, and are spread evenly after it.
    let letter = |round: u64| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWX"[(round % ROUNDS) as usize]);
    let someone = |round: u64| part(Some(format!("01{}", letter(round))));
    let key = |round: u64| WhoAsked { key: email(round * people / ROUNDS + 5), as_of: None };
    let mut note = |name: &str, ms: f64| outcome.figures.insert(format!("list {name}"), ms);
    let ask = async |round| Ok(accounts(house, &place(round), WHO).await?.accounts.len());
    note("accounts", timed(ask).await?);
    let ask = async |_| Ok(accounts(house, &part(None), WHO).await?.accounts.len());
    note("accounts, the first of them", timed(ask).await?);
    // In Freshservice, the fourth, nobody is granted anything.
    let granted = |round: u64| within(round % 3, round);
    note("grants", timed(async |round| Ok(grants(house, &granted(round), WHO).await?.grants.len())).await?);
    let ask = async |round| Ok(identities(house, &someone(round), WHO).await?.identities.len());
    note("identities", timed(ask).await?);
    let few = |filter: String| ListAsked { filter: Some(filter), ..part(None) };
    let ask = async |round| {
        Ok(accounts(house, &few(format!("login == '{}'", email(1_005 + round * 100))), WHO).await?.accounts.len())
    };
    note("accounts, by a condition", timed(ask).await?);
    let ask = async |_| Ok(identities(house, &few("department == 'IT'".into()), WHO).await?.identities.len());
    note("identities, by a condition", timed(ask).await?);
    let ask = async |round| {
        Ok(why(house, &format!("gladly/{}", 1_000_000 + round * people / ROUNDS + 5)).await?.because.len())
    };
    note("why", timed(ask).await?);
    note("who", timed(async |round| Ok(who(house, &key(round), WHO).await?.accounts.len())).await?);
    Ok(())
}

/// Asks several times and returns the middle of the times in milliseconds; each answer must hold something.
async fn timed(ask: impl AsyncFn(u64) -> Result<usize, EngineError>) -> anyhow::Result<f64> {
    let mut spans = Vec::new();
    for round in 0..ROUNDS {
        let began = Instant::now();
        let rows = ask(round).await?;
        spans.push(milliseconds(began));
        ensure!(rows > 0, "the answer of round {round} is empty");
    }
    Ok(median(spans))
}

/// Asks for every page, as somebody who is signed in.
async fn console(house: Arc<House>, people: u64, outcome: &mut Outcome) -> anyhow::Result<()> {
    let plan = make_plan(&house, &Scope::default(), WHO).await?;
    let step = plan.steps.first().context("a plan without a step")?.id.to_string();
    drop(plan);
    let person = who(&house, &WhoAsked { key: email(people / 2 + 3), as_of: None }, WHO).await?.identity.id;
    let visit = Visit::begin(house, &mut outcome.figures).await?;
    let pages = [
        ("today", "/".to_owned()),
        ("plan", "/plan".into()),
        ("plan by app, further on", "/plan?by=app&page=20".into()),
        ("people", "/people".into()),
        ("people, the last of them", format!("/people?page={}", people / 100)),
        ("person", format!("/people/{person}")),
        ("leavers", "/leavers".into()),
        ("departure", format!("/leavers/{person}")),
        ("apps", "/apps".into()),
        ("app", "/apps/freshdesk".into()),
        ("app, its accounts further on", format!("/apps/gladly?after={}", (2_i64 << 40) + people as i64 / 2)),
        ("match", "/match".into()),
        ("trace", format!("/steps/{step}")),
        ("rules", "/rules".into()),
        ("connect", "/connect".into()),
        ("connect one", "/connect/gladly".into()),
        ("audit", "/audit".into()),
        ("access", "/sessions".into()),
        ("search people", format!("/people?q=number+{}", people / 3)),
        ("search accounts", format!("/apps/gladly?q={}", email(people / 3))),
    ];
    for (name, path) in pages {
        let (ms, bytes) = visit.often(&path).await.with_context(|| format!("the page {path}"))?;
        outcome.figures.insert(format!("page {name}"), ms);
        outcome.figures.insert(format!("size {name}"), bytes as f64 / 1000.0);
    }
    Ok(())
}

/// Somebody who is signed in.
struct Visit {
    client: reqwest::Client,
    base: String,
    cookie: String,
}

impl Visit {
    /// Opens the console and signs in; notes how long the very first page takes, for which the company is judged.
    async fn begin(house: Arc<House>, figures: &mut std::collections::BTreeMap<String, f64>) -> anyhow::Result<Self> {
        let by = By { who: WHO.into(), note: None };
        let (link, _) = invite(&house, WHO, Role::Admin, INVITED_MS, &by).await?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base = format!("http://{}", listener.local_addr()?);
        let service = tenure_console::router(house).into_make_service();
        tokio::spawn(async move { axum::serve(listener, service).await });
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().redirect(Policy::none()).build()?;
        let form = format!("link={}", reveal(&link));
        let kind = "application/x-www-form-urlencoded";
        let answer = client.post(format!("{base}/sign-in")).header("content-type", kind).body(form).send().await?;
        let cookie = answer.headers().get(SET_COOKIE).context("no session")?.to_str()?;
        let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        let visit = Self { client, base, cookie };
        let began = Instant::now();
        visit.once("/").await?;
        figures.insert("first page".into(), milliseconds(began));
        Ok(visit)
    }

    /// Asks for a page several times; returns the middle of the times in milliseconds, and how long the page is.
    async fn often(&self, path: &str) -> anyhow::Result<(f64, usize)> {
        let (mut spans, mut bytes) = (Vec::new(), 0);
        for _ in 0..ROUNDS_PAGE {
            let began = Instant::now();
            bytes = self.once(path).await?;
            spans.push(milliseconds(began));
        }
        Ok((median(spans), bytes))
    }

    async fn once(&self, path: &str) -> anyhow::Result<usize> {
        let answer = self.client.get(format!("{}{path}", self.base)).header(COOKIE, &self.cookie).send().await?;
        let (status, place) = (answer.status(), answer.headers().get(LOCATION).cloned());
        ensure!(status.is_success(), "it was answered with {status} {place:?}");
        Ok(answer.bytes().await?.len())
    }
}
