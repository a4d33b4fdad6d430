//! What a connection can do, in the words of the walk, told from its manifest and its settings.
//! The engine hands abilities to the planner. No URL, no wire format and no secret gets into them.

use crate::codec::zone::spellings;
use crate::manifest::{
    AccessSpec, Body, ByHandSpec, Call, CardinalityWord, Codec, EffectSpec, EntitlementSpec, FieldSpec, GrantForm,
    GrantWrite, IdForm, KindSpec, Manifest, On, SeatWord, SessionWord,
};
use crate::settings::Settings;
use serde_json::Value;
use std::sync::Arc;
use tenure_core::abilities::{
    Abilities, ByHand, Cardinality, Effect, EffectAbility, EntitlementAbility, FieldAbility, KindAbility, Seat,
    Sessions,
};
use tenure_core::access::AccessRule;
use tenure_core::account::Kind;
use tenure_core::name::{EntitlementKind, FieldName, Name};

/// Returns what a connection with these settings can do.
pub fn abilities_of(settings: &Settings) -> Abilities {
    let manifest = &settings.manifest;
    let mut protected: Vec<Box<str>> = settings.protected.iter().map(|login| login.as_str().into()).collect();
    protected.dedup();
    Abilities {
        connection: settings.name.clone(),
        app: Name::new(&manifest.app),
        title: Name::new(&manifest.title),
        standing: settings.standing,
        default_kind: manifest.default_kind,
        kinds: manifest.kinds.iter().map(|(kind, spec)| (*kind, kind_ability(settings, *kind, spec))).collect(),
        sessions: match manifest.sessions {
            SessionWord::Ended => Sessions::Ended,
            SessionWord::Kept => Sessions::Kept,
            SessionWord::Unstated => Sessions::Unstated,
        },
        sso: settings.sso.clone(),
        seats: settings.seats,
        protected_logins: protected,
        owner: settings.owner.clone(),
        references: u32::try_from(manifest.references.len()).unwrap_or(u32::MAX),
        per_second: settings.rate_limits().per_second(),
    }
}

fn kind_ability(settings: &Settings, kind: Kind, spec: &KindSpec) -> KindAbility {
    let by_scim = |word: &str, on| settings.scim_write(kind, word, on).is_some();
    // What SCIM tells takes a request more with every look.
    let looks = match (settings.scim_tells(kind).is_empty(), settings.scim_alone()) {
        (true, _) => 0,
        (false, None) => 2,
        (false, Some(_)) => 1,
    };
    let convert_from = spec.effects.get(&Effect::Convert).map(|effect| effect.from.clone());
    KindAbility {
        takes_seat: spec.takes_seat,
        fields: spec
            .fields
            .iter()
            .map(|(name, field)| (FieldName::new(name), field_ability(field, by_scim(name, On::Update))))
            .collect(),
        entitlements: spec
            .entitlements
            .iter()
            .map(|(word, spec)| (word, spec, by_scim(word, On::Update)))
            .filter(|(_, spec, by_scim)| spec.write.is_some() || spec.by_hand || *by_scim)
            .map(|(word, spec, by_scim)| (Name::new(word), entitlement_ability(spec, by_scim)))
            .collect(),
        effects: spec
            .effects
            .iter()
            .map(|(effect, how)| (*effect, effect_ability(&settings.manifest, (kind, spec), (*effect, how), looks)))
            .map(|(effect, ability)| match settings.scim_create(kind).filter(|_| effect == Effect::Create) {
                // One after the other: a POST, a look for what came of it, the rest over REST.
                Some(_) => (effect, EffectAbility { together: None, requests: ability.requests + 3, ..ability }),
                None => (effect, ability),
            })
            .collect(),
        convert_from: convert_from.unwrap_or_default(),
        cannot: spec.cannot.iter().map(|(effect, because)| (*effect, because.clone())).collect(),
        by_hand: spec.by_hand.iter().map(|(effect, by_hand)| (*effect, by_hand_of(by_hand))).collect(),
        demoted: spec.demoted.iter().map(|(word, name)| (Name::new(word), Name::new(name))).collect(),
        invitation_hours: spec.invitation_hours,
        access: spec.access.iter().map(access_rule).collect(),
    }
}

fn access_rule(spec: &AccessSpec) -> AccessRule {
    let values = |value: &Value| value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    AccessRule {
        when: spec.when.iter().map(|(word, value)| (Name::new(word), values(value))).collect(),
        each: spec.each.as_deref().map(Name::new),
        scope: spec.scope.as_deref().map(Name::new),
        says: spec.says.clone(),
        privileged: spec.privileged,
    }
}

fn by_hand_of(spec: &ByHandSpec) -> ByHand {
    ByHand {
        how: spec.how.clone(),
        row: spec.row.iter().map(|(column, pattern)| (column.clone(), pattern.clone())).collect(),
        expires_hours: spec.expires_hours,
    }
}

