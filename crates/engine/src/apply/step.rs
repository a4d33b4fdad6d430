//! One step: probe, perform, read back. What it writes to the journal is written by `run`, around it.
//! It looks before it acts and after, settles an ambiguous answer by looking, and reports each asked field.
//! It makes no choices: what is neither as planned nor as wished is reported as moved and left alone.

use super::still::MOVED;
use super::urgency;
use super::{Context, Opened};
use crate::progress::Said;
use crate::unproven::Disproof;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;
use tenure_connect::{Act, ConnectError, Connector, ErrorKind, Look, LookupBy, Memory, Priority};
use tenure_core::abilities::{Abilities, Effect, KindAbility};
use tenure_core::account::{Account, AccountKey, AccountState};
use tenure_core::change::{Change, FieldOutcome, Outcome, Step, StepResult, WishedGrant};
use tenure_core::look::{Sight, effect_holds, field_outcomes, holds, sight, waits};
use tenure_core::name::Name;

/// How often an effect is tried when an ambiguous answer turned out to mean that nothing happened.
const ATTEMPTS_MAX: u32 = 5;
/// After this time no further try is begun, and no further read-back: an app that says nothing is asked again another day.
const LASTS_MAX_MS: i64 = 60 * 1000;
/// A record whose last change is younger was touched by the step before, as far as whole seconds tell.
const TOUCHED_LATELY_MS: i64 = 2_000;
/// A record that was changed this short a time ago may have been changed by a try of ours whose answer was lost.
const RESUMED_WITHIN_MS: i64 = 10 * 60 * 1000;
/// How far our clock and the app's may be apart.
const CLOCKS_APART_MS: i64 = 60 * 1000;
/// How long a read-back waits for the app to show what it accepted.
const PATIENCE: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(250), Duration::from_millis(750), Duration::from_millis(1500)];

const DID_NOT: &str = "the app answered that it was done, but did not";

/// What became of a step, and the account as it was read back.
pub(super) struct Carried {
    pub result: StepResult,
    pub read_back: Option<Account>,
    /// A clear answer said that the account is not there any more.
    pub found_gone: bool,
    /// The other side could not be reached.
    pub unreachable: bool,
    /// The app refused because no seat is left.
    pub no_seat: bool,
    /// In which sort of words the app refused.
    pub refusal: Option<ErrorKind>,
    /// The app showed that it cannot do what its record does not promise.
    pub disproved: Option<Disproof>,
    /// The app left fields as they were, and its vendor's record says of each that it may: nothing is broken there.
    pub foreseen: bool,
    /// The app answered that it was done, and left the whole effect undone.
    pub undone: bool,
}

/// What is meant with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// It is done.
    Act,
    /// It is looked whether it is so, and no more.
    Look,
}

/// Carries one step out, or looks whether it is so.
#[tracing::instrument(name = "step", skip_all, fields(step = %step.id, connection = %step.connection, effect = %step.effect, outcome))]
pub(super) async fn carry_out(
    context: &Context,
    connector: &Connector,
    step: &Step,
    (opened, aim): (Opened, Aim),
) -> Carried {
    let carried = carry(context, connector, step, opened, aim).await;
    tracing::Span::current().record("outcome", tracing::field::debug(carried.result.outcome));
    carried
}

async fn carry(context: &Context, connector: &Connector, step: &Step, opened: Opened, aim: Aim) -> Carried {
    let abilities = connector.abilities();
    let walk = Walk { context, connector, step, ability: ability_of(&abilities, step) };
    let found = match walk.look_again(opened).await {
        Ok(found) => found,
        Err(error) => {
            let because = match error.parked_until_ms {
                Some(_) => error.to_string(),
                None => format!("could not look before acting: {error}"),
            };
            let unreachable = error.kind == ErrorKind::Unreachable;
            return Carried { unreachable, ..walk.ends(Outcome::Skipped, because, None) };
        }
    };
    let asked = Step { changes: walk.resolved_changes().await, ..step.clone() };
    match sight(&asked, found.as_ref(), walk.ability) {
        Sight::AlreadyTrue => return walk.already_true(found),
        Sight::Moved(because) => return walk.ends(Outcome::Moved, because, found),
        Sight::Open if aim == Aim::Look => return walk.ends(Outcome::Moved, MOVED.into(), found),
        Sight::Open => {}
    }
    if step.effect == Effect::Create
        && opened == Opened::Fresh
        && let Some(found) = found
    {
        let because = format!("{} exists already, as {}; pull and plan again", found.key, found.state);
        return walk.ends(Outcome::Moved, because, Some(found));
    }
    if let (Effect::Manual, Some(work)) = (step.effect, &step.by_hand) {
        let whom = work.owner.as_deref().unwrap_or("a person");
        return walk.ends(Outcome::Pending, format!("waits for {whom}: {}", work.how), found);
    }
    walk.act(found, opened).await
}

