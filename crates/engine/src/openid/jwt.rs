//! A signed token: taken apart, and its signature checked with the keys of whoever should have signed it.
//! Only signatures by a private key are known: neither none nor one by a shared secret can be mistaken for one.
//! What the claims mean is for `claims`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
    RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use tenure_connect::Jwk;

const TOKEN_LEN_MAX: usize = 256 * 1024;

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Untrusted {
    #[error("it is no signed token")]
    Form,
    #[error("it is signed by {0:?}, which is not taken")]
    Algorithm(String),
    #[error("it asks for an extension that is not known")]
    Critical,
    #[error("none of the provider's keys fits it")]
    NoKey,
    #[error("its signature is wrong")]
    Signature,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

/// How a signature is checked, and which keys can have made it.
enum Check {
    Rsa(&'static RsaParameters),
    Curve(&'static str, &'static dyn VerificationAlgorithm),
}

fn check_of(alg: &str) -> Option<Check> {
    Some(match alg {
        "RS256" => Check::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Check::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Check::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Check::Rsa(&RSA_PSS_2048_8192_SHA256),
        "PS384" => Check::Rsa(&RSA_PSS_2048_8192_SHA384),
        "PS512" => Check::Rsa(&RSA_PSS_2048_8192_SHA512),
        "ES256" => Check::Curve("P-256", &ECDSA_P256_SHA256_FIXED),
        "ES384" => Check::Curve("P-384", &ECDSA_P384_SHA384_FIXED),
        "EdDSA" => Check::Curve("Ed25519", &ED25519),
        _ => return None,
    })
}

impl Check {
    /// Tells whether a key is of the kind that can have made such a signature.
    fn fits(&self, key: &Jwk) -> bool {
        match self {
            Self::Rsa(_) => key.kty == "RSA",
            Self::Curve(crv, _) => {
                let kty = if *crv == "Ed25519" { "OKP" } else { "EC" };
                key.kty == kty && key.crv.as_deref() == Some(crv)
            }
        }
    }

    fn verify(&self, key: &Jwk, signed: &[u8], by: &[u8]) -> Option<()> {
        let part = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?.trim_end_matches('=')).ok();
        match self {
            Self::Rsa(parameters) => {
                let (n, e) = (part(&key.n)?, part(&key.e)?);
                // Some providers write a sign byte before the modulus.
                let n = n.iter().position(|byte| *byte != 0).map(|at| &n[at..])?;
                RsaPublicKeyComponents { n, e: e.as_slice() }.verify(parameters, signed, by).ok()
            }
            Self::Curve("Ed25519", _) => {
                UnparsedPublicKey::new(&signature::ED25519, part(&key.x)?).verify(signed, by).ok()
            }
            Self::Curve(_, algorithm) => {
                let point = [vec![4], part(&key.x)?, part(&key.y)?].concat();
                UnparsedPublicKey::new(*algorithm, point).verify(signed, by).ok()
            }
        }
    }
}

/// Checks who signed a token, and returns what it says.
pub(super) fn verify(token: &str, keys: &[Jwk]) -> Result<Map<String, Value>, Untrusted> {
    let (signed, by) = token.rsplit_once('.').filter(|_| token.len() <= TOKEN_LEN_MAX).ok_or(Untrusted::Form)?;
    let (header, claims) = signed.split_once('.').ok_or(Untrusted::Form)?;
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Untrusted::Form);
    let header: Header = serde_json::from_slice(&part(header)?).map_err(|_| Untrusted::Form)?;
    let check = check_of(&header.alg).ok_or_else(|| Untrusted::Algorithm(header.alg.chars().take(20).collect()))?;
    if header.crit.is_some() {
        return Err(Untrusted::Critical);
    }
    let key = find(&header, &check, keys).ok_or(Untrusted::NoKey)?;
    check.verify(key, signed.as_bytes(), &part(by)?).ok_or(Untrusted::Signature)?;
    serde_json::from_slice(&part(claims)?).map_err(|_| Untrusted::Form)
}

