//! A patch from any bytes, applied to a user and to a group.
//! What it leaves is in the form in which it is held: a replacement by itself changes nothing.
//! What it names of a resource's id stays.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::LazyLock;
use tenure_scim::{PatchOp, ResourceType, Said, replace};

static USER: LazyLock<ResourceType> = LazyLock::new(ResourceType::user);
static GROUP: LazyLock<ResourceType> = LazyLock::new(ResourceType::group);

fuzz_target!(|bytes: &[u8]| {
    let mut said = Said::default();
    let Ok(patch) = PatchOp::read(bytes, &mut said) else { return };
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "1", "userName": "jane", "active": true,
        "emails": [{"value": "a", "type": "work", "primary": true}, {"value": "b"}], "name": {"givenName": "J"},
    });
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "1", "displayName": "g",
        "members": [{"value": "a"}, {"value": "b", "display": "B"}],
    });
    for (of, held) in [(&*USER, user), (&*GROUP, group)] {
        let held = held.as_object().expect("an object");
        let Ok(written) = patch.apply(of, held) else { continue };
        assert_eq!(written.resource["id"], "1");
        let again = replace(of, &written.resource, Value::Object(written.resource.clone())).expect("it is held");
        assert!(again.changed.iter().all(|name| name == "password"), "{:?} {:?}", again.changed, written.resource);
    }
});
