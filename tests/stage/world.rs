//! The world behind the vendors' APIs, in a form that two runs can be compared by.
//! The sandbox is asked for every record; ids and moments, which differ between runs, are taken out or told as people.
//! It knows the names of the fields that hold ids and moments, and nothing else of any vendor.

use serde_json::Value;
use std::collections::BTreeMap;
use tenure_sandbox::{Vendor, World};

/// Returns the vendor of this name.
pub fn vendor_of(name: &str) -> Result<Vendor, String> {
    name.parse().map_err(|error: tenure_sandbox::UnknownVendor| error.to_string())
}

/// Returns the address of a person who is called by the part before the `@`.
pub fn email_of(person: &str) -> String {
    if person.contains('@') { person.to_owned() } else { format!("{person}@acme.example") }
}

/// Returns every record of every vendor by vendor, kind and address, without what differs from run to run.
pub fn picture(world: &World) -> BTreeMap<String, Value> {
    let mut picture = BTreeMap::new();
    for vendor in Vendor::ALL {
        let records = world.list(vendor);
        let names: BTreeMap<String, String> = records.iter().map(|record| (id(record), address(record))).collect();
        for record in &records {
            let kind = record["sandbox"]["kind"].as_str().unwrap_or_default();
            let key = format!("{vendor} {kind} {}", address(record));
            picture.insert(key, without_run(record.clone(), &names));
        }
    }
    picture
}

fn id(record: &Value) -> String {
    text(&record["sandbox"]["id"])
}

fn address(record: &Value) -> String {
    record["sandbox"]["email"].as_str().unwrap_or_default().to_lowercase()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn without_run(mut record: Value, names: &BTreeMap<String, String>) -> Value {
    let Some(fields) = record.as_object_mut() else { return record };
    let differs = |name: &str| {
        matches!(name, "id" | "userId" | "Gsid" | "createdAt" | "updatedAt" | "CreatedDate" | "ModifiedDate")
            || name.ends_with("_at")
            || name.ends_with("_datetime")
    };
    fields.retain(|name, _| !differs(name));
    for name in ["contact", "sandbox"] {
        if let Some(inner) = fields.get_mut(name) {
            *inner = without_run(inner.take(), names);
        }
    }
    for name in ["managerId", "Manager", "reporting_manager_id"] {
        if let Some(value) = fields.get_mut(name)
            && let Some(person) = names.get(&text(value))
        {
            *value = Value::String(person.clone());
        }
    }
    record
}
