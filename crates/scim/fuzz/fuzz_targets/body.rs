//! A body from any bytes, read as a creation and as a replacement of what it made.
//! What is held is read as itself.
//! A password is the one thing that counts as changed each time, for it is not kept.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use std::sync::LazyLock;
use tenure_scim::{Projection, ResourceType, Version, create, replace};

static USER: LazyLock<ResourceType> = LazyLock::new(ResourceType::user);
static GROUP: LazyLock<ResourceType> = LazyLock::new(ResourceType::group);

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return };
    for of in [&*USER, &*GROUP] {
        let Ok(made) = create(of, body.clone()) else { continue };
        let again = replace(of, &made.resource, Value::Object(made.resource.clone())).expect("it is held");
        assert!(again.changed.is_empty(), "{:?}", again.changed);
        assert_eq!(again.resource, made.resource);
        assert!(!Projection::default().bind(of).show(&made.resource).contains_key("password"));
        assert_eq!(Version::of(&made.resource), Version::of(&again.resource));
        assert!(replace(of, &made.resource, body.clone()).is_ok(), "what was taken once is taken twice");
    }
});
