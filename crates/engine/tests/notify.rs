//! Telling people and programs: what waits, is held and failed goes to real receivers over real sockets, once for as long as it
//! stands; receivers that refuse, stall or send elsewhere are tried again with the same message.

use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tenure_core::journal::Draft;
use tenure_engine::EngineError;
use tenure_engine::check::{Verdict, check};
use tenure_engine::clock::Clock;
use tenure_engine::house::House;
use tenure_engine::notify::deliver;
use tenure_store::JobEnd;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const MINUTE_MS: i64 = 60_000;
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Stage {
    house: House,
    now_ms: Arc<AtomicI64>,
    folder: TempDir,
}

async fn stage(notify: &str) -> Stage {
    let folder = TempDir::new().unwrap();
    let config = folder.path().join("tenure.toml");
    let server = "[server]\npublic_url = \"https://tenure.acme.example/\"\n";
    fs::write(&config, format!("{server}{notify}")).unwrap();
    fs::write(folder.path().join("policy.toml"), "").unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let told = now_ms.clone();
    let house = House::open(Path::new(&config), Clock::telling(move || told.load(Ordering::Relaxed))).await.unwrap();
    Stage { house, now_ms, folder }
}

fn step(id: &str, from: &str) -> Value {
    json!({ "id": id, "connection": "desk", "effect": "delete", "identity": "i-1", "person": "Jane Doe", "account": "42",
        "kind": "agent", "changes": [], "reason": { "kind": "leaver", "rule": null, "text": "Jane Doe left" }, "risk": "high",
        "irreversible": id == "s-1", "needs": [],
        "approval": { "state": "waiting", "from": [from], "count": 1, "by": [] } })
}

impl Stage {
    async fn plan(&self, id: &str, steps: Vec<Value>, held: Vec<Value>) {
        let plan = json!({ "id": id, "digest": id, "made_at": "2027-01-15T08:00:00Z", "steps": steps, "held": held,
            "findings": [], "cost": { "seats": {}, "requests": {}, "seconds": 0.0 } });
        let plan = serde_json::from_value(plan).unwrap();
        self.house.store.save_plan(&plan, self.now_ms.load(Ordering::Relaxed), vec![], &[]).await.unwrap();
    }

    fn pass(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Lets the receiver's job run; returns why it failed, where it did.
    async fn tell(&self, name: &str) -> Option<String> {
        match deliver(&self.house, name).await {
            Ok(JobEnd::Later { .. }) => None,
            Ok(other) => panic!("{other:?}"),
            Err(EngineError::Asked(because)) => Some(because),
            Err(error) => panic!("{error}"),
        }
    }
}

/// How a receiver takes what it is sent.
#[derive(Clone, Copy, PartialEq)]
enum Habit {
    Takes,
    Fails,
    Redirects,
    Stalls,
}

struct Receiver {
    address: String,
    habit: Arc<Mutex<Habit>>,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn webhook() -> Self {
        Self::listens(hear_hook).await
    }

    async fn mail() -> Self {
        Self::listens(hear_mail).await
    }

    async fn listens<H, F>(hear: H) -> Self
    where
        H: Fn(TcpStream, Arc<Mutex<Vec<String>>>, Habit) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Vec::new())));
        let habit = Arc::new(Mutex::new(Habit::Takes));
        let (kept, habits) = (heard.clone(), habit.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let habit = *habits.lock().unwrap();
                tokio::spawn(hear(stream, kept.clone(), habit));
            }
        });
        Self { address, habit, heard }
    }

    fn takes(&self, habit: Habit) {
        *self.habit.lock().unwrap() = habit;
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// A receiver of webhooks: head and body of each request are kept.
async fn hear_hook(mut stream: TcpStream, heard: Arc<Mutex<Vec<String>>>, habit: Habit) {
    let mut text = String::new();
    let mut bytes = [0; 4096];
    loop {
        let count = stream.read(&mut bytes).await.unwrap_or(0);
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
        let whole = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            length.is_some_and(|length: usize| body.len() >= length)
        });
        if whole || count == 0 {
            break;
        }
    }
    heard.lock().unwrap().push(text);
    let answer = match habit {
        Habit::Takes => "HTTP/1.1 204 No Content\r\n\r\n",
        Habit::Fails => "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        Habit::Redirects => "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        Habit::Stalls => {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            return;
        }
    };
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// A mail server for one mail at a time: envelope and text of each mail are kept.
async fn hear_mail(stream: TcpStream, heard: Arc<Mutex<Vec<String>>>, habit: Habit) {
    let (reads, mut writes) = stream.into_split();
    let mut lines = BufReader::new(reads).lines();
    let (mut text, mut within) = (String::new(), false);
    let _ = writes.write_all(b"220 mail.test ready\r\n").await;
    while let Ok(Some(line)) = lines.next_line().await {
        text.push_str(&format!("{line}\n"));
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match (within, word.as_str()) {
            (true, _) if line == "." => {
                within = false;
                heard.lock().unwrap().push(std::mem::take(&mut text));
                "250 taken"
            }
            (true, _) => continue,
            (false, "EHLO") => "250-mail.test\r\n250 AUTH PLAIN LOGIN",
            (false, "AUTH") => "235 welcome",
            (false, "RCPT") if habit == Habit::Fails => "451 jane@acme.example is not to be had now",
            (false, "DATA") => {
                within = true;
                "354 go on"
            }
            (false, "QUIT") => "221 bye",
            _ => "250 ok",
        };
        if writes.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            break;
        }
    }
}

