//! Sealing: secrets that several processes share lie in the store as bytes that only the operator's key opens.
//! The key comes from where `[store] key` says; each value is sealed together with its place and the key's id, so that it
//! opens nowhere else. Without a key nothing secret is kept. Where a sealed value is used is not known here.

use crate::chance::Chance;
use crate::config::Config;
use crate::decide::By;
use crate::error::EngineError;
use crate::house::House;
use crate::secrets::{STORE, read_secret};
use async_recursion::async_recursion as boxed;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use sha2::{Digest, Sha256};
use tenure_core::hex::{hex, unhex};
use tenure_core::journal::Draft;
use tenure_store::{Sealed, SealedPlace};

const KEY_LEN: usize = 32;

/// The key that seals, and the one before it, which only opens.
#[derive(Debug)]
pub struct Keys {
    current: Key,
    before: Option<Key>,
}

struct Key {
    id: String,
    key: LessSafeKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

impl Key {
    fn read(bytes: [u8; KEY_LEN]) -> Result<Self, EngineError> {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &bytes)
            .map_err(|_| EngineError::Broken("a key of 32 bytes is none".into()))?;
        // The id tells keys apart and is a hash of something that cannot be guessed.
        let id = hex(&Sha256::digest([b"tenure key id\0".as_slice(), &bytes].concat())[..6]);
        Ok(Self { id, key: LessSafeKey::new(key) })
    }
}

impl Keys {
    /// Reads the keys from where the configuration says; nothing where it names none.
    ///
    /// # Errors
    /// A key cannot be read, or is none.
    pub fn read(config: &Config) -> Result<Option<Self>, EngineError> {
        let key = |name: &str, place: &Option<crate::config::SecretPlace>| match place {
            None => Ok(None),
            Some(place) => {
                let text = read_secret(STORE, name, place, &config.folder)?;
                let hint = "it must be 64 hex digits, as `tenure key new` prints them";
                let bytes = key_bytes(text.expose_secret())
                    .ok_or_else(|| EngineError::Asked(format!("`{name}` of {STORE} is no key: {hint}")))?;
                Key::read(bytes).map(Some)
            }
        };
        let before = key("key_before", &config.store.key_before)?;
        match key("key", &config.store.key)? {
            Some(current) => Ok(Some(Self { current, before })),
            None if before.is_some() => {
                Err(EngineError::Asked(format!("{STORE} has `key_before` and no `key`; name the new key")))
            }
            None => Ok(None),
        }
    }

    /// Returns the id of the key that seals.
    pub fn id(&self) -> &str {
        &self.current.id
    }

    /// Seals a value for its place.
    ///
    /// # Errors
    /// The machine gives no random bytes.
    pub fn seal(&self, chance: &Chance, place: &SealedPlace, value: &str) -> Result<Sealed, EngineError> {
        let nonce: [u8; NONCE_LEN] = chance.bytes()?;
        let mut sealed = value.as_bytes().to_vec();
        let aad = Aad::from(bound(place, &self.current.id));
        let done = self.current.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed);
        done.map_err(|_| EngineError::Broken("a value cannot be sealed".into()))?;
        Ok(Sealed { opener: self.current.id.clone(), value: [&nonce, &*sealed].concat() })
    }

    /// Opens what was sealed for this place; nothing where it was sealed with another key, for another place, or changed.
    pub fn open(&self, place: &SealedPlace, sealed: &Sealed) -> Option<SecretString> {
        let key = std::iter::once(&self.current).chain(&self.before).find(|key| key.id == sealed.opener)?;
        let (nonce, value) = sealed.value.split_at_checked(NONCE_LEN)?;
        let mut value = value.to_vec();
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let opened = key.key.open_in_place(nonce, Aad::from(bound(place, &key.id)), &mut value).ok()?;
        std::str::from_utf8(opened).ok().map(SecretString::from)
    }

    fn opens(&self, opener: &str) -> bool {
        self.current.id == opener || self.before.as_ref().is_some_and(|key| key.id == opener)
    }
}

/// Returns what a sealed value is bound to.
fn bound(place: &SealedPlace, key: &str) -> Vec<u8> {
    format!("tenure sealed\0{}\0{}\0{key}", place.connection, place.name).into_bytes()
}

fn key_bytes(text: &str) -> Option<[u8; KEY_LEN]> {
    unhex(text.trim())?.try_into().ok()
}

/// Returns a new key, to be kept where `[store] key` will say.
///
/// # Errors
/// The machine gives no random bytes.
pub fn new_key(chance: &Chance) -> Result<SecretString, EngineError> {
    Ok(hex(&chance.bytes::<KEY_LEN>()?).into())
}

/// What is sealed with which key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opener {
    /// The key's id.
    pub key: String,
    /// How many values it opens.
    pub values: i64,
    /// Which key that is: `key`, `key_before`, or nothing where it is not at hand.
    pub is: Option<&'static str>,
}

