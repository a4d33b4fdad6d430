//! A private key that signs for us: RSA (RS256) or the curve P-256 (ES256), as PEM or as a JWK.
//! Its text is a secret and goes no further than here; what comes out are signatures, and the public half as a JWK. It
//! knows no token and no endpoint.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom, SystemRandom};
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

const NO_KEY: &str = "the private key is no RSA or P-256 key, in PEM (`-----BEGIN PRIVATE KEY-----`) or as a JWK";
const LOCKED: &str =
    "the private key is locked by a password: write it without one (`openssl pkey -in KEY -out PLAIN`)";
const OLD_CURVE: &str = "the private key is in the older form of a curve's key: `openssl pkcs8 -topk8 -nocrypt -in KEY` writes the one that is read";

/// A private key.
pub struct SigningKey {
    pair: Pair,
    /// The id that the key says of itself.
    pub id: Option<String>,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Curve(Box<EcdsaKeyPair>),
}

/// A key as JSON, RFC 7517: numbers in base64url.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    crv: Option<String>,
    #[serde(flatten)]
    numbers: std::collections::BTreeMap<String, serde_json::Value>,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({})", self.algorithm())
    }
}

impl SigningKey {
    /// Makes up a key of the curve P-256; its text is a secret that [`SigningKey::read`] reads.
    ///
    /// # Errors
    /// The machine gives no random bytes.
    pub fn fresh() -> Result<SecretString, &'static str> {
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        let made = made.map_err(|_| "there is no chance to be had")?;
        Ok(format!("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n", "PRIVATE KEY", STANDARD.encode(made)).into())
    }

    /// Returns the public half as a JWK, without an id.
    pub fn public_jwk(&self) -> Value {
        let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match &self.pair {
            Pair::Rsa(pair) => {
                let public: PublicKeyComponents<Vec<u8>> = pair.public().into();
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "n": number(&public.n), "e": number(&public.e) })
            }
            Pair::Curve(pair) => {
                // A point of the curve, not compressed: one byte, then two numbers of 32 bytes.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({ "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "x": number(x), "y": number(y) })
            }
        }
    }

    /// Reads a key.
    ///
    /// # Errors
    /// The text is no such key; it is not repeated.
    pub fn read(text: &SecretString) -> Result<Self, &'static str> {
        // A variable of the environment may hold its lines in one.
        let text = text.expose_secret().trim().replace("\\n", "\n");
        if text.starts_with('{') {
            let jwk: Jwk = serde_json::from_str(&text).map_err(|_| NO_KEY)?;
            return Ok(Self { pair: jwk.pair().ok_or(NO_KEY)?, id: jwk.kid });
        }
        let (label, bytes) = unwrapped(&text).ok_or(NO_KEY)?;
        let pair = match label {
            "PRIVATE KEY" => plain(&bytes),
            "RSA PRIVATE KEY" => RsaKeyPair::from_der(&bytes).ok().map(|pair| Pair::Rsa(Box::new(pair))),
            "EC PRIVATE KEY" => return Err(OLD_CURVE),
            "ENCRYPTED PRIVATE KEY" => return Err(LOCKED),
            _ => None,
        };
        Ok(Self { pair: pair.ok_or(NO_KEY)?, id: None })
    }

    /// Returns how the key signs, as a token's header says it.
    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Curve(_) => "ES256",
        }
    }

    /// Signs a text.
    pub fn sign(&self, said: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (chance, refused) = (SystemRandom::new(), "the private key cannot sign");
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &chance, said, &mut signature).map_err(|_| refused)?;
                Ok(signature)
            }
            Pair::Curve(pair) => {
                pair.sign(&chance, said).map(|signature| signature.as_ref().to_vec()).map_err(|_| refused)
            }
        }
    }
}

impl Jwk {
    fn number(&self, name: &str) -> Option<Vec<u8>> {
        URL_SAFE_NO_PAD.decode(self.numbers.get(name)?.as_str()?.trim_end_matches('=')).ok()
    }

