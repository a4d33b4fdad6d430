//! The API's description as OpenAPI 3.1, made from the list of endpoints and the shapes of what they ask and answer.
//! Nothing of it is written by hand but what is true of every endpoint: how one shows who one is, and how a problem looks.

use super::BASE;
use super::endpoint::Route;
use axum::http::{Method, StatusCode};
use schemars::generate::{Contract, SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

/// Problems that any endpoint may answer with.
const PROBLEMS: [StatusCode; 6] = [
    StatusCode::UNAUTHORIZED,
    StatusCode::FORBIDDEN,
    StatusCode::UNPROCESSABLE_ENTITY,
    StatusCode::INTERNAL_SERVER_ERROR,
    StatusCode::FAILED_DEPENDENCY,
    StatusCode::SERVICE_UNAVAILABLE,
];
/// Problems that only what changes something answers with.
const PROBLEMS_OF_WRITES: [StatusCode; 5] = [
    StatusCode::BAD_REQUEST,
    StatusCode::CONFLICT,
    StatusCode::PRECONDITION_FAILED,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
];

/// Describes these endpoints.
pub fn describe(routes: &[Route]) -> Value {
    let settings = |contract| {
        let mut settings = SchemaSettings::draft2020_12();
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.contract = contract;
        settings
    };
    let mut answers = SchemaGenerator::new(settings(Contract::Serialize));
    let mut inline = settings(Contract::Deserialize);
    inline.inline_subschemas = true;
    let mut asked = SchemaGenerator::new(inline);
    let mut paths: Map<String, Value> = Map::new();
    for route in routes {
        let shape = (route.asked)(&mut asked).to_value();
        let answer = (route.answer)(&mut answers).to_value();
        let place = paths.entry(route.path).or_insert_with(|| json!({}));
        place[route.method.as_str().to_lowercase()] = operation(route, &shape, answer);
    }
    paths.insert("/events".into(), json!({ "get": events() }));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tenure", "version": env!("CARGO_PKG_VERSION"), "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Everything that the command line does, with the same JSON. docs/api.md says how it is used.",
        },
        "servers": [{ "url": BASE }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": {
                "type": "http", "scheme": "bearer", "description": "A token, as `tenure token create` makes one.",
            } },
            "responses": { "Problem": {
                "description": "Why it is not answered (RFC 9457)",
                "content": { "application/problem+json": { "schema": problem() } },
            } },
            "schemas": answers.take_definitions(true),
        },
    })
}

/// Describes the one place that is no endpoint like the others: a stream.
fn events() -> Value {
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    json!({
        "operationId": "Events", "summary": "Tells what happens, as it happens: entries of the journal and reads of connections",
        "description": "Needs the scope `api:read`.",
        "parameters": [header("Last-Event-ID", "The id of the last event that was heard")],
        "responses": {
            "200": { "description": "Server-sent events", "content": { "text/event-stream": { "schema": { "type": "string" } } } },
            "401": problem, "403": problem, "422": problem, "503": problem,
        },
    })
}

fn problem() -> Value {
    json!({
        "type": "object", "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": { "type": "string" }, "title": { "type": "string" }, "status": { "type": "integer" },
            "detail": { "type": "string", "description": "why, in a sentence" },
            "field": { "type": "string", "description": "the word of the request that is wrong" },
        },
    })
}

fn operation(route: &Route, asked: &Value, answer: Value) -> Value {
    let reads = route.method == Method::GET;
    let fields = asked["properties"].as_object().cloned().unwrap_or_default();
    let is_in_path = |name: &str| route.path.contains(&format!("{{{name}}}"));
    let (in_path, others): (Map<_, _>, Map<_, _>) = fields.into_iter().partition(|(name, _)| is_in_path(name));
    let required: Vec<&str> = asked["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut parameters: Vec<Value> =
        in_path.iter().map(|(name, schema)| parameter(name, "path", schema, true)).collect();
    let mut operation = json!({
        "operationId": route.name, "summary": route.says,
        "description": format!("Needs the scope `{}`.", route.needs),
        "responses": responses(route, answer),
    });
    if reads {
        let query = others.iter();
        parameters
            .extend(query.map(|(name, schema)| parameter(name, "query", schema, required.contains(&name.as_str()))));
        parameters.push(header("If-None-Match", "The ETag of an answer that is known"));
    } else {
        parameters.push(header("Idempotency-Key", "Asked again under the same key, it is done once"));
        let required: Vec<&str> = required.into_iter().filter(|name| others.contains_key(*name)).collect();
        let is_needed = !required.is_empty();
        let schema = json!({
            "type": "object", "properties": others, "required": required, "additionalProperties": false,
        });
        operation["requestBody"] =
            json!({ "required": is_needed, "content": { "application/json": { "schema": schema } } });
    }
    if route.says.contains("If-Match") {
        parameters.push(header("If-Match", "The digest of the plan that was read, in quotes"));
    }
    operation["parameters"] = parameters.into();
    operation
}

fn responses(route: &Route, answer: Value) -> Value {
    let reads = route.method == Method::GET;
    let mut told = json!({
        "description": route.status.canonical_reason(), "content": { "application/json": { "schema": answer } },
    });
    let text = json!({ "schema": { "type": "string" } });
    if reads {
        told["headers"] = json!({ "ETag": text });
    } else if route.status == StatusCode::ACCEPTED {
        told["headers"] = json!({ "Location": text });
    }
    let mut responses = json!({ route.status.as_str(): told });
    let more: &[StatusCode] = if reads { &[] } else { &PROBLEMS_OF_WRITES };
    let missing = route.path.contains('{').then_some(StatusCode::NOT_FOUND);
    for status in PROBLEMS.iter().chain(more).chain(&missing) {
        responses[status.as_str()] = json!({ "$ref": "#/components/responses/Problem" });
    }
    if reads {
        responses["304"] = json!({ "description": "It is the one that is known" });
    }
    responses
}

fn header(name: &str, says: &str) -> Value {
    json!({ "name": name, "in": "header", "required": false, "description": says, "schema": { "type": "string" } })
}

/// Describes a word of path or query, which has no way to say that there is nothing.
fn parameter(name: &str, place: &str, schema: &Value, required: bool) -> Value {
    let mut schema = schema.clone();
    let says = schema.as_object_mut().and_then(|schema| schema.remove("description")).unwrap_or_default();
    if let Some(types) = schema["type"].as_array() {
        let types: Vec<Value> = types.iter().filter(|one| **one != "null").cloned().collect();
        schema["type"] = if types.len() == 1 { types[0].clone() } else { types.into() };
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("default");
    }
    if place == "path" {
        schema["minLength"] = 1.into();
    }
    json!({ "name": name, "in": place, "required": required, "description": says, "schema": schema })
}
