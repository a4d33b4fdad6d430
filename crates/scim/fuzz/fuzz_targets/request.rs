//! Whatever else a client or another server sends, from any bytes: queries, searches, bulk requests, paths, lists.
//! Nothing panics, and a bulk run ends.
//! What is in them is looked at by the other targets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tenure_scim::{
    BulkLimits, BulkRequest, BulkRun, Client, CursorSeal, Done, Endpoint, ListResponse, Method, PageLimits,
    ResourceType, Said, ScimError, Search, Shows, Version,
};

static TYPES: LazyLock<[ResourceType; 2]> = LazyLock::new(|| [ResourceType::user(), ResourceType::group()]);

fuzz_target!(|bytes: &[u8]| {
    let (types, mut said) = (&*TYPES, Said::default());
    let text = String::from_utf8_lossy(bytes);
    for search in [
        Search::from_query(&text, PageLimits::default(), &mut said),
        Search::from_body(bytes, PageLimits::default(), &mut said),
    ] {
        let Ok(search) = search else { continue };
        let _ = search.projection.bind(&types[0]);
        let _ = search.cursor_scope("x");
    }
    let _ = Endpoint::read(&text, types);
    assert!(CursorSeal::new([7; 32], 1).open("x", &text, 0).is_err(), "nobody makes up a cursor");
    let _ = (ScimError::parse(bytes), ListResponse::parse(bytes), Version::counted("1").allows(Some(&text)));
    let body = serde_json::from_slice(bytes).ok();
    let _ = Client::recognise(Shows { user_agent: Some(&text), query: &text, body: body.as_ref(), said: Some(&said) });
    let Ok(request) = BulkRequest::parse(bytes, BulkLimits { operations_max: 50, bytes_max: 100_000 }) else { return };
    let mut run = BulkRun::new(request);
    let mut tried = 0;
    while let Some(ready) = run.next_ready() {
        tried += 1;
        assert!(tried <= 50 && ready.operation.method != Method::Get);
        let id = format!("id{}", ready.number);
        run.done(ready.number, Ok(Done { status: 201, location: id.clone(), id, version: None }));
    }
    run.answer();
});
