//! The text of an account as the store keeps it: a list of its parts in a fixed order, without their names, since there
//! are millions of them. `record.rs` writes one for each account of a pull; whoever lists or loads accounts reads them.
//! Stores of older versions hold accounts as serde writes them, which are read as well.

use crate::error::{StoreError, read_json};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tenure_core::account::{Account, AccountKey, AccountState, Fields, Grant, Kind};
use tenure_core::name::{ConnectionName, EntitlementKind, Name, NativeId};

/// Bits of a grant.
const PRIVILEGED: u8 = 1;
const PENDING: u8 = 2;

/// A grant in its place: kind, id, name, scope, bits.
#[derive(Deserialize)]
struct KeptGrant(EntitlementKind, Option<Name>, Name, Option<Name>, u8);

/// The parts of an account in the order in which they are written.
#[derive(Deserialize)]
struct Kept(
    (ConnectionName, Kind, NativeId),
    AccountState,
    Option<Box<str>>,
    Option<Box<str>>,
    Option<Box<str>>,
    Vec<KeptGrant>,
    Vec<EntitlementKind>,
    Fields,
    Option<i64>,
    Option<i64>,
);

impl From<KeptGrant> for Grant {
    fn from(KeptGrant(kind, id, name, scope, bits): KeptGrant) -> Self {
        Self { kind, id, name, scope, privileged: bits & PRIVILEGED != 0, pending: bits & PENDING != 0 }
    }
}

impl From<Kept> for Account {
    fn from(kept: Kept) -> Self {
        let Kept((connection, kind, id), state, login, name, external_id, grants, known, fields, created, updated) =
            kept;
        Self {
            key: AccountKey { connection, kind, id },
            login,
            name,
            state,
            external_id,
            grants: grants.into_iter().map(Grant::from).collect(),
            grants_known: known,
            fields,
            created_ms: created,
            updated_ms: updated,
        }
    }
}

/// Reads an account that we wrote.
pub(crate) fn read_body(what: &'static str, text: &str) -> Result<Account, StoreError> {
    if text.starts_with('[') { read_json::<Kept>(what, text).map(Account::from) } else { read_json(what, text) }
}

/// Writes an account behind whatever `text` holds.
pub(crate) fn write_body(account: &Account, text: &mut String) -> Result<(), serde_json::Error> {
    let mut body = Body(text);
    let key = &account.key;
    body.after("[[", key.connection.as_str());
    body.after(",", key.kind.as_str());
    body.after(",", key.id.as_str());
    body.after("],", account.state.as_str());
    body.after_or_null(account.login.as_deref());
    body.after_or_null(account.name.as_deref());
    body.after_or_null(account.external_id.as_deref());
    body.list(",[", &account.grants, Body::grant);
    body.list("],[", &account.grants_known, |body, kind| body.text(kind.as_str()));
    body.0.push_str("],{");
    for (at, (name, value)) in account.fields.iter().enumerate() {
        body.0.push_str(if at == 0 { "" } else { "," });
        body.text(name.as_str());
        body.0.push(':');
        match value {
            Value::String(text) => body.text(text),
            other => body.other(other)?,
        }
    }
    body.0.push_str("},");
    body.other(&account.created_ms)?;
    body.0.push(',');
    body.other(&account.updated_ms)?;
    body.0.push(']');
    Ok(())
}

struct Body<'t>(&'t mut String);

