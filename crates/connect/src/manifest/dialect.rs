//! The dialects of one app: a further file of its folder, laid over the manifest, and the read-only evidence from which
//! a tenant's dialect is told.
//! The catalogue lays files over each other here; the connector asks for the evidence. Which tenant speaks what is kept
//! elsewhere.

use super::Manifest;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use tenure_core::place::{Misplaced, depth_of, keys_at, line_column, misplaced_key, nearest, read_toml};
use toml::{Table, Value};

/// One read-only look from which a tenant's dialect is told. No write is ever a probe.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What is looked at, for people: `the list of roles`.
    pub look: String,
    /// The path after the base URL.
    pub path: String,
    /// Parameters.
    #[serde(default)]
    pub query: IndexMap<String, String>,
    /// Sent as JSON with POST, for a path that the vendor documents as a read; without it the look is a GET.
    pub read_body: Option<IndexMap<String, serde_json::Value>>,
    /// What the answer tells; the first that fits decides, and none leaves it to the next look.
    pub tells: Vec<Tell>,
}

/// What one answer tells: all that it names must fit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tell {
    /// The statuses.
    pub status: Vec<u16>,
    /// Places that must be there.
    #[serde(default)]
    pub has: Vec<String>,
    /// Whether the body itself is a list.
    pub list: Option<bool>,
    /// The dialect that this tells.
    pub is: String,
    /// Why, for people: `roles have ids`.
    pub says: String,
}

/// A file of the app's folder.
#[derive(Clone, Copy)]
pub struct Sheet<'a> {
    /// What it says.
    pub text: &'a str,
    /// Where it lies.
    pub path: &'a str,
}

/// Reads a further dialect: tables of `over` are laid over those of `base`, anything else in it replaces what stands
/// there, and the keys named in `remove` (`kinds.agent.effects.delete`) are taken out first.
///
/// # Errors
/// As [`Manifest::parse`], with the place in the file that has it; or `remove` names what is not there.
pub fn lay_over(base: Sheet<'_>, over: Sheet<'_>) -> Result<Manifest, Misplaced> {
    let mut merged: Table = read_toml(base.text, base.path)?;
    let mut changes: Table = read_toml(over.text, over.path)?;
    for way in removals(&mut changes, over)? {
        remove(&mut merged, &way).map_err(|known| {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let last = way.rsplit('.').next().unwrap_or_default();
            let hint = nearest(last, &known).map(|near| format!("did you mean `{near}`?"));
            misplaced_key(over.text, over.path, &["remove"], format!("there is no `{way}` to remove"), hint)
        })?;
    }
    lay(&mut merged, changes);
    let text = toml::to_string(&merged).map_err(|error| {
        misplaced_key(over.text, over.path, &[], format!("does not fit over {}: {error}", base.path), None)
    })?;
    let mut manifest: Manifest = toml::from_str(&text).map_err(|error| {
        let plain = tenure_core::place::misplaced_toml(&error, &text, over.path);
        let keys = error.span().map(|span| keys_at(&text, span.start)).unwrap_or_default();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        deepest(base, over, &keys, plain.message, plain.hint)
    })?;
    over.text.clone_into(&mut manifest.text);
    over.path.clone_into(&mut manifest.path);
    manifest.under = Some((base.text.to_owned(), base.path.to_owned()));
    Ok(manifest)
}

/// Points at `keys` in the file that has more of them; the file on top where both have as much.
pub(super) fn deepest(
    base: Sheet<'_>,
    over: Sheet<'_>,
    keys: &[&str],
    message: String,
    hint: Option<String>,
) -> Misplaced {
    let sheet = if depth_of(base.text, keys) > depth_of(over.text, keys) { base } else { over };
    misplaced_key(sheet.text, sheet.path, keys, message, hint)
}

fn removals(changes: &mut Table, over: Sheet<'_>) -> Result<Vec<String>, Misplaced> {
    let Some(listed) = changes.remove("remove") else { return Ok(Vec::new()) };
    listed.try_into::<Vec<String>>().map_err(|_| {
        let at = over.text.find("remove").unwrap_or_default();
        let (line, column) = line_column(over.text, at);
        let message = "`remove` is a list of keys".to_owned();
        let hint = Some("such as remove = [\"kinds.agent.effects.delete\"]".to_owned());
        Misplaced { path: over.path.to_owned(), line, column, message, hint }
    })
}

/// Takes out what `way` leads to; fails with the keys that are there instead.
fn remove(table: &mut Table, way: &str) -> Result<(), Vec<String>> {
    let keys = |table: &Table| table.keys().cloned().collect();
    match way.split_once('.') {
        None => table.remove(way).map(|_| ()).ok_or_else(|| keys(table)),
        Some((first, rest)) => match table.get_mut(first) {
            Some(Value::Table(inner)) => remove(inner, rest),
            _ => Err(keys(table)),
        },
    }
}

fn lay(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => lay(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"
app = "x"
title = "X"
covers = "all"
default_kind = "agent"
sessions = "unstated"
[kinds.agent]
title = "agent"
id = ["id"]
state = []
[kinds.agent.fields]
email = { read = ["email"], write = "email" }
name = { read = ["name"], write = "name" }
[kinds.agent.cannot]
convert = "no"
"#;

    fn over(text: &str) -> Result<Manifest, Misplaced> {
        lay_over(Sheet { text: BASE, path: "manifest.toml" }, Sheet { text, path: "live.toml" })
    }

    #[test]
    fn tables_are_merged_and_all_else_is_replaced() {
        let manifest = over(
            "dialect = \"live\"\nremove = [\"kinds.agent.cannot.convert\"]\n[kinds.agent]\nid = [\"gsid\"]\n\
             [kinds.agent.fields]\nemail = { read = [\"contact.email\"] }\n",
        )
        .unwrap();
        let agent = manifest.kinds.values().next().unwrap();
        assert_eq!((manifest.dialect.as_str(), &agent.id[..]), ("live", &["gsid".to_owned()][..]));
        assert_eq!(agent.fields["email"].read, ["contact.email"]);
        assert_eq!(agent.fields["email"].write.as_deref(), Some("email"));
        assert!(agent.cannot.is_empty() && agent.fields.contains_key("name"));
    }

    #[test]
    fn an_error_points_into_the_file_that_has_it() {
        let error = over("dialect = \"live\"\n[kinds.agent.fields]\nemail = { raed = [\"x\"] }\n").unwrap_err();
        assert_eq!((error.path.as_str(), error.line), ("live.toml", 3), "{error}");
        assert_eq!(error.hint.as_deref(), Some("did you mean `read`?"));
        let error = over("dialect = \"live\"\nremove = [\"kinds.agent.cannot.convrt\"]\n").unwrap_err();
        assert!(error.line == 2 && error.to_string().contains("convert"), "{error}");
    }
}