fn webhook(receiver: &Receiver, more: &str) -> String {
    format!(
        "[notify.ops]\n{more}\n[notify.ops.webhook]\nurl = \"http://{}/in?key=hidden\"\nallow_private = true\n\
         secret = {{ command = [\"printf\", {SECRET:?}] }}\n",
        receiver.address
    )
}

fn header<'a>(request: &'a str, name: &str) -> &'a str {
    let line = request.lines().find(|line| line.to_lowercase().starts_with(&format!("{name}: ")));
    line.and_then(|line| line.split_once(": ")).map_or("", |(_, value)| value)
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn what_waits_is_told_once_for_as_long_as_it_stands() {
    let receiver = Receiver::webhook().await;
    let stage = stage(&webhook(&receiver, "")).await;
    assert_eq!(stage.tell("ops").await, None);
    assert!(receiver.heard().is_empty(), "there is nothing to tell");
    let held = json!({ "step": step("s-9", "security"), "guard": "removals_max", "because": "too many for Jane" });
    stage.plan("p-1", vec![step("s-1", "security"), step("s-2", "leads")], vec![held]).await;
    for _ in 0..3 {
        assert_eq!(stage.tell("ops").await, None);
        stage.pass(60 * MINUTE_MS);
    }
    let heard = receiver.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    let (request, told) = (&heard[0], body(&heard[0]));
    assert_eq!(
        (told["type"].as_str(), told["timestamp"].as_str()),
        (Some("tenure.digest"), Some("2027-01-15T08:00:00Z"))
    );
    let matters = told["data"]["matters"].as_array().unwrap();
    assert_eq!(matters[0]["text"], "2 steps of plan p-1 wait for a yes, 1 of them cannot be undone");
    assert_eq!(matters[0]["url"], "https://tenure.acme.example/plans/p-1?by=person&only=waiting");
    assert_eq!(matters[1]["text"], "1 step of plan p-1 is held by the guard removals_max");
    assert!(!request.contains("Jane") && !request.contains("whsec"), "nothing of people, and no secret: {request}");
    assert!(header(request, "webhook-id").starts_with("msg_") && header(request, "webhook-timestamp") == "1800000000");
    assert!(header(request, "webhook-signature").starts_with("v1,"), "{request}");
    // What is gone is forgotten, and what comes again is told again.
    stage.plan("p-2", vec![], vec![]).await;
    assert_eq!(stage.tell("ops").await, None);
    stage.plan("p-3", vec![step("s-1", "security")], vec![]).await;
    assert_eq!(stage.tell("ops").await, None);
    assert_eq!(receiver.heard().len(), 2);
    assert_eq!(body(&receiver.heard()[1])["type"], "tenure.waits");
}

