//! A strict OpenID provider over real HTTP, with one client, one person and a key: it checks what it is asked as the standard
//! says, and lies where a test tells it to. It shares no line with the product.

use crate::stage::{Answer, ask};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicI64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;

pub const CLIENT: &str = "tenure";
pub const SECRET: &str = "s3cret";

type Fields = BTreeMap<String, String>;

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Signed {
    Rightly,
    NotAtAll,
    /// With the public key as if it were a secret that both sides share.
    ByPublicKey,
    /// By a key that the provider does not publish, under the name of one that it does.
    ByAnother,
}

/// What the provider is and does at the moment.
pub struct Habits {
    pub signed: Signed,
    /// Claims that are other than they should be; null takes one out.
    pub claims: Value,
    pub told: Value,
    keys: Vec<(String, EcdsaKeyPair)>,
    codes: BTreeMap<String, Fields>,
    /// Whether a code may be used as often as somebody likes, as no provider should.
    pub forgets_codes: bool,
    /// How often its keys were asked for.
    pub keys_asked: u32,
}

pub struct Provider {
    pub address: String,
    now_ms: Arc<AtomicI64>,
    habits: Mutex<Habits>,
}

fn new_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let bytes = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes.as_ref(), &random).unwrap()
}

fn part(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    pub async fn start(now_ms: &Arc<AtomicI64>) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let habits = Habits {
            signed: Signed::Rightly,
            claims: json!({}),
            told: json!({ "sub": "u1" }),
            keys: vec![("k1".into(), new_key())],
            codes: BTreeMap::new(),
            forgets_codes: false,
            keys_asked: 0,
        };
        let provider = Arc::new(Self { address, now_ms: now_ms.clone(), habits: Mutex::new(habits) });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .route("/told", get(told))
            .with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn habits(&self) -> MutexGuard<'_, Habits> {
        self.habits.lock().unwrap()
    }

    /// Signs with a new key from now on, and publishes the old one no more.
    pub fn rotate(&self, name: &str) {
        self.habits().keys = vec![(name.into(), new_key())];
    }

    /// Signs claims as it does at the moment.
    pub fn sign(&self, claims: &Value) -> String {
        let habits = self.habits();
        let (kid, key) = habits.keys.last().unwrap();
        let alg = match habits.signed {
            Signed::NotAtAll => "none",
            Signed::ByPublicKey => "HS256",
            Signed::Rightly | Signed::ByAnother => "ES256",
        };
        let header = json!({ "alg": alg, "kid": kid, "typ": "JWT" });
        let signed = format!("{}.{}", part(header.to_string()), part(claims.to_string()));
        let by = |key: &EcdsaKeyPair| part(key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap());
        let tag = match habits.signed {
            Signed::Rightly => by(key),
            Signed::ByAnother => by(&new_key()),
            Signed::NotAtAll => String::new(),
            Signed::ByPublicKey => {
                part(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.public_key().as_ref()), signed.as_bytes()))
            }
        };
        format!("{signed}.{tag}")
    }

    /// Returns the claims that every token of now has.
    pub fn claims(&self) -> Value {
        let seconds = self.now_ms.load(Relaxed) / 1000;
        json!({ "iss": self.issuer(), "aud": CLIENT, "sub": "u1", "sid": "session 1", "iat": seconds, "exp": seconds + 300 })
    }

    /// Goes where the console sends a browser, signs the person in there, and returns the way back.
    pub async fn visit(&self, place: &str) -> Answer {
        let path = place.strip_prefix(&self.issuer()).unwrap_or_else(|| panic!("{place} is elsewhere"));
        ask(&self.address, "GET", path, "", "").await
    }
}

fn merge(into: &mut Value, change: &Value) {
    for (name, value) in change.as_object().unwrap() {
        match value.is_null() {
            true => into.as_object_mut().unwrap().remove(name),
            false => into.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
}

async fn discovery(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let issuer = provider.issuer();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "userinfo_endpoint": format!("{issuer}/told"),
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let mut habits = provider.habits();
    habits.keys_asked += 1;
    let key = |(kid, key): &(String, EcdsaKeyPair)| {
        let point = key.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "use": "sig", "kid": kid, "x": part(&point[1..33]), "y": part(&point[33..]) })
    };
    let keys: Vec<Value> = habits.keys.iter().map(key).collect();
    Json(json!({ "keys": keys.into_iter().chain([json!({ "kty": "strange" }), json!(7)]).collect::<Vec<_>>() }))
}

async fn authorize(State(provider): State<Arc<Provider>>, Query(asked): Query<Fields>) -> Response {
    let is = |name: &str, wanted: &str| asked.get(name).is_some_and(|value| value == wanted);
    let openid = asked.get("scope").is_some_and(|scope| scope.split(' ').any(|one| one == "openid"));
    let proof = asked.get("code_challenge").is_some_and(|challenge| challenge.len() == 43);
    let long = |name: &str| asked.get(name).is_some_and(|value| value.len() >= 32);
    let good = is("response_type", "code") && is("client_id", CLIENT) && is("code_challenge_method", "S256");
    if !(good && openid && proof && long("state") && long("nonce")) {
        return (StatusCode::BAD_REQUEST, format!("{asked:?}")).into_response();
    }
    let code = format!("code-{}", part(Sha256::digest(asked["state"].as_bytes())));
    let back = format!("{}?code={code}&state={}&iss={}", asked["redirect_uri"], asked["state"], provider.issuer());
    provider.habits().codes.insert(code, asked);
    Redirect::to(&back).into_response()
}

async fn token(State(provider): State<Arc<Provider>>, headers: HeaderMap, Form(asked): Form<Fields>) -> Response {
    let refuse = |word: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": word }))).into_response();
    let wanted = format!("Basic {}", STANDARD.encode(format!("{CLIENT}:{SECRET}")));
    if headers.get("authorization").is_none_or(|told| told != &wanted) {
        return refuse("invalid_client");
    }
    let is = |name: &str, wanted: &str| asked.get(name).is_some_and(|value| value == wanted);
    let mut habits = provider.habits();
    let code = asked.get("code").cloned().unwrap_or_default();
    let begun = if habits.forgets_codes { habits.codes.get(&code).cloned() } else { habits.codes.remove(&code) };
    let Some(begun) = begun else { return refuse("invalid_grant") };
    let proof = part(Sha256::digest(asked.get("code_verifier").map_or("", String::as_str)));
    if !is("grant_type", "authorization_code")
        || !is("redirect_uri", &begun["redirect_uri"])
        || proof != begun["code_challenge"]
    {
        return refuse("invalid_grant");
    }
    let change = habits.claims.clone();
    drop(habits);
    let mut claims = provider.claims();
    let person =
        json!({ "nonce": begun["nonce"], "email": "mia@acme.example", "email_verified": true, "groups": ["it"] });
    merge(&mut claims, &person);
    merge(&mut claims, &change);
    Json(json!({ "access_token": "at", "token_type": "Bearer", "id_token": provider.sign(&claims) })).into_response()
}

async fn told(State(provider): State<Arc<Provider>>, headers: HeaderMap) -> Response {
    match headers.get("authorization").is_some_and(|told| told == "Bearer at") {
        true => Json(provider.habits().told.clone()).into_response(),
        false => StatusCode::UNAUTHORIZED.into_response(),
    }
}
