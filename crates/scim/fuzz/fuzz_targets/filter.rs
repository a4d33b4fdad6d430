//! A filter or a path, from any text: what is read says the same when it is printed and read again.
//! It is bound to a user and evaluated; its opposite must say the opposite.
//! Bytes that are no text are left to the other targets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use std::sync::LazyLock;
use tenure_scim::{Filter, PatchPath, ResourceType, Said};

static USER: LazyLock<ResourceType> = LazyLock::new(ResourceType::user);

fuzz_target!(|text: &str| {
    let mut said = Said::default();
    if let Ok(path) = PatchPath::parse(text, &mut said) {
        // What is printed has its quotes and signs escaped, and so may be longer than what was read; beyond the bound it is
        // refused.
        let printed = path.to_string();
        if printed.len() <= Filter::BYTES_MAX {
            assert_eq!(PatchPath::parse(&printed, &mut said).as_ref(), Ok(&path));
        }
    }
    let Ok(filter) = Filter::parse(text, &mut said) else { return };
    let printed = filter.to_string();
    if printed.len() <= Filter::BYTES_MAX {
        assert_eq!(Filter::parse(&printed, &mut said).as_ref(), Ok(&filter));
    }
    filter.lookups();
    let user = &*USER;
    let Ok(bound) = filter.bind(user, &mut said) else { return };
    let jane = json!({"id": "1", "userName": "jane", "active": true, "emails": [{"value": "a", "type": "work"}]});
    let jane = jane.as_object().expect("an object");
    let opposite = Filter::Not(Box::new(filter.clone()));
    assert_ne!(bound.fits(jane), opposite.bind(user, &mut said).expect("it was bound before").fits(jane));
});