/// Looks what became of a step that was begun at a moment by somebody who did not live to say so, and does nothing;
/// nothing where nobody could look.
pub(super) async fn look_only(
    context: &Context,
    connector: &Connector,
    step: &Step,
    started_ms: i64,
) -> Option<Carried> {
    let abilities = connector.abilities();
    let walk = Walk { context, connector, step, ability: ability_of(&abilities, step) };
    let found = walk.look_again(Opened::Doubtful(started_ms)).await.ok()?;
    let asked = Step { changes: walk.resolved_changes().await, ..step.clone() };
    let because = match sight(&asked, found.as_ref(), walk.ability) {
        Sight::AlreadyTrue => return Some(walk.already_true(found)),
        Sight::Moved(because) => because,
        Sight::Open => "it is not so now".into(),
    };
    Some(walk.ends(Outcome::Unknown, format!("its run broke off, and by a look later: {because}"), found))
}

fn ability_of<'a>(abilities: &'a Abilities, step: &Step) -> &'a KindAbility {
    static NONE: LazyLock<KindAbility> = LazyLock::new(KindAbility::default);
    abilities.kinds.get(&step.kind).unwrap_or(&NONE)
}

/// One step on its way.
struct Walk<'a> {
    context: &'a Context,
    connector: &'a Connector,
    step: &'a Step,
    ability: &'a KindAbility,
}

