//! That the built-in apps are clean, and that each sort of mistake is found at its line with a suggestion.
//! Mistakes are made in a copy of a good manifest, so that nothing else is wrong.

use super::*;
use crate::catalogue::Catalogue;

fn gorgias() -> String {
    let catalogue = Catalogue::load(&[]).unwrap();
    catalogue.get("gorgias").unwrap().manifest.text.clone()
}

/// Lints Gorgias with one text replaced, and returns the problems as texts with their lines.
fn spoilt(from: &str, to: &str) -> Vec<(usize, String)> {
    let text = gorgias();
    assert!(text.contains(from), "{from}");
    let manifest = Manifest::parse(&text.replacen(from, to, 1), "m.toml").unwrap();
    lint(&manifest).into_iter().map(|problem| (problem.line, problem.to_string())).collect()
}

fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).map_or(0, |at| at + 1)
}

#[test]
fn the_built_in_apps_are_clean() {
    for app in Catalogue::load(&[]).unwrap().apps() {
        let problems: Vec<String> = lint_app(app).iter().map(ToString::to_string).collect();
        assert!(problems.is_empty(), "{}: {problems:#?}", app.name);
    }
}

#[test]
fn a_page_above_the_most_that_the_app_gives_is_found_at_its_line() {
    let problems = spoilt("size = 100", "size = 500");
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, line_of(&gorgias(), "size = 100"));
    assert!(problems[0].1.contains("at most 100"));
}

#[test]
fn a_parameter_that_a_key_of_every_connection_would_swallow_is_found_at_its_line() {
    let problems =
        spoilt("[base.parameters.account]", "[base.parameters.owner]\nsays = \"x\"\n[base.parameters.account]");
    let swallowed = problems.iter().find(|(_, text)| text.contains("`owner` is a key of every connection"));
    assert_eq!(
        swallowed.map(|(line, _)| *line),
        Some(line_of(&gorgias(), "[base.parameters.account]")),
        "{problems:?}"
    );
}

#[test]
fn what_does_not_fit_together_is_found_with_a_suggestion() {
    for (from, to, words) in [
        ("paging = \"users\"\nquery", "paging = \"usres\"\nquery", "did you mean `users`?"),
        ("set = { active = false }", "set = { actve = false }", "did you mean `active`?"),
        ("reference = \"roles\"", "reference = \"role\"", "did you mean `roles`?"),
        ("default_plan = \"starter\"", "default_plan = \"startr\"", "did you mean `starter`?"),
        ("password = \"{secret.token}\"", "password = \"{secret.tokn}\"", "did you mean `token`?"),
        ("field = \"email\"", "field = \"emial\"", "did you mean `email`?"),
        ("new_id = [\"id\"]", "new_id = []", "id of the new record"),
        ("https://{account}.gorgias.com", "https://{acount}.gorgias.com", "nothing says what {acount} is"),
        ("path = \"/users/{id}\"\nsuccess", "path = \"/users/{uid}\"\nsuccess", "did you mean `id`?"),
        ("success = [200, 201]", "success = []", "status from 200 to 299"),
        ("like = \"update\"", "like = \"delete_all\"", ""),
        ("write = \"firstname\"", "write = \"id\"", "read-only"),
        ("secret = \"email\"", "secret = \"emial\"", "did you mean `email`?"),
        ("secret = \"email\"", "path = \"/users/0\"", "nothing says where the login lies"),
        ("privileged = [\"admin\"]", "privileged = [\"admin\"]\nowners = [\"amdin\"]", "did you mean `admin`?"),
    ] {
        let text = gorgias().replacen(from, to, 1);
        match Manifest::parse(&text, "m.toml") {
            Ok(manifest) => {
                let problems: Vec<String> = lint(&manifest).iter().map(ToString::to_string).collect();
                assert!(problems.iter().any(|problem| problem.contains(words)), "{to}: {problems:?}");
                assert!(problems.iter().all(|problem| problem.starts_with("m.toml:")), "{problems:?}");
            }
            Err(error) => assert!(error.line > 0, "{error}"),
        }
    }
}

#[test]
fn sentences_about_access_and_reasons_for_silence_are_held_against_the_record() {
    let says = "access = [{ says = \"works as {role}\" }]";
    for (from, to, words) in [
        (says, "access = [{ says = \"works as {rol}\" }]", "placeholder `rol` is not known"),
        (says, "access = [{ says = \" \" }]", "the sentence is empty"),
        (says, "access = [{ when = { rle = \"admin\" }, says = \"all\" }]", "did you mean `role`?"),
        (says, "access = [{ each = \"roles\", says = \"{name}\" }]", "entitlement `roles` is not known"),
        (says, "access = [{ scope = \"all\", says = \"all\" }]", "no `each` names one"),
        (says, "access = [{ each = \"role\", scope = \"all\", says = \"{name}\" }]", "scope `all` is not known"),
        ("invitation_hours = 168", "invitation_hours = 0", "never valid"),
        ("is = \"invited\"", "is = \"active\"", "no rule tells an invited account"),
        ("cardinality = \"one\"", "cardinality = \"one\"\npending = [{ at = \"asked\", form = \"id\" }]", ""),
    ] {
        let problems = spoilt(from, to);
        assert_eq!(problems.is_empty(), words.is_empty(), "{to}: {problems:?}");
        assert!(words.is_empty() || problems.iter().any(|(_, text)| text.contains(words)), "{to}: {problems:?}");
    }
    let mut manifest = Manifest::parse(&gorgias(), "m.toml").unwrap();
    let agent = manifest.kinds.values_mut().next().unwrap();
    let email = agent.fields.get_mut("email").unwrap();
    (email.write, email.required, email.cannot) = (None, false, Some("no".into()));
    email.ignored_because = Some("it never sticks".into());
    assert!(lint(&manifest).iter().any(|problem| problem.message.contains("no write of it could be ignored")));
}