/// Lists what is sealed with which key.
///
/// # Errors
/// A key cannot be read, or the store failed.
#[boxed]
pub async fn openers(house: &House) -> Result<Vec<Opener>, EngineError> {
    let keys = Keys::read(&house.config)?;
    let openers = house.store.openers().await?;
    let is = |opener: &str| {
        let keys = keys.as_ref()?;
        if keys.id() == opener { Some("key") } else { keys.opens(opener).then_some("key_before") }
    };
    Ok(openers.into_iter().map(|(key, values)| Opener { is: is(&key), key, values }).collect())
}

/// What became of sealing everything anew.
#[derive(Debug, Clone, Serialize)]
pub struct Rotated {
    /// The id of the key that seals now.
    pub key: String,
    /// How many values are sealed with it.
    pub sealed: u64,
    /// How many were dropped, because no key at hand opens them.
    pub dropped: u64,
}

/// What is done with values that no key at hand opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Nothing is done while there is one.
    Refuse,
    /// They are dropped.
    Drop,
}

/// Seals everything anew with the key of now, all or none.
///
/// # Errors
/// There is no key, a value is opened by none and `lost` refuses, or the store failed.
#[boxed]
pub async fn rotate(house: &House, lost: Lost, by: &By) -> Result<Rotated, EngineError> {
    let keys = Keys::read(&house.config)?.ok_or_else(|| {
        EngineError::Asked("there is no key: name one as `key` of [store]; `tenure key new` makes one".into())
    })?;
    let draft = Draft {
        at: house.clock.now_text(),
        actor: by.who.clone(),
        event: "key_rotated".into(),
        run: None,
        step: None,
        body: serde_json::json!({ "key": keys.id(), "note": by.note }),
    };
    let anew = |place: &SealedPlace, sealed: &Sealed| match keys.open(place, sealed) {
        Some(value) => keys.seal(&house.chance, place, value.expose_secret()).map(Some),
        None if lost == Lost::Drop => Ok(None),
        None => Err(EngineError::Asked(format!(
            "{} of {} is sealed with {}, and neither `key` nor `key_before` opens it; name that key as `key_before`, or \
             drop what it sealed with --drop-lost",
            place.name, place.connection, sealed.opener
        ))),
    };
    let (sealed, dropped) = house.store.reseal(anew, vec![draft]).await?;
    Ok(Rotated { key: keys.id().to_owned(), sealed, dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(current: u8, before: Option<u8>) -> Keys {
        let key = |byte| Key::read([byte; KEY_LEN]).unwrap();
        Keys { current: key(current), before: before.map(key) }
    }

    fn place(name: &str) -> SealedPlace {
        SealedPlace { connection: "gorgias".into(), name: name.into() }
    }

    fn opened(keys: &Keys, name: &str, sealed: &Sealed) -> Option<String> {
        keys.open(&place(name), sealed).map(|value| value.expose_secret().to_owned())
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only_and_only_as_it_was() {
        let (keys, chance) = (keys(1, None), Chance::system());
        let sealed = keys.seal(&chance, &place("token"), "s3cret").unwrap();
        assert_eq!(opened(&keys, "token", &sealed).as_deref(), Some("s3cret"));
        assert_eq!(opened(&keys, "other", &sealed), None);
        assert!(!sealed.value.windows(6).any(|window| window == b"s3cret"));
        for at in 0..sealed.value.len() {
            let mut changed = sealed.clone();
            changed.value[at] ^= 1;
            assert_eq!(opened(&keys, "token", &changed), None, "byte {at}");
        }
        let cut = Sealed { value: sealed.value[..4].to_vec(), ..sealed };
        assert_eq!(opened(&keys, "token", &cut), None);
    }

    #[test]
    fn the_key_before_opens_and_a_strange_one_does_not() {
        let sealed = keys(1, None).seal(&Chance::system(), &place("token"), "s3cret").unwrap();
        assert_eq!(opened(&keys(2, Some(1)), "token", &sealed).as_deref(), Some("s3cret"));
        assert_eq!(opened(&keys(2, Some(3)), "token", &sealed), None);
        let anew = keys(2, Some(1)).seal(&Chance::system(), &place("token"), "s3cret").unwrap();
        assert_ne!(anew.opener, sealed.opener);
    }

    #[test]
    fn no_two_seals_are_alike() {
        let (keys, chance) = (keys(1, None), Chance::system());
        let seal = || keys.seal(&chance, &place("token"), "s3cret").unwrap();
        assert_ne!(seal().value, seal().value);
    }

    #[test]
    fn a_key_is_64_hex_digits() {
        assert_eq!(key_bytes(&"0f".repeat(32)), Some([15; 32]));
        for text in ["", "short", &"0g".repeat(32), &"0f".repeat(33), &"é".repeat(32)] {
            assert_eq!(key_bytes(text), None, "{text}");
        }
        let new = new_key(&Chance::system()).unwrap();
        assert!(key_bytes(new.expose_secret()).is_some());
    }
}
