//! Runs of bulk requests against a server that gives ids by counting.
//! The examples are those of RFC 7644 §3.7.2 and the ways in which they go wrong.
//! Nothing is held anywhere.

use super::super::BulkLimits;
use super::*;

const LIMITS: BulkLimits = BulkLimits { operations_max: 10, bytes_max: 10_000 };

fn run(request: &Value, refused: &[usize]) -> (Vec<Ready>, Vec<Value>) {
    let request = BulkRequest::parse(request.to_string().as_bytes(), LIMITS).unwrap();
    let (mut run, mut tried) = (BulkRun::new(request), Vec::new());
    while let Some(ready) = run.next_ready() {
        let id = format!("id{}", ready.number);
        let outcome = match refused.contains(&ready.number) {
            true => Err(ScimError::because(ScimType::Uniqueness, "taken")),
            false => Ok(Done { status: 201, location: format!("/X/{id}"), id, version: Some("W/\"1\"".into()) }),
        };
        run.done(ready.number, outcome);
        tried.push(ready);
    }
    let answer = run.answer();
    (tried, answer["Operations"].as_array().cloned().unwrap())
}

fn post(bulk_id: &str, refers_to: &[&str]) -> Value {
    let members: Vec<Value> = refers_to.iter().map(|id| json!({"value": format!("bulkId:{id}")})).collect();
    json!({"method": "post", "path": "/Groups", "bulkId": bulk_id, "data": {"displayName": bulk_id, "members": members}})
}

fn statuses(answers: &[Value]) -> Vec<&str> {
    answers.iter().filter_map(|answer| answer["status"].as_str()).collect()
}

#[test]
fn a_reference_waits_for_what_it_names_wherever_it_stands() {
    let patch =
        json!({"method": "PATCH", "path": "/Users/bulkId:b", "version": "W/\"1\"", "data": {"x": ["BULKID:a"]}});
    let (tried, answers) = run(&json!({"Operations": [post("a", &["b"]), patch, post("b", &[])]}), &[]);
    let order: Vec<usize> = tried.iter().map(|ready| ready.number).collect();
    assert_eq!(order, [2, 0, 1]);
    assert_eq!(tried[1].operation.data.as_ref().unwrap()["members"][0]["value"], "id2");
    assert_eq!(tried[2].operation.path, "/Users/id2");
    assert_eq!(tried[2].operation.data, Some(json!({"x": ["id0"]})));
    assert_eq!(tried[2].operation.version.as_deref(), Some("W/\"1\""));
    let first = json!({"method": "POST", "bulkId": "b", "location": "/X/id2", "version": "W/\"1\"", "status": "201"});
    assert_eq!(answers[0], first);
}

#[test]
fn a_circle_is_told_and_the_rest_is_done() {
    let operations = [post("a", &["b"]), post("b", &["a"]), post("c", &["a"]), post("d", &[]), post("e", &["e"])];
    let (tried, answers) = run(&json!({"Operations": operations}), &[]);
    assert_eq!(tried.iter().map(|ready| ready.number).collect::<Vec<_>>(), [3]);
    assert_eq!(statuses(&answers), ["201", "409", "409", "400", "409"], "c only refers to a circle");
}

#[test]
fn what_refers_to_a_failure_fails_and_errors_are_counted() {
    let operations = [post("a", &[]), post("b", &["a"]), post("c", &["nobody"]), post("d", &[])];
    let (_, answers) = run(&json!({"Operations": operations.clone()}), &[0]);
    assert_eq!(statuses(&answers), ["409", "400", "400", "201"]);
    assert_eq!(answers[0]["response"]["scimType"], "uniqueness");
    assert!(answers[0].get("location").is_none(), "what was not made is nowhere");
    let (_, answers) = run(&json!({"Operations": operations.clone(), "failOnErrors": 2}), &[0]);
    assert_eq!(statuses(&answers), ["409", "400"]);
    let (_, answers) = run(&json!({"Operations": operations, "failOnErrors": 0}), &[0]);
    assert_eq!(answers.len(), 4, "none allowed means no limit was set");
}

#[test]
fn an_operation_that_is_none_is_answered_by_itself() {
    let operations = json!([
        7,
        {"method": "GET", "path": "/Users/1"},
        {"method": "POST", "path": "/Users", "data": {}},
        {"method": "PUT", "path": "/Users/1"},
        {"method": "DELETE", "bulkId": "x"},
        {"method": "DELETE", "path": "/Users/1", "data": {"ignored": true}},
        post("a", &[]),
        post("a", &[]),
    ]);
    let (tried, answers) = run(&json!({"Operations": operations}), &[]);
    assert_eq!(statuses(&answers), ["400", "400", "400", "400", "400", "201", "201", "400"]);
    assert_eq!(tried[0].operation.data, None);
}

#[test]
fn a_request_beyond_the_limits_is_refused_whole() {
    let parse = |value: Value, limits| BulkRequest::parse(value.to_string().as_bytes(), limits).unwrap_err().status;
    let many = json!({"Operations": vec![json!({}); 11]});
    assert_eq!(parse(many.clone(), LIMITS), 413);
    assert_eq!(parse(many, BulkLimits { operations_max: 20, bytes_max: 10 }), 413);
    assert_eq!(parse(json!({}), LIMITS), 400);
    assert_eq!(parse(json!([]), LIMITS), 400);
    assert_eq!(parse(json!({"Operations": [], "failOnErrors": "many"}), LIMITS), 400);
}