/// Returns the key that a token names; one that names none is checked with the only key that fits, where there is one.
fn find<'a>(header: &Header, check: &Check, keys: &'a [Jwk]) -> Option<&'a Jwk> {
    let fits = |key: &&Jwk| {
        check.fits(key)
            && key.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && key.alg.as_ref().is_none_or(|alg| *alg == header.alg)
            && (header.kid.is_none() || header.kid == key.kid)
    };
    let mut fitting = keys.iter().filter(fits);
    let first = fitting.next()?;
    fitting.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::hmac;
    use serde_json::json;

    /// A token as providers sign them, and the public half of the key that signed it; the other half is gone.
    const SIGNED: &str = concat!(
        "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsxIn0.eyJzdWIiOiJ1MSJ9.gwydwwJTrfl33jJ7k9BYoAfXNnG9hYVj8wnFu5NslKPJVb8",
        "59_tByqSJCk6NIh1tK1G-viT9BhvQsNl90MuHGu7M9CsGak4ex7m6zcJjX0vKY3kuP5bzg_yzzRPTwCRvQtl2kQDsPEAOZOndYIA",
        "TGFr8AsS1yCjUKtyXoH6FPmszHdXhPZxQEhGze2BckiRQbxe_qx86FtMVn_abDNnbFqUdnt_tcWTg4pRI77VOH9LsYaKSD3YGdV1",
        "itQ8REyX64_A76fpJKU5KFeuxesuDKXqS8pcSwWZl4O6Zhu1wCJyzQxKyNfPzVwEnYU_XF5dfwMhUjhC2UdHrZjWwZxPuAA"
    );
    const MODULUS: &str = concat!(
        "2KIrbeE-P21A19FSgrpRQmNKZHrC9BS25KbruqOUyxYC-ClP-px8cm-t0N_X-uRB8lgG5XvjRMiS8un_80BF54Oyp3uNhNTUUhvt",
        "B-mSfTGoo9WJKSUvn2Jrq93ZoWjnYXEXexxEkqf79fkbfw0xWJ7rtMWYLlc9qOH7vK9VTGnNDpKUKzyeEJj-eAUpyXTvVsPypmPv",
        "UALqja2Pb6TgDVyitJLGYsYxrZW5a6AOQ4q1Yy36fCYBlhhM-_wQjT3_JcNNwk3dPSOPbybeccQgoqaway1ZDFPmnFl_g5nep2E7",
        "GH1ONMLQ3yhS7lMlDpUNWfJK0wllb7ySs-rFQvqzFw"
    );

    fn key(more: Value) -> Jwk {
        let mut key = json!({ "kty": "RSA", "kid": "k1", "use": "sig", "alg": "RS256", "n": MODULUS, "e": "AQAB" });
        more.as_object().into_iter().flatten().for_each(|(name, value)| key[name] = value.clone());
        serde_json::from_value(key).unwrap()
    }

    fn part(value: &Value) -> String {
        URL_SAFE_NO_PAD.encode(value.to_string())
    }

    #[test]
    fn a_token_is_believed_by_the_key_that_it_names() {
        let keys = [key(json!({ "kid": "k0" })), key(json!({}))];
        assert_eq!(verify(SIGNED, &keys).unwrap().get("sub"), Some(&json!("u1")));
        assert_eq!(verify(SIGNED, &keys[..1]), Err(Untrusted::NoKey));
        let other = URL_SAFE_NO_PAD.encode(vec![0xf1; 256]);
        assert_eq!(verify(SIGNED, &[key(json!({ "n": other }))]), Err(Untrusted::Signature));
        for unfit in [json!({ "use": "enc" }), json!({ "alg": "RS512" }), json!({ "kty": "EC" })] {
            assert_eq!(verify(SIGNED, &[key(unfit)]), Err(Untrusted::NoKey));
        }
        let (head, signature) = SIGNED.rsplit_once('.').unwrap();
        let header = head.split_once('.').unwrap().0;
        let forged = format!("{header}.{}.{signature}", part(&json!({ "sub": "root" })));
        assert_eq!(verify(&forged, &keys), Err(Untrusted::Signature));
    }

    #[test]
    fn a_token_without_a_private_signature_is_none() {
        let keys = [key(json!({}))];
        let claims = part(&json!({ "sub": "root" }));
        for alg in ["none", "None", "HS256", "RS1", ""] {
            let signed = format!("{}.{claims}", part(&json!({ "alg": alg, "kid": "k1" })));
            // Signed with the public key as if it were a secret that both sides share.
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, MODULUS.as_bytes()), signed.as_bytes());
            for by in ["", &URL_SAFE_NO_PAD.encode(tag)] {
                assert_eq!(verify(&format!("{signed}.{by}"), &keys), Err(Untrusted::Algorithm(alg.into())));
            }
        }
        let critical = format!("{}.{claims}.AA", part(&json!({ "alg": "RS256", "kid": "k1", "crit": ["b64"] })));
        assert_eq!(verify(&critical, &keys), Err(Untrusted::Critical));
        for broken in ["", "a.b", "a.b.c", "....", "e30.e30.e30", &"x".repeat(TOKEN_LEN_MAX + 1)] {
            assert_eq!(verify(broken, &keys), Err(Untrusted::Form), "{broken:.20}");
        }
    }
}
