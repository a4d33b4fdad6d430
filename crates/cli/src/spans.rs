//! Spans for an OpenTelemetry collector: one for each verb, one for each step, sent as OTLP in JSON over HTTP.
//! They come from `tracing`, wait in a bounded queue and go out in batches from a thread of their own; what the collector
//! does not take in time is lost, and nothing waits for it. Only the attributes listed here leave: no person, no secret.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tenure_connect::{HookReach, send_hook};
use tenure_core::trace::trace_id;
use tenure_engine::chance::Chance;
use tenure_engine::clock::Clock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// What is told of a span besides its name and its time.
const TOLD: [&str; 7] = ["run", "plan", "step", "connection", "effect", "outcome", "accounts"];
/// Spans that wait to be sent; what comes beyond is lost.
const WAITING_MAX: usize = 8192;
const BATCH_MAX: usize = 512;
const EVERY: Duration = Duration::from_secs(1);
/// How long a process that ends waits for the collector.
const LAST_WAIT: Duration = Duration::from_secs(3);
const PATH: &str = "/v1/traces";

/// Where spans go, and the thread that sends them.
pub struct Export {
    ended: SyncSender<Option<Span>>,
    done: Receiver<()>,
    _thread: JoinHandle<()>,
}

/// Takes spans out of `tracing`.
pub struct Spans {
    ended: SyncSender<Option<Span>>,
    clock: Clock,
    seed: u64,
    count: AtomicU64,
}

/// One span, from its beginning to its end.
#[derive(Clone, Debug)]
pub struct Span {
    trace: String,
    id: String,
    parent: Option<String>,
    name: &'static str,
    from_ms: i64,
    until_ms: i64,
    told: BTreeMap<&'static str, String>,
}

impl Export {
    /// Begins to send to the collector at `url`. Returns what `tracing` is to be listened to with.
    pub fn begin(url: &str) -> anyhow::Result<(Self, Spans)> {
        let address = if url.ends_with(PATH) { url.to_owned() } else { format!("{}{PATH}", url.trim_end_matches('/')) };
        let (ended, waiting) = sync_channel(WAITING_MAX);
        let (finished, done) = sync_channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sends = move || {
            send_all(&waiting, |batch| runtime.block_on(send_hook(&address, body(batch), HookReach::Private)));
            let _ = finished.send(());
        };
        let thread = std::thread::Builder::new().name("spans".into()).spawn(sends)?;
        let seed = u64::from_le_bytes(Chance::system().bytes()?);
        let spans = Spans { ended: ended.clone(), clock: Clock::system(), seed, count: AtomicU64::new(1) };
        Ok((Self { ended, done, _thread: thread }, spans))
    }

    /// Sends what still waits, for a moment.
    pub fn end(self) {
        if self.ended.try_send(None).is_ok() {
            let _ = self.done.recv_timeout(LAST_WAIT);
        }
    }
}

