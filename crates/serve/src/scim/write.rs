//! What a client changes: Users made, replaced, patched and taken away. Each becomes a wish that goes the ordinary way;
//! the answer says what became of it.
//! Of two writes at once to one account none is lost: whoever comes second begins again with what the first left.

use super::Gate;
use super::account::{Held, id_of, is_alike};
use super::entitlement::{Entitlement, entitlements};
use super::list::Scene;
use super::members::one_of_a_kind;
use super::wish::{Wanted, blank, mail};
use serde_json::{Map, Value};
use tenure_core::facts::{ClientAsks, ClientWish};
use tenure_core::hex::hex;
use tenure_engine::client::{Became, Refusal, Whose, Wished, carry_out, keep_wish, whose};
use tenure_scim::{PatchOp, Said, ScimError, ScimType, Version, Written, create, replace};

use super::read::failed;

/// So often a write begins again because another came before it.
const TRIES: usize = 40;

/// What is changed in a resource, and how.
pub(super) enum Change<'b> {
    /// Replaced by this.
    Replace(&'b Value),
    /// Patched by this.
    Patch(&'b [u8]),
}

impl Scene<'_> {
    /// Makes a User.
    ///
    /// # Errors
    /// 409: there is one already. Others: as the app says.
    pub async fn make(&self, body: Value) -> Result<Map<String, Value>, ScimError> {
        let name = whole_name(&body);
        let written = create(&self.shape.account, body)?;
        self.note(&written.said).await;
        let all = entitlements(self.gate, self.knock, self.shape).await?;
        let login = written.resource.get("userName").and_then(Value::as_str).unwrap_or_default();
        let mut known = self.look_up(login).await?;
        known.retain(|held| held.account.as_ref().is_none_or(|account| self.shape.kinds.contains(&account.key.kind)));
        if let Some(held) = known.iter().find(|held| self.is_there(held) && is_login(held, login)) {
            return Err(taken(&held.login()));
        }
        if let Some(address) = mail(&written.resource).filter(|address| !is_alike(address, login)) {
            let others = self.look_up(&address).await?;
            let has = |held: &&Held| held.field(self.shape.address.as_str()).is_some_and(|own| is_text(&own, &address));
            if let Some(held) = others.iter().filter(|held| self.is_there(held)).find(has) {
                return Err(taken(&held.login()));
            }
        }
        let wish = self.newcomer(&written, name.as_deref(), known, &all).await?;
        let (now, id) = (wish.0, wish.1);
        self.answered(&id, now, &all).await
    }

    /// Keeps the wish of a new User, and carries it out. Who was taken away before is the same again.
    async fn newcomer(
        &self,
        written: &Written,
        name: Option<&str>,
        known: Vec<Held>,
        all: &[Entitlement],
    ) -> Result<(Became, String), ScimError> {
        let (house, nothing) = (&self.gate.house, Map::new());
        let wanted = Wanted { before: &nothing, after: &written.resource, names_roles: true, name };
        let new_id = hex(&house.chance.bytes::<16>().map_err(failed)?);
        let mut wish = blank(None, new_id, self.client(), "".into(), house.clock.now_ms());
        wish.connection = self.knock.connection.clone();
        wanted.lay(&mut wish, self.shape, all)?;
        self.lay_manager(&mut wish, &nothing, &written.resource).await?;
        if wish.asks == ClientAsks::Nothing {
            wish.asks = ClientAsks::Present;
        }
        let gone = known.into_iter().find(Held::is_gone);
        let address = wish.person.text("work_email").map(str::to_owned);
        let mut before = gone.as_ref().and_then(|held| held.wish.clone());
        let account = gone.as_ref().and_then(|held| held.account.as_ref()).map(|account| account.key.clone());
        match whose(house, &wish.connection, &wish.id, address.as_deref(), account.as_ref()).await.map_err(failed)? {
            Whose::Closed(because) => return Err(ScimError::new(403, because)),
            Whose::Free(identity) => wish.identity = identity,
            Whose::Held(identity, key) => {
                wish.identity = identity;
                let held = self.find(&id_of(&key)).await?;
                if let Some(there) = held.as_ref().filter(|held| self.is_there(held)) {
                    return Err(taken(&there.login()));
                }
                before = before.or(held.and_then(|held| held.wish));
                wish.account = Some(key);
            }
        }
        if let Some(before) = &before {
            (wish.id, wish.version, wish.created_ms) = (before.id.clone(), before.version, before.created_ms);
        }
        wish.version += 1;
        let id = wish.id.to_string();
        if !keep_wish(house, &wish).await.map_err(failed)? {
            return Err(taken(&wish.login));
        }
        Ok((self.carry_out(wish, before).await?, id))
    }

    /// Changes a User.
    ///
    /// # Errors
    /// 404: there is none. 412: it was changed meanwhile. Others: as the app says.
    pub async fn change(
        &self,
        id: &str,
        change: Change<'_>,
        if_match: Option<&str>,
    ) -> Result<Map<String, Value>, ScimError> {
        let house = &self.gate.house;
        for _ in 0..TRIES {
            let held = self.shown(id).await?;
            let all = entitlements(self.gate, self.knock, self.shape).await?;
            let shown = self.show(&held, &all);
            Version::of(&shown).allows(if_match)?;
            let written = self.written(&shown, &change)?;
            self.note(&written.said).await;
            let names_roles = match &change {
                Change::Replace(body) => names(body, "roles"),
                Change::Patch(_) => true,
            };
            let before = held.wish.clone();
            let mut wish = self.wish_of(&held).await?;
            let wanted = Wanted { before: &shown, after: &written.resource, names_roles, name: None };
            wanted.lay(&mut wish, self.shape, &all)?;
            if let Some(role) = self.kept_role(&held, &wish, &wanted) {
                return Err(one_of_a_kind(&role));
            }
            self.lay_manager(&mut wish, &shown, &written.resource).await?;
            let same_login = held.login().eq_ignore_ascii_case(&wish.login);
            if !same_login && self.is_taken(&wish, &held).await? {
                return Err(taken(&wish.login));
            }
            let nothing_new = before.is_none() && written.changed.is_empty() || is_same(before.as_ref(), &wish);
            if nothing_new && held.is_as_wished(self.shape) {
                return Ok(shown);
            }
            wish.version += 1;
            wish.since_ms = house.clock.now_ms();
            if !keep_wish(house, &wish).await.map_err(failed)? {
                continue;
            }
            let id = wish.id.to_string();
            let became = self.carry_out(wish, before).await?;
            return self.answered(&id, became, &all).await;
        }
        Err(ScimError::new(503, "others change this user without a pause; try again"))
    }

    /// Takes a User away: the account is suspended, and the client sees it no more.
    ///
    /// # Errors
    /// 404: there is none. Others: as the app says.
    pub async fn remove(&self, id: &str, if_match: Option<&str>) -> Result<(), ScimError> {
        let house = &self.gate.house;
        for _ in 0..TRIES {
            let held = self.shown(id).await?;
            if if_match.is_some() {
                let all = entitlements(self.gate, self.knock, self.shape).await?;
                Version::of(&self.show(&held, &all)).allows(if_match)?;
            }
            let before = held.wish.clone();
            let mut wish = self.wish_of(&held).await?;
            wish.asks = ClientAsks::Gone;
            wish.fields = Default::default();
            wish.grants.clear();
            wish.version += 1;
            wish.since_ms = house.clock.now_ms();
            if !keep_wish(house, &wish).await.map_err(failed)? {
                continue;
            }
            return match self.carry_out(wish, before).await? {
                Became::Refused { kind, because } => Err(refused(kind, because)),
                _ => Ok(()),
            };
        }
        Err(ScimError::new(503, "others change this user without a pause; try again"))
    }

    /// Returns a role that is to be taken and would stay all the same.
    fn kept_role(&self, held: &Held, wish: &ClientWish, wanted: &Wanted<'_>) -> Option<String> {
        let taken = wanted.taken_roles();
        if taken.is_empty() {
            return None;
        }
        let after = Held { wish: Some(wish.clone()), ..held.clone() }.roles(self.shape);
        after.into_iter().find(|role| taken.iter().any(|taken| is_alike(taken, role)))
    }

    async fn carry_out(&self, wish: ClientWish, before: Option<ClientWish>) -> Result<Became, ScimError> {
        let became = carry_out(&self.gate.house, vec![Wished { wish, before }]).await.map_err(failed)?;
        became.into_iter().next().ok_or_else(|| failed("nothing became of a wish"))
    }

    pub fn written(&self, shown: &Map<String, Value>, change: &Change<'_>) -> Result<Written, ScimError> {
        match change {
            Change::Replace(body) => {
                let mut body = (*body).clone();
                // Who never speaks of what only this app has does not know of it, and means to take none of it away.
                if let Some(own) = shown.get(&self.shape.own).filter(|_| !speaks_of(&body, &self.shape.own))
                    && let Some(body) = body.as_object_mut()
                {
                    body.insert(self.shape.own.clone(), own.clone());
                }
                replace(&self.shape.account, shown, body)
            }
            Change::Patch(body) => {
                let mut said = Said::default();
                let mut written = PatchOp::read(body, &mut said)?.apply(&self.shape.account, shown)?;
                written.said.extend(said);
                Ok(written)
            }
        }
    }

    /// Returns the wish that there is of an account, or a blank one about whoever holds it.
    pub async fn wish_of(&self, held: &Held) -> Result<ClientWish, ScimError> {
        let house = &self.gate.house;
        if let Some(wish) = &held.wish {
            return Ok(ClientWish { client: self.client(), because: None, is_held: false, ..wish.clone() });
        }
        let key = held.account.as_ref().map(|account| account.key.clone());
        let login = held.login();
        let address = Some(login.as_str()).filter(|login| login.contains('@'));
        let id = held.id();
        match whose(house, &self.knock.connection, &id, address, key.as_ref()).await.map_err(failed)? {
            Whose::Held(identity, _) | Whose::Free(identity) => {
                let mut wish = blank(Some(held), id, self.client(), identity, house.clock.now_ms());
                wish.connection = self.knock.connection.clone();
                Ok(wish)
            }
            Whose::Closed(because) => Err(ScimError::new(403, because)),
        }
    }

    /// Tells whether nobody else can be made in its place.
    fn is_there(&self, held: &Held) -> bool {
        held.is_shown(self.shape) && !held.is_gone()
    }

    async fn is_taken(&self, wish: &ClientWish, held: &Held) -> Result<bool, ScimError> {
        let known = self.look_up(&wish.login).await?;
        let other = |one: &Held| one.id() != held.id() && one.is_shown(self.shape) && is_login(one, &wish.login);
        Ok(known.iter().any(other))
    }

    /// Returns the name under which this client stands in reasons.
    pub fn client(&self) -> String {
        tenure_engine::forget::client_named(&self.knock.bearer.name)
    }

    async fn answered(&self, id: &str, became: Became, all: &[Entitlement]) -> Result<Map<String, Value>, ScimError> {
        if let Became::Refused { kind, because } = became {
            return Err(refused(kind, because));
        }
        let held = self.shown(id).await?;
        Ok(self.show(&held, all))
    }

    /// Notes, once for each client, what it sends and the app cannot hold.
    pub async fn note(&self, said: &Said) {
        self.gate.recognise_by(self.knock, said).await;
        if !said.unheld.is_empty() {
            self.gate.note_unheld(&self.knock.connection, &self.knock.bearer, &said.unheld).await;
        }
    }
}