impl Body<'_> {
    /// Writes a text in quotes. Hardly any needs more than that.
    fn text(&mut self, text: &str) {
        let odd = text.bytes().fold(false, |odd, byte| odd | (byte < 0x20) | (byte == b'"') | (byte == b'\\'));
        if odd {
            self.0.push_str(&Value::from(text).to_string());
        } else {
            self.0.push('"');
            self.0.push_str(text);
            self.0.push('"');
        }
    }

    fn after(&mut self, before: &str, text: &str) {
        self.0.push_str(before);
        self.text(text);
    }

    fn after_or_null(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.after(",", text),
            None => self.0.push_str(",null"),
        }
    }

    fn list<T>(&mut self, before: &str, all: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.0.push_str(before);
        for (at, one) in all.iter().enumerate() {
            self.0.push_str(if at == 0 { "" } else { "," });
            write(self, one);
        }
    }

    fn grant(&mut self, grant: &Grant) {
        self.after("[", grant.kind.as_str());
        self.after_or_null(grant.id.as_deref());
        self.after(",", &grant.name);
        self.after_or_null(grant.scope.as_deref());
        let bits = if grant.privileged { PRIVILEGED } else { 0 } | if grant.pending { PENDING } else { 0 };
        self.0.push_str([",0]", ",1]", ",2]", ",3]"][usize::from(bits)]);
    }

    fn other(&mut self, value: &impl Serialize) -> Result<(), serde_json::Error> {
        self.0.push_str(&serde_json::to_string(value)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body(account: &Account) -> String {
        let mut text = String::from("before");
        write_body(account, &mut text).unwrap();
        text.split_off("before".len())
    }

    fn read(text: &str) -> Account {
        read_body("an account", text).unwrap()
    }

    fn account() -> Account {
        let mut account = Account::unknown(AccountKey::new(&"gorgias".into(), Kind::Agent, "4\"2\\"));
        account.login = Some("zoë@acme.example".into());
        account.name = Some("a\u{0}b\u{1f}\u{7f}\n\t\r\u{8}\u{c}/\u{2028}".into());
        account.state = AccountState::Suspended;
        account.external_id = Some("".into());
        let grant = |id: Option<&str>, scope: Option<&str>| Grant {
            kind: "role".into(),
            id: id.map(Into::into),
            name: "a \"role\"".into(),
            scope: scope.map(Into::into),
            privileged: scope.is_none(),
            pending: id.is_some(),
        };
        account.grants = vec![grant(None, None), grant(Some("7"), Some("entire\\helpdesk")), grant(Some("8"), None)];
        account.grants_known = vec!["role".into(), "group".into()];
        let odd = [json!(null), json!(true), json!(-1.5e300), json!(["a\n", {"b": [1, 2]}]), json!("x"), json!("\"")];
        for (at, value) in odd.into_iter().enumerate() {
            account.fields.set(format!("field \"{at}\"").into(), value);
        }
        account.created_ms = Some(i64::MIN);
        account.updated_ms = Some(0);
        account
    }

    #[test]
    fn an_account_is_read_as_it_was_written() {
        let bare = Account::unknown(AccountKey::new(&"gorgias".into(), Kind::Bot, "1"));
        assert_eq!(read(&body(&bare)), bare);
        assert_eq!(read(&body(&account())), account());
        assert!(!body(&account()).contains('\n'), "bodies are read in blocks that line ends part");
    }

    #[test]
    fn the_order_of_the_parts_never_changes() {
        let mut account = Account::unknown(AccountKey::new(&"gorgias".into(), Kind::Agent, "42"));
        account.login = Some("l".into());
        account.name = Some("n".into());
        account.external_id = Some("e".into());
        account.state = AccountState::Active;
        let (kind, id, name, scope) = ("role".into(), Some("7".into()), "agent".into(), Some("s".into()));
        account.grants = vec![Grant { kind, id, name, scope, privileged: true, pending: false }];
        account.grants_known = vec!["role".into()];
        account.fields.set("title".into(), json!("t"));
        account.created_ms = Some(1);
        account.updated_ms = Some(2);
        let kept = r#"[["gorgias","agent","42"],"active","l","n","e",[["role","7","agent","s",1]],["role"],{"title":"t"},1,2]"#;
        assert_eq!(body(&account), kept);
    }

    #[test]
    fn an_account_of_an_older_store_is_read() {
        assert_eq!(read(&serde_json::to_string(&account()).unwrap()), account());
    }

    #[test]
    fn a_text_that_is_no_account_is_an_error() {
        for text in ["", "[]", "[[\"gorgias\",\"agent\"]]", "null"] {
            assert!(read_body("an account", text).is_err(), "{text}");
        }
    }
}