#[tokio::test]
async fn many_things_within_a_short_time_are_one_message() {
    let receiver = Receiver::webhook().await;
    let stage =
        stage(&webhook(&receiver, "every = \"30m\"\nkinds = [\"waits\", \"failed\"]\napprovers = [\"security\"]"))
            .await;
    stage.plan("p-1", vec![step("s-1", "security"), step("s-2", "leads")], vec![]).await;
    assert_eq!(stage.tell("ops").await, None);
    assert_eq!(body(&receiver.heard()[0])["data"]["matters"][0]["count"], 1, "only what theirs is to say");
    for number in 3..9 {
        stage.pass(MINUTE_MS);
        stage
            .plan(&format!("p-{number}"), (1..number).map(|n| step(&format!("s-{n}"), "security")).collect(), vec![])
            .await;
        let body = json!({ "connection": "desk", "outcome": "refused" });
        let (at, actor, event) = ("2027-01-15T08:00:00Z".into(), "tenure serve".into(), "step_ended".into());
        let draft = Draft {
            at,
            actor,
            event,
            run: Some("r-1".into()),
            step: Some(format!("s-{number}").as_str().into()),
            body,
        };
        stage.house.store.append_journal(vec![draft]).await.unwrap();
        assert_eq!(stage.tell("ops").await, None);
    }
    assert_eq!(receiver.heard().len(), 1, "within half an hour nobody is told twice");
    stage.pass(30 * MINUTE_MS);
    assert_eq!(stage.tell("ops").await, None);
    let told = body(&receiver.heard()[1]);
    let texts: Vec<&str> =
        told["data"]["matters"].as_array().unwrap().iter().filter_map(|one| one["text"].as_str()).collect();
    assert_eq!(
        texts,
        ["7 steps of plan p-8 wait for a yes, 1 of them cannot be undone", "6 steps in desk failed in run r-1",]
    );
    stage.pass(60 * MINUTE_MS);
    assert_eq!(stage.tell("ops").await, None);
    assert_eq!(receiver.heard().len(), 2);
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_tried_again_and_stays_the_same() {
    let receiver = Receiver::webhook().await;
    let stage = stage(&webhook(&receiver, "")).await;
    stage.plan("p-1", vec![step("s-1", "security")], vec![]).await;
    let refusals = [(Habit::Fails, "500"), (Habit::Redirects, "302"), (Habit::Stalls, "send to 127.0.0.1")];
    for (habit, says) in refusals {
        receiver.takes(habit);
        let because = stage.tell("ops").await.expect("it is not taken");
        assert!(because.contains(says) && !because.contains("hidden"), "{because}");
        stage.pass(MINUTE_MS);
    }
    receiver.takes(Habit::Takes);
    stage.plan("p-2", vec![step("s-1", "security"), step("s-2", "security")], vec![]).await;
    assert_eq!(stage.tell("ops").await, None);
    let heard = receiver.heard();
    let ids: Vec<&str> = heard.iter().map(|request| header(request, "webhook-id")).collect();
    assert_eq!(ids.len(), 4, "a redirect is not followed");
    assert!(ids.iter().all(|id| *id == ids[0]), "whoever gets it twice can tell: {ids:?}");
    assert!(heard.iter().all(|request| body(request) == body(&heard[0])), "{heard:?}");
    assert_ne!(
        header(&heard[0], "webhook-timestamp"),
        header(&heard[3], "webhook-timestamp"),
        "each try is signed anew"
    );
    stage.pass(11 * MINUTE_MS);
    assert_eq!(stage.tell("ops").await, None);
    assert_eq!(body(&receiver.heard()[4])["data"]["matters"][0]["count"], 2, "what came meanwhile is told after it");
}

#[tokio::test]
async fn a_receiver_that_stalls_keeps_no_process_from_ending_and_hears_the_same_message_later() {
    let receiver = Receiver::webhook().await;
    let stage = stage(&webhook(&receiver, "every = \"1m\"")).await;
    stage.plan("p-1", vec![step("s-1", "security")], vec![]).await;
    receiver.takes(Habit::Stalls);
    let began = std::time::Instant::now();
    let ends = async {
        while receiver.heard().is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        stage.house.drain.begin();
    };
    let (end, ()) = tokio::join!(deliver(&stage.house, "ops"), ends);
    assert!(matches!(end, Ok(JobEnd::GivenBack)), "{end:?}");
    assert!(began.elapsed() < std::time::Duration::from_secs(15), "the receiver would have stalled for a minute");
    let clock = Clock::telling(|| 1_800_000_100_000);
    let next = House::open(&stage.folder.path().join("tenure.toml"), clock).await.unwrap();
    receiver.takes(Habit::Takes);
    assert!(matches!(deliver(&next, "ops").await, Ok(JobEnd::Later { .. })));
    let heard = receiver.heard();
    let id = |at: usize| header(&heard[at], "webhook-id").to_owned();
    assert!(heard.len() == 2 && !id(0).is_empty() && id(0) == id(1), "{heard:?}");
}

#[tokio::test]
async fn addresses_inside_the_company_need_a_word() {
    let receiver = Receiver::webhook().await;
    let settings = format!(
        "[notify.chat]\nslack = {{ url = {{ command = [\"printf\", \"https://{}/T0/B0/hidden\"] }} }}\n",
        receiver.address
    );
    let stage = stage(&settings).await;
    stage.plan("p-1", vec![step("s-1", "security")], vec![]).await;
    let because = stage.tell("chat").await.expect("it is not sent");
    assert!(because.contains("private address") && !because.contains("hidden"), "{because}");
    assert!(receiver.heard().is_empty());
}

#[tokio::test]
async fn a_chat_gets_a_text_with_links() {
    let receiver = Receiver::webhook().await;
    let settings = format!(
        "[notify.chat]\nslack = {{ url = {{ command = [\"printf\", \"http://{}/T0/B0/hidden\"] }}, allow_private = true }}\n",
        receiver.address
    );
    let stage = stage(&settings).await;
    stage.plan("p-1", vec![step("s-2", "security")], vec![]).await;
    assert_eq!(stage.tell("chat").await, None);
    let told = body(&receiver.heard()[0]);
    let link = "<https://tenure.acme.example/plans/p-1?by=person&only=waiting|look at it>";
    assert_eq!(told["text"].as_str(), Some(format!("• 1 step of plan p-1 waits for a yes – {link}").as_str()));
}

#[tokio::test]
async fn a_mail_is_taken_by_a_mail_server_or_tried_again() {
    let receiver = Receiver::mail().await;
    let settings = format!(
        "[notify.mail.email]\nserver = \"smtp://{}\"\nfrom = \"tenure@acme.example\"\n\
         to = [\"jane@acme.example\", \"tom@acme.example\"]\nusername = \"tenure\"\n\
         password = {{ command = [\"printf\", \"pass\"] }}\n",
        receiver.address
    );
    let stage = stage(&settings).await;
    stage.plan("p-1", vec![step("s-1", "security")], vec![]).await;
    receiver.takes(Habit::Fails);
    let because = stage.tell("mail").await.expect("it is not taken");
    assert!(because.contains("127.0.0.1 answered 451") && !because.contains("jane"), "{because}");
    receiver.takes(Habit::Takes);
    assert_eq!(stage.tell("mail").await, None);
    let heard = receiver.heard();
    assert_eq!(heard.len(), 1, "{heard:?}");
    for part in [
        "MAIL FROM:<tenure@acme.example>",
        "RCPT TO:<jane@acme.example>",
        "RCPT TO:<tom@acme.example>",
        "Subject: Tenure: 1 step of plan p-1 waits for a yes, 1 of them cannot be",
        "Message-ID: <msg_",
        "Date: Fri, 15 Jan 2027 08:00:00",
        "https://tenure.acme.example/plans/p-1?by=3Dperson&only=3Dwaiting",
        "The links ask you to sign in.",
    ] {
        let plain = heard[0].replace("=\n", "");
        assert!(
            heard[0].contains(part) || plain.contains(part) || plain.contains(&part.replace("=3D", "=")),
            "{part}: {}",
            heard[0]
        );
    }
    assert!(!heard[0].contains("Jane Doe"), "{}", heard[0]);
}

#[tokio::test]
async fn check_says_who_could_be_told_and_sends_nothing() {
    let (hook, mail) = (Receiver::webhook().await, Receiver::mail().await);
    let more = format!(
        "[notify.mail.email]\nserver = \"smtp://{}\"\nfrom = \"t@acme.example\"\nto = [\"it@acme.example\"]\n\
         [notify.chat.slack]\nurl = {{ command = [\"printf\", \"https://{}/hidden\"] }}\n\
         [notify.gone.webhook]\nurl = \"http://127.0.0.1:1/hidden\"\nallow_private = true\n\
         secret = {{ command = [\"printf\", {SECRET:?}] }}\n\
         [notify.mute.webhook]\nurl = \"https://hooks.invalid/hidden\"\nsecret = {{ file = \"nowhere\" }}\n",
        mail.address, hook.address
    );
    let stage = stage(&format!("{}{more}", webhook(&hook, ""))).await;
    let told = async |offline| {
        let lines = check(&stage.house, &[], offline).await.unwrap();
        let of = |name: &str| {
            let line = lines.iter().find(|line| line.what == format!("notify {name}")).unwrap().clone();
            assert!(!line.says.contains("hidden"), "{}", line.says);
            (line.verdict, line.says, line.unreachable)
        };
        ["ops", "mail", "chat", "gone", "mute"].map(of)
    };
    let [ops, mailed, chat, gone, mute] = told(false).await;
    assert!(ops.0 == Verdict::Good && ops.1.contains(&hook.address), "{ops:?}");
    assert!(mailed.0 == Verdict::Good && mailed.1.contains(&mail.address), "{mailed:?}");
    assert!(chat.0 == Verdict::Problem && chat.1.contains("private address") && !chat.2, "{chat:?}");
    assert!(gone.0 == Verdict::Problem && gone.2, "nobody answers there: {gone:?}");
    assert!(mute.0 == Verdict::Problem && mute.1.contains("nowhere") && !mute.2, "{mute:?}");
    assert!(mail.heard().is_empty() && hook.heard().iter().all(String::is_empty), "something was sent");
    let [ops, mailed, chat, gone, mute] = told(true).await;
    assert!([ops, mailed, chat, gone].iter().all(|line| line.0 == Verdict::Good), "nobody is asked");
    assert_eq!(mute.0, Verdict::Problem);
}