#[test]
fn a_kind_that_can_neither_be_listed_nor_looked_up_is_found() {
    let mut manifest = Manifest::parse(&gorgias(), "m.toml").unwrap();
    for kind in manifest.kinds.values_mut() {
        kind.list = None;
        kind.lookup.clear();
    }
    assert!(lint(&manifest).iter().any(|problem| problem.message.contains("neither listed nor looked up")));
}

#[test]
fn an_unknown_key_is_an_error_with_line_and_nearest_key() {
    let error = Manifest::parse(&gorgias().replacen("items = \"data\"", "itmes = \"data\"", 1), "m.toml").unwrap_err();
    assert!(error.line > 0 && error.hint.as_deref() == Some("did you mean `items`?"), "{error}");
    let error = Manifest::parse(&gorgias().replacen("size = 100", "size = \"100\"", 1), "m.toml").unwrap_err();
    assert_eq!(error.line, line_of(&gorgias(), "size = 100"));
}

#[test]
fn the_schema_describes_every_key() {
    let schema = crate::manifest::manifest_schema().to_string();
    for key in [
        "paging",
        "entitlements",
        "irreversible",
        "privileged",
        "incremental",
        "total_is",
        "access",
        "ignored_because",
        "invitation_hours",
        "pending",
    ] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key}");
    }
}

#[test]
fn what_scim_cannot_write_is_found() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let text = &catalogue.get("gainsight").unwrap().manifest.text;
    let (before, block) = text.split_once("[scim.writes.groups]").unwrap();
    let after = block.split_once("form = \"members\"\n").unwrap().1;
    let problems = |writes: &str| {
        let manifest = Manifest::parse(&format!("{before}{writes}\n{after}"), "m.toml").unwrap();
        lint(&manifest).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let extension = "urn:ietf:params:scim:schemas:extension:gainsight:2.0:User";
    for (writes, words) in [
        ("[scim.writes.groups]\nform = \"members\"", ""),
        ("[scim.writes.grups]\nform = \"members\"", "did you mean `groups`?"),
        ("[scim.writes.groups]\nform = \"text\"\npaths = [\"x\"]", "form that does not fit"),
        ("[scim.writes.groups]\nform = \"values\"", "`members` has no paths"),
        ("[scim.writes.title]\nform = \"text\"\npaths = [\"a b\"]", "no attribute path"),
        ("[scim.writes.title]\nform = \"text\"\npaths = [\"active\"]", "never written"),
        (&format!("[scim.writes.title]\nform = \"text\"\npaths = [\"{extension}:IsSuperAdmin\"]"), "never written"),
    ] {
        let found = problems(writes);
        assert!(found.contains(words) && found.is_empty() == words.is_empty(), "{writes}: {found}");
    }
}

#[test]
fn somebody_who_cannot_be_made_over_scim_is_found() {
    let catalogue = Catalogue::load(&[]).unwrap();
    let text = &catalogue.get("gainsight").unwrap().manifest.text;
    let (before, block) = text.split_once("[scim.create.fields]").unwrap();
    let (_, after) = block.split_once("[scim.writes.groups]").unwrap();
    let problems = |create: &str| {
        let text = format!("{before}{create}\n[scim.writes.groups]{after}");
        let manifest = Manifest::parse(&text, "m.toml").unwrap();
        lint(&manifest).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    };
    let fields = "[scim.create.fields]\nemail = [\"userName\"]\n";
    for (create, words) in [
        (fields.to_owned(), ""),
        ("[scim.create.fields]\ntitle = [\"title\"]".into(), "nobody is found again"),
        (format!("{fields}tittle = [\"title\"]"), "did you mean `title`?"),
        (format!("{fields}title = [\"a b\"]"), "no attribute path"),
        (format!("{fields}title = [\"active\"]"), "never written"),
        (format!("[scim.create]\nmakes = \"agent\"\n{fields}"), "`agent`"),
        (format!("[scim.create]\nsplit_name = [\"name.first name\", \"b\"]\n{fields}"), "no attribute path"),
    ] {
        let found = problems(&create);
        assert!(found.contains(words) && found.is_empty() == words.is_empty(), "{create}: {found}");
    }
}