/// Says that somebody has the sign-in name already.
pub(super) fn taken(login: &str) -> ScimError {
    ScimError::new(409, format!("there is a user {login:?} already; look it up by its userName"))
        .of(ScimType::Uniqueness)
}

/// Says in SCIM's words why an app refused, and how the app said it.
pub(super) fn refused(kind: Refusal, because: String) -> ScimError {
    match kind {
        Refusal::Duplicate => ScimError::new(409, because).of(ScimType::Uniqueness),
        Refusal::Seats | Refusal::Rights => ScimError::new(403, because),
        Refusal::Value => ScimError::because(ScimType::InvalidValue, because),
        Refusal::Unsupported => ScimError::because(ScimType::Mutability, because),
        Refusal::Vendor => ScimError::new(400, because),
    }
}

pub(super) fn is_login(held: &Held, login: &str) -> bool {
    is_alike(&held.login(), login)
}

fn is_text(value: &Value, text: &str) -> bool {
    value.as_str().is_some_and(|value| is_alike(value, text))
}

/// Returns how a body calls the person as a whole, where it does.
fn whole_name(body: &Value) -> Option<String> {
    let within = |object: &Value, name: &str| {
        let found = object.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    let formatted = || within(&within(body, "name")?, "formatted");
    let name = within(body, "displayName").or_else(formatted)?;
    name.as_str().map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Tells whether a body names an attribute, in whatever case.
fn names(body: &Value, attribute: &str) -> bool {
    body.as_object().is_some_and(|body| body.keys().any(|key| key.eq_ignore_ascii_case(attribute)))
}

/// Tells whether a body has an extension, or names something in it by its whole URN.
fn speaks_of(body: &Value, extension: &str) -> bool {
    let within = |key: &String| key.get(..extension.len()).is_some_and(|start| start.eq_ignore_ascii_case(extension));
    body.as_object().is_some_and(|body| body.keys().any(within))
}

/// Tells whether a wish says nothing new.
fn is_same(before: Option<&ClientWish>, wish: &ClientWish) -> bool {
    before.is_some_and(|before| {
        let plain = |wish: &ClientWish| ClientWish {
            client: String::new(),
            because: None,
            is_held: false,
            since_ms: 0,
            version: 0,
            ..wish.clone()
        };
        plain(before) == plain(wish)
    })
}

impl Gate {
    /// Notes names that a client sent and that are not held.
    async fn note_unheld(
        &self,
        connection: &tenure_core::name::ConnectionName,
        bearer: &tenure_engine::token::Bearer,
        unheld: &std::collections::BTreeSet<String>,
    ) {
        {
            let mut told = self.unheld.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let known = told.entry(bearer.token.clone()).or_default();
            let before = known.len();
            known.extend(unheld.iter().take(100).cloned());
            if known.len() == before || before > 1000 {
                return;
            }
        }
        tracing::info!(%connection, client = bearer.name, ?unheld, "a SCIM client sends what the app cannot hold; it is ignored");
        let name = format!("scim unheld {}", bearer.token);
        let noted = self.house.store.change_note(connection, &name, |all: &mut std::collections::BTreeSet<String>| {
            all.extend(unheld.iter().take(100).cloned());
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, "what a SCIM client sends in vain could not be noted");
        }
    }
}
