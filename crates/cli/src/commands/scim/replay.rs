//! `tenure scim replay`: sends a recording again and tells what differs, before a store and a sandbox that are made for it
//! and thrown away, or before an address that is named. What was there when it was recorded is found there or made.

use super::throwaway::Throwaway;
use crate::arguments::ScimReplayArguments;
use crate::exit::{Exit, Mistake};
use crate::output::Output;
use anyhow::Context;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tenure_connect::HttpPolicy;
use tenure_connect::transport::{Credential, Request, SystemClock, Transport, TransportOptions};
use tenure_scim::{self as scim, Difference, Given, Header, Recording, Replay, Thing, golden, golden_names};
use tenure_serve::api::{Method, Url};

/// The variable that holds the token for an address that is named.
const TOKEN: &str = "TENURE_SCIM_TOKEN";
/// In that long an app's clock moves on by a second.
const PAUSE: Duration = Duration::from_millis(1100);

/// Sends one again.
pub async fn run(asked: &ScimReplayArguments, output: &Output) -> anyhow::Result<Exit> {
    let Some(name) = &asked.recording else {
        return list(output);
    };
    let text = match golden(name) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(name).with_context(|| format!("read the recording {name}"))?,
    };
    let recording = Recording::read(&text).map_err(|error| Mistake(format!("{name} is no recording: {error}")))?;
    let differences = match &asked.url {
        Some(url) => before(&recording, url, asked.yes).await?,
        None => {
            let app = asked.app.clone().or_else(|| recording.app.clone());
            let throwaway = Throwaway::open(app.as_deref()).await?;
            let differences = send(&recording, &throwaway.base, throwaway.token()).await;
            throwaway.close().await;
            differences?
        }
    };
    show(name, &recording, &differences, output)
}

fn list(output: &Output) -> anyhow::Result<Exit> {
    let all: Vec<&str> = golden_names().collect();
    if output.json {
        output.document(&json!({ "recordings": all }))?;
    } else {
        all.iter().for_each(|name| output.line(name));
        output.advice("each is a provider's usual day; name one, or a file of `tenure scim show --out`");
    }
    Ok(Exit::Done)
}

/// Sends it to an address that somebody named, whose accounts it changes.
async fn before(recording: &Recording, url: &str, yes: bool) -> anyhow::Result<Vec<Difference>> {
    if !yes {
        return Err(Mistake(format!("a replay makes and changes accounts at {url}; --yes does it")).into());
    }
    let token = std::env::var(TOKEN).ok().filter(|token| !token.trim().is_empty());
    let token = token.ok_or_else(|| Mistake(format!("--url needs the client's token in {TOKEN}")))?;
    send(recording, url.trim_end_matches('/'), Credential::Bearer(token.trim().into())).await
}

async fn send(recording: &Recording, base: &str, credential: Credential) -> anyhow::Result<Vec<Difference>> {
    let wire = Wire::to(base, credential)?;
    let mut replay = Replay::new(base);
    let mut differences = Vec::new();
    for given in &recording.given {
        if !wire.prepare(&mut replay, given).await? {
            differences.push(missing(given));
        }
    }
    for exchange in &recording.exchanges {
        if exchange.waits {
            tokio::time::sleep(PAUSE).await;
        }
        let (status, answer) = wire.ask(&replay.request(exchange)).await?;
        differences.extend(replay.judge(exchange, status, &answer));
    }
    Ok(differences)
}

fn missing(given: &Given) -> Difference {
    let what = match &given.is {
        Thing::Group(name) => format!("a group {name:?}"),
        Thing::User(_) => "a user".to_owned(),
    };
    Difference { line: 0, request: format!("given {}", given.name), what, was: Some("there".into()), is: None }
}

/// Where requests go.
struct Wire {
    transport: Transport,
    base: String,
    credential: Arc<Credential>,
}

impl Wire {
    fn to(base: &str, credential: Credential) -> anyhow::Result<Self> {
        let url = Url::parse(base).ok().filter(|url| url.host_str().is_some());
        let url = url.ok_or_else(|| Mistake(format!("{base:?} is no address such as https://host/scim/v2/NAME")))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let options = TransportOptions {
            allow_http: HttpPolicy::LoopbackOnly,
            credential_hosts: vec![url.port().map_or(host.clone(), |port| format!("{host}:{port}"))],
            ..TransportOptions::default()
        };
        let transport = Transport::new(options, Arc::new(SystemClock));
        Ok(Self { transport, base: base.to_owned(), credential: Arc::new(credential) })
    }

    async fn ask(&self, asked: &scim::Request) -> anyhow::Result<(u16, Value)> {
        let scim::Request { method, path, headers, body } = asked;
        let url = Url::parse(&format!("{}{path}", self.base)).with_context(|| format!("{path:?} is no path"))?;
        let mut request = Request::new(Method::from_bytes(method.as_bytes())?, url).credential(self.credential.clone());
        if !body.is_empty() {
            request = request.body(scim::MEDIA_TYPE, body.clone());
        }
        for Header { name, says } in headers {
            request.headers.remove(name.as_str());
            request = request.header(name.parse()?, says.parse()?);
        }
        let response =
            self.transport.send(&request).await.map_err(|error| anyhow::anyhow!("{method} {path}: {error}"))?;
        Ok((response.status.as_u16(), serde_json::from_slice(&response.body).unwrap_or_default()))
    }

    /// Finds what was there when it was recorded, and makes somebody who is not; tells whether it is there.
    async fn prepare(&self, replay: &mut Replay, given: &Given) -> anyhow::Result<bool> {
        let id = |value: &Value| value["id"].as_str().map(str::to_owned);
        let (_, found) = self.ask(&replay.find(given)).await?;
        if let Some(found) = id(&found["Resources"][0]) {
            replay.give(&given.name, found);
            return Ok(true);
        }
        let Some(make) = replay.make(given) else { return Ok(false) };
        let Some(made) = id(&self.ask(&make).await?.1) else { return Ok(false) };
        replay.give(&given.name, made);
        for join in replay.join(given) {
            self.ask(&join).await?;
        }
        Ok(true)
    }
}

fn show(name: &str, recording: &Recording, differences: &[Difference], output: &Output) -> anyhow::Result<Exit> {
    if output.json {
        output.document(&json!({ "replayed": {
            "recording": name, "client": recording.client, "requests": recording.exchanges.len(), "differences": differences,
        } }))?;
    } else {
        for Difference { line, request, what, was, is } in differences {
            let [was, is] = [was, is].map(|text| text.as_deref().unwrap_or("nothing"));
            output.line(format!("line {line}: {request}\n  {what}: was {was}, is {is}"));
        }
        let count = match differences.len() {
            0 => "all answered as recorded".to_owned(),
            1 => "1 difference".to_owned(),
            many => format!("{many} differences"),
        };
        output.line(format!("{} requests, {count}", recording.exchanges.len()));
    }
    Ok(if differences.is_empty() { Exit::Done } else { Exit::Changes })
}
