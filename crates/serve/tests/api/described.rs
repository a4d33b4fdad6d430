//! The description of the API: that of the code, which the page beside the docs shows; each endpoint once, each reference to
//! something that is there.

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use tenure_serve::api::openapi::describe;
use tenure_serve::api::routes;

#[test]
fn the_description_in_the_docs_is_that_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&describe(&routes())).unwrap() + "\n";
    if std::env::var_os("TENURE_ACCEPT").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "docs/openapi.json is not that of the code; TENURE_ACCEPT=1 writes it anew");
}

#[test]
fn every_endpoint_is_described_once_and_every_reference_leads_somewhere() {
    let description = describe(&routes());
    let mut names = BTreeSet::new();
    for route in routes() {
        let operation = &description["paths"][route.path][route.method.as_str().to_lowercase()];
        assert_eq!(operation["operationId"], route.name, "{}", route.path);
        assert!(names.insert(route.name), "{} is there twice", route.name);
        let in_path = operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path").count();
        assert_eq!(in_path, route.path.matches('{').count(), "{}", route.path);
    }
    let mut references = Vec::new();
    gather(&description, &mut references);
    assert!(references.len() > 50, "{} references", references.len());
    for reference in references {
        let place = reference.strip_prefix('#').unwrap_or_default();
        assert!(description.pointer(place).is_some(), "{reference} leads nowhere");
    }
}

fn gather(value: &Value, references: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| gather(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| gather(value, references)),
        _ => {}
    }
}