    fn pair(&self) -> Option<Pair> {
        let number = |name: &str| self.number(name);
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let components = KeyPairComponents {
                    public_key: PublicKeyComponents { n: number("n")?, e: number("e")? },
                    d: number("d")?,
                    p: number("p")?,
                    q: number("q")?,
                    dP: number("dp")?,
                    dQ: number("dq")?,
                    qInv: number("qi")?,
                };
                RsaKeyPair::from_components(&components).ok().map(|pair| Pair::Rsa(Box::new(pair)))
            }
            ("EC", Some("P-256")) => {
                let public = [vec![4], number("x")?, number("y")?].concat();
                let (form, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
                let pair = EcdsaKeyPair::from_private_key_and_public_key(form, &number("d")?, &public, &chance);
                pair.ok().map(|pair| Pair::Curve(Box::new(pair)))
            }
            _ => None,
        }
    }
}

/// Returns a word that nobody can guess and that comes once.
pub(super) fn unheard_of() -> Result<String, &'static str> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "there is no chance to be had")?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Reads PKCS#8, whichever sort of key lies in it.
fn plain(bytes: &[u8]) -> Option<Pair> {
    if let Ok(pair) = RsaKeyPair::from_pkcs8(bytes) {
        return Some(Pair::Rsa(Box::new(pair)));
    }
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes, &SystemRandom::new());
    pair.ok().map(|pair| Pair::Curve(Box::new(pair)))
}

/// Takes PEM apart: what it says it is, and what lies in it.
fn unwrapped(text: &str) -> Option<(&str, Vec<u8>)> {
    let (label, rest) = text.strip_prefix("-----BEGIN ")?.split_once("-----")?;
    let (within, _) = rest.split_once("-----END ")?;
    let within: String = within.split_whitespace().collect();
    // A locked key has lines that are no base64; that it is locked is told by its label.
    let bytes = STANDARD.decode(within);
    if label == "RSA PRIVATE KEY" && bytes.is_err() {
        Some(("ENCRYPTED PRIVATE KEY", Vec::new()))
    } else {
        Some((label, bytes.ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ECDSA_P256_SHA256_FIXED, KeyPair, UnparsedPublicKey};

    /// The example of RFC 7517, appendix A.2.
    const CURVE: &str = r#"{"kty":"EC","crv":"P-256","kid":"one",
        "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        "d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}"#;

    #[test]
    fn a_curve_key_signs_what_its_public_half_verifies_in_both_forms() {
        let chance = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &chance).unwrap();
        let pem = format!(
            "-----BEGIN {0}-----\\n{1}\\n-----END {0}-----\\n",
            "PRIVATE KEY",
            STANDARD.encode(document.as_ref())
        );
        for (text, id) in [(CURVE.to_owned(), Some("one")), (pem, None)] {
            let key = SigningKey::read(&text.into()).unwrap();
            let Pair::Curve(pair) = &key.pair else { panic!("a key of another sort") };
            let public = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref());
            public.verify(b"said", &key.sign(b"said").unwrap()).unwrap();
            assert_eq!((key.algorithm(), key.id.as_deref()), ("ES256", id));
        }
    }

    #[test]
    fn a_key_that_cannot_be_read_is_told_with_what_to_do() {
        let wrapped = |label: &str| format!("-----BEGIN {label}-----\nczNjcmV0\n-----END {label}-----");
        for (text, says) in [
            (wrapped("EC PRIVATE KEY"), "pkcs8"),
            (wrapped("ENCRYPTED PRIVATE KEY"), "password"),
            (wrapped("PRIVATE KEY"), "PEM"),
            (wrapped("PUBLIC KEY"), "PEM"),
            ("{\"kty\":\"oct\",\"k\":\"czNjcmV0\"}".to_owned(), "JWK"),
            ("s3cret".to_owned(), "JWK"),
        ] {
            let refused = SigningKey::read(&text.clone().into()).err().unwrap();
            assert!(refused.contains(says) && !refused.contains("czNj") && !refused.contains("s3cret"), "{text}");
        }
    }
}