/// Sends batches until it is told that no more comes. A collector that cannot be reached is complained of once.
fn send_all(waiting: &Receiver<Option<Span>>, send: impl Fn(&[Span]) -> Result<(), String>) {
    let (mut batch, mut complained, mut more) = (Vec::with_capacity(BATCH_MAX), false, true);
    while more {
        match waiting.recv_timeout(EVERY) {
            Ok(Some(span)) => {
                batch.push(span);
                if batch.len() < BATCH_MAX {
                    continue;
                }
            }
            Ok(None) | Err(RecvTimeoutError::Disconnected) => more = false,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if batch.is_empty() {
            continue;
        }
        match send(&batch) {
            Err(because) if !complained => {
                tracing::warn!("spans are lost, the collector does not take them: {because}");
                complained = true;
            }
            Err(_) => {}
            Ok(()) => complained = false,
        }
        batch.clear();
    }
}

impl Spans {
    /// Tells whether something is a span of ours.
    pub fn takes(metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("tenure")
    }

    fn new_id(&self) -> u64 {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        (self.seed ^ count.wrapping_mul(0x9e37_79b9_7f4a_7c15)).max(1)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let above = span.parent().and_then(|parent| parent.extensions().get::<Span>().cloned());
        let own = self.new_id();
        let mut begun = Span {
            trace: above.as_ref().map_or_else(|| format!("{:016x}{own:016x}", self.seed), |above| above.trace.clone()),
            id: format!("{own:016x}"),
            parent: above.map(|above| above.id),
            name: attributes.metadata().name(),
            from_ms: self.clock.now_ms(),
            until_ms: 0,
            told: BTreeMap::new(),
        };
        attributes.record(&mut begun);
        begun.follow_run();
        span.extensions_mut().insert(begun);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(begun) = span.extensions_mut().get_mut::<Span>() {
            values.record(begun);
            begun.follow_run();
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let ended = context.span(&id).and_then(|span| span.extensions_mut().remove::<Span>());
        if let Some(ended) = ended {
            let _ = self.ended.try_send(Some(Span { until_ms: self.clock.now_ms(), ..ended }));
        }
    }
}

impl Span {
    /// Files the span under its run, if it is one of a run.
    fn follow_run(&mut self) {
        if let Some(run) = self.told.get("run") {
            self.trace = trace_id(run);
        }
    }
}

impl Visit for Span {
    fn record_str(&mut self, field: &Field, value: &str) {
        if TOLD.contains(&field.name()) {
            self.told.insert(field.name(), value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// Writes spans as the collector takes them.
fn body(spans: &[Span]) -> String {
    let attribute = |(key, value): (&str, &str)| json!({ "key": key, "value": { "stringValue": value } });
    let shown: Vec<Value> = spans
        .iter()
        .map(|span| {
            let told = span.told.iter().map(|(key, value)| (format!("tenure.{key}"), value));
            let nanoseconds = |ms: i64| (i128::from(ms) * 1_000_000).to_string();
            let mut shown = json!({
                "traceId": span.trace, "spanId": span.id, "name": span.name, "kind": 1,
                "startTimeUnixNano": nanoseconds(span.from_ms), "endTimeUnixNano": nanoseconds(span.until_ms),
                "attributes": told.map(|(key, value)| attribute((&key, value))).collect::<Vec<_>>(),
            });
            if let Some(parent) = &span.parent {
                shown["parentSpanId"] = parent.as_str().into();
            }
            shown
        })
        .collect();
    let of = [("service.name", "tenure"), ("service.version", env!("CARGO_PKG_VERSION"))].map(attribute);
    let scope = json!({ "name": "tenure" });
    json!({ "resourceSpans": [{ "resource": { "attributes": of }, "scopeSpans": [{ "scope": scope, "spans": shown }] }] })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn a_step_is_told_under_its_run_and_says_nothing_of_whom() {
        let (ended, seen) = sync_channel(16);
        let spans = Spans { ended, clock: Clock::telling(|| 7), seed: 5, count: AtomicU64::new(1) };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(spans), || {
            let apply =
                tracing::info_span!("apply", plan = "p-1", by = "mia@acme.example", run = tracing::field::Empty);
            apply.record("run", "r-1");
            tracing::info_span!(parent: &apply, "step", step = "s-1", person = "Jane").in_scope(|| {});
        });
        let all: Vec<Span> = seen.try_iter().flatten().collect();
        assert_eq!(all.iter().map(|span| span.name).collect::<Vec<_>>(), ["step", "apply"]);
        assert!(all.iter().all(|span| span.trace == trace_id("r-1")), "{all:?}");
        assert_eq!(all[0].parent.as_ref(), Some(&all[1].id));
        let told = body(&all);
        assert!(told.contains("tenure.step") && !told.contains("Jane") && !told.contains("mia"), "{told}");
        assert!(told.contains("\"startTimeUnixNano\":\"7000000\""), "{told}");
    }
}