impl Walk<'_> {
    /// Looks for the step's account: by id where there is one, else by the address that the step would give it.
    async fn look(&self) -> Result<Option<Account>, ConnectError> {
        match &self.step.account_key {
            None => self.find_by_address().await,
            Some(key) if self.step.meant() == Effect::Convert => {
                let converted = AccountKey { kind: self.step.kind, ..key.clone() };
                match self.read(&converted).await? {
                    Some(account) => Ok(Some(account)),
                    None => self.read(key).await,
                }
            }
            Some(key) => {
                let found = self.read(key).await?;
                let usable = found.as_ref().is_some_and(|account| account.state.gives_access());
                if self.step.effect != Effect::Resume || usable {
                    return Ok(found);
                }
                // Some apps let a person in again under a new id (Freshdesk's make_agent, FD-35).
                let other = self.find_by_address().await?;
                Ok(other.filter(|account| account.state.gives_access()).or(found))
            }
        }
    }

    /// Looks, and knows an account again that a run made which did not live to say so: the journal says when it began,
    /// the app when the account was made. Without this an invitation of ours could pass for a suspension (FD-17).
    async fn look_again(&self, opened: Opened) -> Result<Option<Account>, ConnectError> {
        let found = self.look().await?;
        let (Opened::Doubtful(started_ms), Some(account)) = (opened, &found) else { return Ok(found) };
        let since_ms = started_ms - CLOCKS_APART_MS;
        let ours = account.created_ms.is_some_and(|created_ms| created_ms >= since_ms);
        if ours { self.as_ours(account).await } else { Ok(found) }
    }

    /// Looks what came of a try whose answer was lost: who is there and was not is there by that try.
    async fn look_after(&self, before: Option<&Account>) -> Result<Option<Account>, ConnectError> {
        let found = self.look().await?;
        match &found {
            Some(account) if before.is_none_or(|before| before.key != account.key) => self.as_ours(account).await,
            _ => Ok(found),
        }
    }

    /// Reads an account once more as one that we made: an invitation of ours looks like somebody who works there in some
    /// apps (GOR-22), and like somebody who was put out in others (FD-17).
    async fn as_ours(&self, account: &Account) -> Result<Option<Account>, ConnectError> {
        let makes = matches!(self.step.effect, Effect::Create | Effect::Convert | Effect::Resume);
        if !makes || !self.connector.asks_memory() {
            return Ok(Some(account.clone()));
        }
        self.connector.remember([(account.key.clone(), Memory::Made)]);
        Ok(self.read(&account.key).await?.or_else(|| Some(account.clone())))
    }

    async fn read(&self, key: &AccountKey) -> Result<Option<Account>, ConnectError> {
        match self.connector.read_as(key, self.priority()).await {
            Look::Found(account) => Ok(Some(*account)),
            Look::Absent => Ok(None),
            Look::CouldNotLook(error) => Err(error),
        }
    }

    async fn find_by_address(&self) -> Result<Option<Account>, ConnectError> {
        let asked = |field: &str| {
            self.step
                .changes
                .iter()
                .find(|change| change.field.as_str() == field)
                .and_then(|change| change.after.as_str())
        };
        let address = asked("email").map(str::to_owned).or_else(|| self.context.address_of(self.step));
        let Some(address) = address else { return Ok(None) };
        match self.connector.find(self.step.kind, LookupBy::Email(&address)).await {
            Look::Found(mut accounts) => {
                accounts.sort_by_key(|account| (!account.state.gives_access(), account.key.clone()));
                Ok(accounts.into_iter().find(|account| account.kind_is(self.step)))
            }
            Look::Absent => Ok(None),
            Look::CouldNotLook(error) => Err(error),
        }
    }

    /// Performs, and performs again only after a look showed that nothing had happened.
    async fn act(&self, mut found: Option<Account>, opened: Opened) -> Carried {
        let mut because = String::new();
        let mut tried = 0;
        let began_ms = self.now_ms();
        for attempt in 1..=ATTEMPTS_MAX {
            tried = attempt;
            let (effect, target) = self.remaining(found.as_ref());
            let changes = self.replacing(self.resolved_changes().await, effect, found.as_ref());
            let act = Act {
                effect,
                kind: self.step.kind,
                account: target.as_ref(),
                changes: &changes,
                priority: self.priority(),
            };
            let error = match self.connector.perform(&act).await {
                Ok(performed) => {
                    let carried = self.verify(&performed.account, &performed.unsent).await;
                    return self.unless_untouched(carried, found.as_ref());
                }
                Err(error) => error,
            };
            self.context
                .progress
                .say(Said::Trouble { connection: self.step.connection.to_string(), text: error.to_string() });
            if !error.may_have_happened {
                if (attempt > 1 || opened != Opened::Fresh) && self.was_resumed(&error, found.as_ref(), opened) {
                    let key = found.map(|account| account.key).or_else(|| self.step.account_key.clone());
                    if let Some(key) = key {
                        self.connector.remember([(key.clone(), Memory::Made)]);
                        return self.verify(&key, &[]).await;
                    }
                    return self.refused(&error, None);
                }
                if effect == self.step.effect && self.is_unserved(&error, target.as_ref()).await {
                    return self.unserved(&error, found);
                }
                return self.refused(&error, found);
            }
            because = error.to_string();
            tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
            found = match self.look_after(found.as_ref()).await {
                Ok(found) => found,
                Err(look) => {
                    let because = format!("{because}; and then could not look: {look}");
                    return self.ends(Outcome::Unknown, because, None);
                }
            };
            let asked = Step { changes, ..self.step.clone() };
            if sight(&asked, found.as_ref(), self.ability) == Sight::AlreadyTrue {
                let Some(account) = &found else { return self.ends(Outcome::Done, "gone, as asked".into(), None) };
                return self.verify(&account.key, &[]).await;
            }
            if self.now_ms() - began_ms > LASTS_MAX_MS {
                break;
            }
        }
        let times = if tried == 1 { "once".to_owned() } else { format!("{tried} times") };
        let because =
            format!("{because}; tried {times} and looked each time; it is looked at again before the next try");
        self.ends(Outcome::Unknown, because, found)
    }

    /// Takes back the belief that somebody was let in again where the record was not touched at all: an app that
    /// shows an invitation and a suspension alike (FD-17) may have ignored the write.
    fn unless_untouched(&self, mut carried: Carried, before: Option<&Account>) -> Carried {
        let (Effect::Resume, Some(before), Some(after)) = (self.step.effect, before, carried.read_back.as_mut()) else {
            return carried;
        };
        // Many apps tell whole seconds: a record that was touched just before says nothing of a second touch.
        let now_ms = self.context.clock.now_ms();
        let telling = before.updated_ms.is_some_and(|updated_ms| updated_ms < now_ms - TOUCHED_LATELY_MS);
        let untouched = telling && after.key == before.key && after.updated_ms == before.updated_ms;
        if untouched && after.state == AccountState::Invited && !before.state.gives_access() {
            after.state = before.state;
            self.connector.remember([(before.key.clone(), Memory::PutOut)]);
            carried.result.outcome = Outcome::Refused;
            carried.result.because = Some(format!("{DID_NOT} touch the account"));
            carried.undone = true;
        }
        carried
    }

    /// Tells whether an earlier try, whose answer was lost, has let the person in again: the app then finds nobody left
    /// to let in (FD-35), and the record was changed since.
    fn was_resumed(&self, error: &ConnectError, found: Option<&Account>, opened: Opened) -> bool {
        let since_ms = match opened {
            Opened::Doubtful(since_ms) => since_ms - CLOCKS_APART_MS,
            Opened::Fresh => self.context.clock.now_ms() - RESUMED_WITHIN_MS,
        };
        let fresh = |account: &Account| account.updated_ms.is_some_and(|ms| ms >= since_ms);
        self.step.effect == Effect::Resume && error.kind == ErrorKind::NotFound && found.is_some_and(fresh)
    }

    /// Returns what is left to do, by what is there: a create that got half way goes on as an update.
    fn remaining(&self, found: Option<&Account>) -> (Effect, Option<AccountKey>) {
        match (self.step.effect, found) {
            (Effect::Create, Some(account)) if account.state.gives_access() => {
                (Effect::Update, Some(account.key.clone()))
            }
            (Effect::Create, Some(account)) => (Effect::Resume, Some(account.key.clone())),
            (Effect::Convert, Some(account)) if account.kind_is(self.step) => {
                (Effect::Update, Some(account.key.clone()))
            }
            (Effect::Resume, Some(account)) if account.state.gives_access() => {
                (Effect::Update, Some(account.key.clone()))
            }
            (effect, Some(account)) => (effect, Some(account.key.clone())),
            (effect, None) => (effect, self.step.account_key.clone()),
        }
    }

    /// Lets the rest of a conversion that broke off replace whole sets: what is held by then is the app's own choice.
    fn replacing(&self, mut changes: Vec<Change>, effect: Effect, found: Option<&Account>) -> Vec<Change> {
        let (Effect::Convert, Effect::Update, Some(account)) = (self.step.effect, effect, found) else {
            return changes;
        };
        for asked in changes.iter_mut().filter_map(|change| change.entitlement.as_mut()) {
            let wished: Vec<String> = asked.add.iter().map(|wished| wished.name.to_lowercase()).collect();
            let held = account.grants_of(&asked.kind).filter(|grant| !wished.contains(&grant.name.to_lowercase()));
            asked.remove = held
                .map(|grant| WishedGrant { name: Name::new(&grant.name), scope: None, privileged: grant.privileged })
                .collect();
        }
        changes
    }

    /// Fills in the app's own id of an account that a change refers to (a manager), which may have been made a moment
    /// ago. A reference that cannot be resolved is left out and reported, so that it blocks nobody.
    async fn resolved_changes(&self) -> Vec<Change> {
        let mut changes = Vec::with_capacity(self.step.changes.len());
        for change in &self.step.changes {
            match &change.refers_to {
                None => changes.push(change.clone()),
                Some(identity) => {
                    if let Some(id) = self.context.account_of(identity, &self.step.connection, self.step.kind).await {
                        changes.push(Change { after: id.as_str().into(), ..change.clone() });
                    }
                }
            }
        }
        changes
    }

    fn priority(&self) -> Priority {
        urgency(self.step)
    }

    fn now_ms(&self) -> i64 {
        self.context.clock.now_ms()
    }

    /// Reads back with patience and compares each asked field.
    async fn verify(&self, key: &AccountKey, unsent: &[String]) -> Carried {
        let is_sent = |change: &Change| !unsent.iter().any(|word| word == change.field.as_str());
        let (sent, left): (Vec<Change>, Vec<Change>) = self.resolved_changes().await.into_iter().partition(is_sent);
        let asked = Step { changes: sent, ..self.step.clone() };
        let mut last: Option<Account> = None;
        let mut trouble = None;
        let began_ms = self.now_ms();
        for wait in PATIENCE {
            tokio::time::sleep(wait).await;
            match self.read(key).await {
                Ok(read_back) => {
                    let fields = read_back.as_ref().map(|account| field_outcomes(&asked, account, self.ability));
                    let settled = fields.iter().flatten().all(|(_, outcome)| *outcome != FieldOutcome::Ignored);
                    last = read_back;
                    trouble = None;
                    if settled && effect_holds(self.step, last.as_ref()) {
                        break;
                    }
                }
                Err(error) => trouble = Some(error),
            }
            if self.now_ms() - began_ms > LASTS_MAX_MS {
                break;
            }
        }
        let mut carried = self.verdict(&asked, key, last, trouble);
        self.tell_unsent(&left, &mut carried);
        carried
    }

    /// Says what the app was not given because this way of doing it does not take it: nobody may call that ignored.
    fn tell_unsent(&self, left: &[Change], carried: &mut Carried) {
        let Some(account) = &carried.read_back else { return };
        let is_so = |change: &&Change| holds(change, account, self.ability) == Some(true);
        let (so, not_so): (Vec<&Change>, Vec<&Change>) = left.iter().partition(is_so);
        carried.result.fields.extend(so.iter().map(|change| (change.field.clone(), FieldOutcome::Applied)));
        if not_so.is_empty() {
            return;
        }
        let words: Vec<&str> = not_so.iter().map(|change| change.field.as_str()).collect();
        let told = words.iter().filter_map(|word| self.ability.fields.get(*word)?.cannot.as_deref());
        let why = told.collect::<Vec<_>>().join("; ");
        let why = if why.is_empty() { "the app does not take it with this" } else { &why };
        let said = format!("{} was not sent: {why}", words.join(", "));
        let before = carried.result.because.take().map(|because| because + "; ").unwrap_or_default();
        carried.result.because = Some(before + &said);
    }

    fn verdict(&self, asked: &Step, key: &AccountKey, last: Option<Account>, trouble: Option<ConnectError>) -> Carried {
        if let Some(error) = trouble {
            let mut carried =
                self.ends(Outcome::Unknown, format!("accepted, but could not be read back: {error}"), last);
            carried.result.account = Some(key.id.to_string());
            return carried;
        }
        let mut fields = last.as_ref().map(|account| field_outcomes(asked, account, self.ability)).unwrap_or_default();
        for change in &self.step.changes {
            fields.entry(change.field.clone()).or_insert(match self.step.effect {
                Effect::Suspend | Effect::Delete => FieldOutcome::Applied,
                _ => FieldOutcome::Unknown,
            });
        }
        let ended = |wanted: FieldOutcome| -> Vec<&str> {
            fields.iter().filter(|(_, outcome)| **outcome == wanted).map(|(field, _)| field.as_str()).collect()
        };
        let (ignored, waiting) = (ended(FieldOutcome::Ignored), ended(FieldOutcome::Pending));
        let holds = effect_holds(self.step, last.as_ref());
        let undone = !holds && self.step.account_key.is_some();
        let may_ignore =
            |field: &&str| self.ability.fields.get(*field).is_some_and(|told| told.ignored_because.is_some());
        let foreseen = !ignored.is_empty() && ignored.iter().all(may_ignore);
        let (outcome, because) = if !ignored.is_empty() {
            (Outcome::Refused, Some(format!("{DID_NOT} change {}{}", ignored.join(", "), self.reasons(&ignored))))
        } else if undone {
            let state = last.as_ref().map_or("not there", |account| account.state.as_str());
            (
                Outcome::Refused,
                Some(format!("the app answered that it was done, but the account is {state}{}", self.reason())),
            )
        } else if !holds {
            (Outcome::Pending, Some("accepted, but not visible yet".to_owned()))
        } else if !waiting.is_empty() {
            (Outcome::Pending, Some(format!("{} waits for somebody's approval in the app", waiting.join(", "))))
        } else {
            (Outcome::Done, self.invited(last.as_ref()))
        };
        let account = last.as_ref().map_or_else(|| key.id.to_string(), |account| account.key.id.to_string());
        Carried {
            found_gone: last.is_none() && self.step.effect.is_removal(),
            result: StepResult { id: self.step.id.clone(), outcome, fields, because, account: Some(account) },
            read_back: last,
            unreachable: false,
            no_seat: false,
            refusal: None,
            disproved: (self.is_unproven() && outcome == Outcome::Refused).then_some(Disproof::Ignored),
            foreseen,
            undone,
        }
    }

    fn is_unproven(&self) -> bool {
        self.ability.effects.get(&self.step.effect).is_some_and(|effect| effect.unproven)
    }

    /// Tells whether an answer shows that the tenant does not serve the effect at all: there is no such address, although
    /// the account itself can be read.
    async fn is_unserved(&self, error: &ConnectError, target: Option<&AccountKey>) -> bool {
        let optional = self.ability.effects.get(&self.step.effect).is_some_and(|effect| effect.optional);
        match (error.status, target) {
            (Some(405), _) | (Some(404), None) => optional,
            (Some(404), Some(key)) => optional && matches!(self.read(key).await, Ok(Some(_))),
            _ => false,
        }
    }

    fn unserved(&self, error: &ConnectError, found: Option<Account>) -> Carried {
        Carried {
            refusal: Some(ErrorKind::Unsupported),
            disproved: Some(Disproof::Said),
            ..self.ends(Outcome::Unsupported, error.to_string(), found)
        }
    }

    /// Returns the vendor's reasons why fields stay as they are, as the end of a sentence.
    fn reasons(&self, ignored: &[&str]) -> String {
        let told = ignored.iter().filter_map(|field| self.ability.fields.get(*field)?.ignored_because.as_deref());
        told.map(|because| format!(": {because}")).collect()
    }

    /// Returns the vendor's reason why the effect may do nothing, as the end of a sentence.
    fn reason(&self) -> String {
        let because = self.ability.effects.get(&self.step.effect).and_then(|effect| effect.ignored_because.as_deref());
        because.map(|because| format!(": {because}")).unwrap_or_default()
    }

    /// Says that somebody who was let in is invited and no more: nobody is told that they can work.
    fn invited(&self, last: Option<&Account>) -> Option<String> {
        let makes = matches!(self.step.effect, Effect::Create | Effect::Resume | Effect::Convert);
        let invited = last.is_some_and(|account| account.state == AccountState::Invited);
        (makes && invited).then(|| "invited; not active until the invitation is accepted".to_owned())
    }

    fn already_true(&self, found: Option<Account>) -> Carried {
        let waits = |change: &Change| found.as_ref().is_some_and(|account| waits(change, account, self.ability));
        let outcome = |change| if waits(change) { FieldOutcome::Pending } else { FieldOutcome::Applied };
        let fields = self.step.changes.iter().map(|change| (change.field.clone(), outcome(change))).collect();
        Carried {
            result: StepResult {
                id: self.step.id.clone(),
                outcome: Outcome::AlreadyTrue,
                fields,
                because: match &found {
                    None => Some("the account is gone".into()),
                    Some(account) => self.invited(Some(account)),
                },
                account: found.as_ref().map(|account| account.key.id.to_string()),
            },
            found_gone: found.is_none(),
            read_back: found,
            unreachable: false,
            no_seat: false,
            refusal: None,
            disproved: None,
            foreseen: false,
            undone: false,
        }
    }

    fn refused(&self, error: &ConnectError, found: Option<Account>) -> Carried {
        let outcome = match error.kind {
            ErrorKind::Unsupported => Outcome::Unsupported,
            ErrorKind::NotFound => Outcome::Moved,
            ErrorKind::Unreachable | ErrorKind::RateLimited => Outcome::Skipped,
            _ => Outcome::Refused,
        };
        Carried {
            unreachable: error.kind == ErrorKind::Unreachable,
            no_seat: error.kind == ErrorKind::SeatLimit,
            refusal: Some(error.kind),
            disproved: (self.is_unproven() && matches!(error.kind, ErrorKind::Validation | ErrorKind::Unsupported))
                .then_some(Disproof::Said),
            foreseen: false,
            ..self.ends(outcome, error.to_string(), found)
        }
    }

    fn ends(&self, outcome: Outcome, because: String, found: Option<Account>) -> Carried {
        Carried {
            result: StepResult {
                id: self.step.id.clone(),
                outcome,
                fields: BTreeMap::new(),
                because: Some(because),
                account: found.as_ref().map(|account| account.key.id.to_string()).or_else(|| self.step.account.clone()),
            },
            read_back: found,
            found_gone: false,
            unreachable: false,
            no_seat: false,
            refusal: None,
            disproved: None,
            foreseen: false,
            undone: false,
        }
    }
}
