//! Imitations of three HR systems on a port of their own: BambooHR's custom report, Workday's report as a service, Personio's
//! list of employees. All tell of the same workers, each in its own words, and refuse what the real one refuses.
//! They are built from public descriptions of the three and share no line with the connectors.

mod bamboo;
mod personio;
mod workday;

use axum::Router;
use axum::body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use serde_json::Value;
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{Person, Status};

/// The key of the imitated BambooHR.
pub const BAMBOO_KEY: &str = "sandbox-bamboo-key";
/// The integration system user of the imitated Workday.
pub const WORKDAY_USER: &str = "ISU_Sandbox";
/// Its password.
pub const WORKDAY_PASSWORD: &str = "sandbox-workday-password";
/// The API credential of the imitated Personio.
pub const PERSONIO_ID: &str = "sandbox-personio-id";
/// Its secret.
pub const PERSONIO_SECRET: &str = "sandbox-personio-secret";

const BODY_MAX: usize = 256 * 1024;

/// The systems, by the names of their apps.
pub const SYSTEMS: [&str; 3] = ["bamboohr", "workday", "personio"];

/// One employment of somebody; a person may have several.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// The number of the person.
    pub id: u32,
    /// First name.
    pub given_name: String,
    /// Last name.
    pub family_name: String,
    /// The work address; empty where there is none yet.
    pub email: String,
    /// The department.
    pub department: String,
    /// The title.
    pub title: String,
    /// The first day.
    pub start: Option<Date>,
    /// The last day of work.
    pub end: Option<Date>,
    /// Whether they are on leave.
    pub on_leave: bool,
    /// Whether they are no employee.
    pub contractor: bool,
    /// Where their day begins and ends.
    pub time_zone: Option<String>,
    /// The number of the manager.
    pub manager: Option<u32>,
}

/// What goes wrong in an office.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// The next answer is 503 with `Retry-After`.
    Busy,
    /// The list breaks off in the middle of its text.
    Cut,
    /// The list says that there are more than it gives.
    Short,
    /// The column that says who is active is not there any more.
    LostColumn,
}

/// What the three systems know.
#[derive(Debug, Default)]
pub struct Office {
    /// The workers, one for each employment.
    pub workers: Vec<Worker>,
    /// Today, by which a system says who is active.
    pub today: Option<Date>,
    /// What goes wrong.
    pub trouble: Option<Trouble>,
    /// Requests so far.
    pub requests: u64,
    tokens: Vec<String>,
}

impl Office {
    /// Returns an office of these workers on a day.
    pub fn of(workers: Vec<Worker>, today: Date) -> Self {
        Self { workers, today: Some(today), ..Self::default() }
    }

    /// Returns an office in which the people of a company work, as HR knew them on a day.
    pub(crate) fn of_company(people: &[Person], today: Date) -> Self {
        let number =
            |id: &Option<String>| id.as_deref()?.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok();
        let worker = |person: &Person| {
            Some(Worker {
                id: number(&person.employee_id)?,
                given_name: person.given_name.clone(),
                family_name: person.family_name.clone(),
                email: person.work_email.clone(),
                department: person.department.to_owned(),
                title: person.title.clone(),
                start: Some(person.start_date),
                end: person.end_date,
                on_leave: person.status == Status::Leave,
                contractor: person.employment == "contractor",
                time_zone: Some(person.time_zone.to_owned()),
                manager: number(&person.manager_id),
            })
        };
        Self::of(people.iter().filter_map(worker).collect(), today)
    }

    /// Tells whether an employment has ended.
    fn has_ended(&self, worker: &Worker) -> bool {
        worker.end.zip(self.today).is_some_and(|(end, today)| end < today)
    }
}

/// The running imitations; dropping them stops them.
#[derive(Debug)]
pub struct HrSystems {
    addr: SocketAddr,
    office: Arc<Mutex<Office>>,
    server: JoinHandle<()>,
}

