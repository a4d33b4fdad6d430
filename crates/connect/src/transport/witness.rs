//! What was asked of an app while some work went on: method, path as the manifest writes it, status, the vendor's own id
//! of the request. The governor tells each exchange; whoever began the work gets the list, for the journal.
//! It holds no URL, no body and no header but that id: nothing that is secret or about a person.

use super::request::{Request, Response};
use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::future::Future;

/// Exchanges that are kept of one piece of work; what goes beyond is counted.
const KEPT_MAX: usize = 16;
/// Writes that are kept at most, however many reads there were.
const WRITES_MAX: usize = 24;
const ID_LEN_MAX: usize = 80;

/// The headers in which vendors give the id under which their support finds a request.
const IDS: [&str; 6] =
    ["x-request-id", "request-id", "x-okta-request-id", "x-correlation-id", "x-trace-id", "x-amzn-requestid"];

tokio::task_local! {
    static WITNESS: RefCell<Witnessed>;
}

/// One exchange with an app.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Exchanged {
    /// The method.
    pub method: String,
    /// The path as the manifest writes it, such as `/users/{id}`.
    pub path: String,
    /// The status of the answer; nothing where none came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The vendor's id of the request, where the answer told one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// How many steps the request carried, where it was more than one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub together: Option<usize>,
}

/// What was asked while some work went on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Witnessed {
    /// The exchanges, in the order of their answers.
    pub requests: Vec<Exchanged>,
    /// How many more there were.
    pub more: usize,
}

impl Witnessed {
    fn add(&mut self, exchanged: Exchanged) {
        let reads = exchanged.method == Method::GET.as_str();
        let room = if reads { KEPT_MAX } else { WRITES_MAX };
        if self.requests.len() < room {
            self.requests.push(exchanged);
        } else {
            self.more += 1;
        }
    }
}

/// Does `work` and returns what was asked of apps meanwhile.
pub async fn witnessed<T>(work: impl Future<Output = T>) -> (T, Witnessed) {
    let watched = async {
        let done = work.await;
        (done, WITNESS.with(RefCell::take))
    };
    WITNESS.scope(RefCell::default(), watched).await
}

/// Tells an exchange to whoever watches; `response` is nothing where no answer came.
pub(crate) fn tell(request: &Request, response: Option<&Response>) {
    let watched = WITNESS.try_with(|_| ()).is_ok();
    if !watched && !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let exchanged = Exchanged {
        method: request.method.to_string(),
        path: request.label_or_path().to_owned(),
        status: response.map(|response| response.status.as_u16()),
        id: response.and_then(|response| id_of(&response.headers)),
        together: None,
    };
    let (status, id) = (exchanged.status, exchanged.id.as_deref());
    tracing::debug!(method = exchanged.method, path = exchanged.path, status, id, "request");
    // Reads of a pull are logged and in nobody's journal.
    let _ = WITNESS.try_with(|witness| witness.borrow_mut().add(exchanged));
}

/// Tells exchanges that were made for several who go together.
pub(crate) fn tell_shared(seen: &Witnessed, together: usize) {
    let _ = WITNESS.try_with(|witness| {
        let mut witness = witness.borrow_mut();
        witness.more += seen.more;
        for exchanged in &seen.requests {
            let together = (together > 1).then_some(together);
            witness.add(Exchanged { together: exchanged.together.or(together), ..exchanged.clone() });
        }
    });
}

/// Returns the vendor's id of a request; a value that is more than an id is left out.
fn id_of(headers: &HeaderMap) -> Option<String> {
    let plain = |text: &&str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/=+".contains(&byte);
        !text.is_empty() && text.len() <= ID_LEN_MAX && text.bytes().all(good)
    };
    IDS.iter().find_map(|name| headers.get(*name)?.to_str().ok().filter(plain).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn asked(method: Method) -> Request {
        Request::new(method, Url::parse("https://x.example/users/42?email=jane").unwrap()).label("/users/{id}")
    }

    #[tokio::test]
    async fn work_tells_what_it_asked_and_nothing_of_whom() {
        let ((), seen) = witnessed(async { tell(&asked(Method::GET), None) }).await;
        assert_eq!(serde_json::to_string(&seen.requests).unwrap(), r#"[{"method":"GET","path":"/users/{id}"}]"#);
        tell(&asked(Method::GET), None);
    }

    #[tokio::test]
    async fn of_many_reads_the_rest_is_counted_and_a_write_is_kept() {
        let ((), seen) = witnessed(async {
            (0..20).for_each(|_| tell(&asked(Method::GET), None));
            tell(&asked(Method::PUT), None);
        })
        .await;
        assert_eq!((seen.requests.len(), seen.more), (KEPT_MAX + 1, 4));
        assert_eq!(seen.requests[KEPT_MAX].method, "PUT");
    }

    #[tokio::test]
    async fn what_several_asked_together_is_told_to_each() {
        let ((), one) = witnessed(async { tell(&asked(Method::POST), None) }).await;
        let ((), other) = witnessed(async { tell_shared(&one, 50) }).await;
        assert_eq!(other.requests[0].together, Some(50));
    }

    #[test]
    fn an_id_is_an_id_and_no_more() {
        let headers = |value: &str| [("x-request-id".parse().unwrap(), value.parse().unwrap())].into_iter().collect();
        assert_eq!(id_of(&headers("0a1b-2c")).as_deref(), Some("0a1b-2c"));
        assert_eq!(id_of(&headers("jane@acme.example")), None);
        assert_eq!(id_of(&headers(&"x".repeat(500))), None);
    }
}
