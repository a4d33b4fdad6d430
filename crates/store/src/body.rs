//! The text of an account as the store keeps it: the JSON that serde would write, written by hand.
//! `record.rs` makes one for each account of a pull; whoever reads it back leaves it to serde.
//! It knows the shape of an account and nothing of rows; a test holds it to what serde writes.

use serde::Serialize;
use serde_json::Value;
use tenure_core::account::{Account, Grant};

/// Writes an account as JSON in the place of whatever `text` holds, so that one text can be used for many.
pub(crate) fn write_body(account: &Account, text: &mut String) -> Result<(), serde_json::Error> {
    text.clear();
    let mut body = Body(text);
    let key = &account.key;
    body.named("{\"key\":{\"connection\":", key.connection.as_str());
    body.named(",\"kind\":", key.kind.as_str());
    body.named(",\"id\":", key.id.as_str());
    body.named_or_null("},\"login\":", account.login.as_deref());
    body.named_or_null(",\"name\":", account.name.as_deref());
    body.named(",\"state\":", account.state.as_str());
    body.named_or_null(",\"external_id\":", account.external_id.as_deref());
    body.list(",\"grants\":[", &account.grants, Body::grant);
    body.list("],\"grants_known\":[", &account.grants_known, |body, kind| body.text(kind.as_str()));
    body.0.push_str("],\"fields\":{");
    for (at, (name, value)) in account.fields.iter().enumerate() {
        body.0.push_str(if at == 0 { "" } else { "," });
        body.text(name.as_str());
        body.0.push(':');
        match value {
            Value::String(text) => body.text(text),
            other => body.other(other)?,
        }
    }
    body.0.push_str("},\"created_ms\":");
    body.other(&account.created_ms)?;
    body.0.push_str(",\"updated_ms\":");
    body.other(&account.updated_ms)?;
    body.0.push('}');
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

    fn named(&mut self, name: &str, text: &str) {
        self.0.push_str(name);
        self.text(text);
    }

    fn named_or_null(&mut self, name: &str, text: Option<&str>) {
        self.0.push_str(name);
        match text {
            Some(text) => self.text(text),
            None => self.0.push_str("null"),
        }
    }

    fn list<T>(&mut self, name: &str, all: &[T], mut write: impl FnMut(&mut Self, &T)) {
        self.0.push_str(name);
        for (at, one) in all.iter().enumerate() {
            self.0.push_str(if at == 0 { "" } else { "," });
            write(self, one);
        }
    }

    fn grant(&mut self, grant: &Grant) {
        self.named("{\"kind\":", grant.kind.as_str());
        self.named_or_null(",\"id\":", grant.id.as_deref());
        self.named(",\"name\":", &grant.name);
        if let Some(scope) = &grant.scope {
            self.named(",\"scope\":", scope);
        }
        self.0.push_str(if grant.privileged { ",\"privileged\":true" } else { ",\"privileged\":false" });
        self.0.push_str(if grant.pending { ",\"pending\":true}" } else { "}" });
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
    use tenure_core::account::{AccountKey, AccountState, Kind};

    fn body(account: &Account) -> String {
        let mut text = "what was there before".to_owned();
        write_body(account, &mut text).unwrap();
        text
    }

    #[test]
    fn a_body_is_what_serde_writes() {
        let mut account = Account::unknown(AccountKey::new(&"gorgias".into(), Kind::Agent, "4\"2\\"));
        assert_eq!(body(&account), serde_json::to_string(&account).unwrap());
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
        account.grants = vec![grant(None, None), grant(Some("7"), Some("entire\\helpdesk"))];
        account.grants_known = vec!["role".into(), "group".into()];
        let odd = [json!(null), json!(true), json!(-1.5e300), json!(["a\n", {"b": [1, 2]}]), json!("x"), json!("\"")];
        for (at, value) in odd.into_iter().enumerate() {
            account.fields.set(format!("field \"{at}\"").into(), value);
        }
        account.created_ms = Some(i64::MIN);
        account.updated_ms = Some(0);
        assert_eq!(body(&account), serde_json::to_string(&account).unwrap());
    }
}