fn field_ability(field: &FieldSpec, by_scim: bool) -> FieldAbility {
    let written = field.write.is_some();
    FieldAbility {
        from: field.from.as_deref().map(FieldName::new),
        required: field.required,
        at_create: written && field.on.contains(&On::Create),
        at_update: by_scim || (written && field.on.contains(&On::Update)),
        cannot: field.cannot.clone().filter(|_| !by_scim),
        ignored_because: field.ignored_because.clone(),
        is_flag: field.codec == Codec::Flag,
        values: field.words.keys().map(|word| Name::new(word)).collect(),
        fallback: field.fallback.clone(),
        refers_to_account: field.codec.refers_to_account(),
        fold_case: field.fold_case,
        spellings: if field.codec == Codec::RailsTimeZone { spellings() } else { Arc::default() },
    }
}

fn entitlement_ability(spec: &EntitlementSpec, by_scim: bool) -> EntitlementAbility {
    EntitlementAbility {
        kind: EntitlementKind::new(&spec.kind),
        cardinality: match spec.cardinality {
            CardinalityWord::One => Cardinality::One,
            CardinalityWord::Many => Cardinality::Many,
        },
        scoped: !spec.scopes.is_empty(),
        default_scope: spec.default_scope.as_deref().map(Name::new),
        least_scope: spec.scopes.last().map(|scope| Name::new(scope)),
        privileged: spec.privileged.iter().map(|name| Name::new(name)).collect(),
        owners: spec.owners.iter().map(|name| Name::new(name)).collect(),
        values: spec.values.iter().map(|name| Name::new(name)).collect(),
        synonyms: spec.synonyms.iter().map(|(word, name)| (Name::new(word), Name::new(name))).collect(),
        required: spec.required,
        exact: spec.exact,
        by_hand: spec.by_hand && spec.write.is_none() && !by_scim,
        numbered: spec.reference.is_some() && spec.write.as_ref().is_some_and(writes_numbers),
        billed: spec.billed,
    }
}

fn writes_numbers(write: &GrantWrite) -> bool {
    write.ids == IdForm::Number && write.form != GrantForm::Name
}

fn effect_ability(
    manifest: &Manifest,
    (kind, spec): (Kind, &KindSpec),
    (what, effect): (Effect, &EffectSpec),
    looks: u32,
) -> EffectAbility {
    EffectAbility {
        irreversible: effect.irreversible,
        seat: match effect.seat {
            SeatWord::Takes => Seat::Takes,
            SeatWord::Frees => Seat::Frees,
            SeatWord::Keeps => Seat::Keeps,
        },
        sends_mail: effect.mail,
        loses: effect.loses.clone(),
        unproven: effect.unproven,
        optional: effect.optional,
        requests: requests_of(manifest, kind, what) + looks,
        reads_before: reads_before(spec, effect),
        own_requests: looks,
        together: together(spec, effect),
        ignored_because: effect.ignored_because.clone(),
    }
}

/// Returns how many steps of an effect may go together: those whose calls and looks all take several records.
fn together(kind: &KindSpec, effect: &EffectSpec) -> Option<u32> {
    kind.read.as_ref()?.many.as_ref()?;
    let calls = calls_of(kind, effect);
    calls.iter().map(|call| call.batch.as_ref().map_or(1, |batch| batch.size)).min().filter(|size| *size > 1)
}

fn calls_of<'k>(kind: &'k KindSpec, effect: &'k EffectSpec) -> &'k [Call] {
    effect.like.and_then(|like| kind.effects.get(&like)).map_or(&effect.calls, |other| &other.calls)
}

/// Tells whether the record as it is now is read before it is written, whatever is written.
fn reads_before(kind: &KindSpec, effect: &EffectSpec) -> bool {
    let reads = |call: &Call| call.body == Body::Whole || !call.carry.is_empty() || call.find.is_some();
    calls_of(kind, effect).iter().any(reads)
}

/// Returns how many requests an effect takes at most where everything goes well: a look before, the calls, a look after.
/// Whoever is made, or let in again perhaps under another id, is looked for by their address.
pub(crate) fn requests_of(manifest: &Manifest, kind: Kind, effect: Effect) -> u32 {
    let Some((spec, how)) = manifest.kinds.get(&kind).and_then(|spec| Some((spec, spec.effects.get(&effect)?))) else {
        return 0;
    };
    let (before, after) = match effect {
        Effect::Create => (look_up(manifest, spec), 1),
        // As what it becomes, and as what it was.
        Effect::Convert => (2, 1),
        Effect::Resume => (1 + look_up(manifest, spec), 1),
        _ => (1, 1),
    };
    let reads = effect != Effect::Create && reads_before(spec, how);
    before + u32::from(reads) + u32::try_from(calls_of(spec, how).len()).unwrap_or(u32::MAX) + after
}

/// Returns how many requests it takes at most to look for somebody by their address.
fn look_up(manifest: &Manifest, spec: &KindSpec) -> u32 {
    let in_one = |spec: &KindSpec| {
        let Some(lookup) = spec.lookup.get("email") else { return 0 };
        let passes = spec.list.as_ref().filter(|_| lookup.passes).map_or(1, |list| list.passes.len().max(1));
        let times = if lookup.again.is_empty() { 1 } else { 2 };
        u32::try_from(passes * times).unwrap_or(u32::MAX)
    };
    let also = spec.lookup.get("email").into_iter().flat_map(|lookup| &lookup.also);
    in_one(spec) + also.filter_map(|kind| manifest.kinds.get(kind)).map(in_one).sum::<u32>()
}