impl HrSystems {
    /// Starts them on a free port of this machine.
    ///
    /// # Errors
    /// No port can be had.
    pub async fn start(office: Office) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let office = Arc::new(Mutex::new(office));
        let service = Router::new().fallback(answer).with_state(office.clone());
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                tracing::error!(%error, "the HR systems stopped serving");
            }
        });
        Ok(Self { addr, office, server })
    }

    /// Returns the base URL of one of them: `bamboohr`, `workday` or `personio`.
    pub fn url(&self, system: &str) -> String {
        url(self.addr, system)
    }

    /// Returns where Personio issues tokens.
    pub fn token_url(&self) -> String {
        token_url(self.addr)
    }

    /// Returns what they know, to be looked at and changed.
    pub fn office(&self) -> MutexGuard<'_, Office> {
        self.office.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn url(addr: SocketAddr, system: &str) -> String {
    let path = match system {
        "bamboohr" => "/bamboohr/api/v1",
        "workday" => "/workday/ccx/service/customreport2/acme/people_team/Workers",
        _ => "/personio/v1",
    };
    format!("http://{addr}{path}")
}

fn token_url(addr: SocketAddr) -> String {
    format!("http://{addr}/personio/v2/auth/token")
}

/// Returns the secrets of a system's connection.
pub(crate) fn secrets(system: &str) -> &'static [(&'static str, &'static str)] {
    match system {
        "bamboohr" => &[("api_key", BAMBOO_KEY)],
        "workday" => &[("username", WORKDAY_USER), ("password", WORKDAY_PASSWORD)],
        _ => &[("client_id", PERSONIO_ID), ("client_secret", PERSONIO_SECRET)],
    }
}

/// Returns a system's connection at an address, as a configuration has it.
pub(crate) fn block(addr: SocketAddr, system: &str) -> String {
    let mut text =
        format!("[connections.{system}]\napp = \"{system}\"\nsource = true\nurl = \"{}\"\n", url(addr, system));
    match system {
        "bamboohr" => text.push_str("custom = { time_zone = \"customZone\" }\n"),
        "personio" => {
            text.push_str(&format!("token_url = \"{}\"\ncustom = {{ time_zone = \"dynamic_77\" }}\n", token_url(addr)));
        }
        _ => {}
    }
    text.push_str(&format!("[connections.{system}.secrets]\n"));
    for (name, _) in secrets(system) {
        text.push_str(&format!("{name} = {{ file = \"secrets/{system}-{name}\" }}\n"));
    }
    text
}

impl Drop for HrSystems {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One request, as the imitations read it.
struct Ask {
    method: Method,
    path: String,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Ask {
    /// Returns the name and the password of Basic.
    fn basic(&self) -> Option<(String, String)> {
        let text = self.authorization()?.strip_prefix("Basic ")?;
        let text = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        text.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned()))
    }

    fn authorization(&self) -> Option<&str> {
        self.headers.get(header::AUTHORIZATION)?.to_str().ok()
    }
}

/// An answer of JSON.
fn told(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

pub(crate) async fn answer(State(office): State<Arc<Mutex<Office>>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = body::to_bytes(body, BODY_MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    let query = parts.uri.query().unwrap_or_default();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let query = pairs.map(|(key, value)| (key.to_owned(), value.replace("%2C", ","))).collect();
    let path = parts.uri.path().to_owned();
    let ask = Ask { method: parts.method, path, query, headers: parts.headers, body: body.to_vec() };
    let mut office = office.lock().unwrap_or_else(PoisonError::into_inner);
    office.requests += 1;
    if office.trouble == Some(Trouble::Busy) {
        office.trouble = None;
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], "busy").into_response();
    }
    let (system, rest) = ask.path[1..].split_once('/').unwrap_or_default();
    match system {
        "bamboohr" => bamboo::answer(&office, rest, &ask),
        "workday" => workday::answer(&office, rest, &ask),
        "personio" => personio::answer(&mut office, rest, &ask),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Sends a list, as a whole or, where that is the trouble, only its first half.
fn list(office: &Office, body: &Value) -> Response {
    let text = body.to_string();
    let cut = if office.trouble == Some(Trouble::Cut) { text.len() / 2 } else { text.len() };
    let text = text.get(..cut).unwrap_or_default().to_owned();
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text).into_response()
}
