//! What the words of a URL mean (RFC 7644 §3.2, table 2): `/Users/42`, `/Groups/.search`, `/Me`, `/Bulk`.
//! Slashes too many and names in another case are tolerated; so are `/scim` and `/v2` before them.
//! It knows the types that it is handed; whether a method is allowed there is told, and what it does is not.

use crate::bulk::Method;
use crate::error::ScimError;
use crate::schema::ResourceType;
use crate::search::decode;

/// Where a request goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint<'a> {
    /// All resources of a type: `/Users`.
    All(&'a ResourceType),
    /// One resource: `/Users/42`.
    One(&'a ResourceType, String),
    /// A search of a type, or of all types: `/Users/.search`, `/.search`.
    Search(Option<&'a ResourceType>),
    /// Whoever asks: `/Me`.
    Me,
    /// Many requests in one: `/Bulk`.
    Bulk,
    /// What the server can do: `/ServiceProviderConfig`.
    ServiceProviderConfig,
    /// The types, or one: `/ResourceTypes/User`.
    ResourceTypes(Option<String>),
    /// The schemas, or one: `/Schemas/urn:…`.
    Schemas(Option<String>),
}

impl<'a> Endpoint<'a> {
    /// Reads the path behind the server's base, without a query.
    ///
    /// # Errors
    /// 404: there is no such place.
    pub fn read(path: &str, types: &'a [ResourceType]) -> Result<Self, ScimError> {
        let missing = || ScimError::new(404, "there is nothing at this path");
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let words: Result<Vec<String>, _> = path.split('/').filter(|word| !word.is_empty()).map(decode_word).collect();
        let words = words?;
        let mut words: &[String] = &words;
        for prefix in ["scim", "v2"] {
            words = match words {
                [first, rest @ ..] if first.eq_ignore_ascii_case(prefix) => rest,
                all => all,
            };
        }
        let (first, rest) = words.split_first().ok_or_else(missing)?;
        let named = |name: &str| first.eq_ignore_ascii_case(name);
        let of = types.iter().find(|of| named(of.endpoint.trim_matches('/')));
        match (of, rest) {
            (Some(of), []) => Ok(Self::All(of)),
            (Some(of), [search]) if search.eq_ignore_ascii_case(".search") => Ok(Self::Search(Some(of))),
            (Some(of), [id]) => Ok(Self::One(of, id.clone())),
            (None, []) if named(".search") => Ok(Self::Search(None)),
            (None, []) if named("Me") => Ok(Self::Me),
            (None, []) if named("Bulk") => Ok(Self::Bulk),
            (None, []) if named("ServiceProviderConfig") => Ok(Self::ServiceProviderConfig),
            (None, [] | [_]) if named("ResourceTypes") => Ok(Self::ResourceTypes(rest.first().cloned())),
            (None, [] | [_]) if named("Schemas") => Ok(Self::Schemas(rest.first().cloned())),
            _ => Err(missing()),
        }
    }

    /// Returns the methods that make sense there, for `Allow` and a 405.
    pub fn methods(&self) -> &'static [Method] {
        match self {
            Self::All(_) => &[Method::Get, Method::Post],
            Self::One(..) | Self::Me => &[Method::Get, Method::Put, Method::Patch, Method::Delete],
            Self::Search(_) | Self::Bulk => &[Method::Post],
            Self::ServiceProviderConfig | Self::ResourceTypes(_) | Self::Schemas(_) => &[Method::Get],
        }
    }
}

/// Decodes a word of a path, in which `+` is itself.
fn decode_word(word: &str) -> Result<String, ScimError> {
    decode(&word.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Vec<ResourceType> {
        vec![ResourceType::user(), ResourceType::group()]
    }

    #[test]
    fn each_word_is_known() {
        let types = types();
        let (user, group) = (&types[0], &types[1]);
        for (path, endpoint) in [
            ("/Users", Endpoint::All(user)),
            ("/Users/a%2Fb%20c+d", Endpoint::One(user, "a/b c+d".into())),
            ("/Groups/.search", Endpoint::Search(Some(group))),
            ("/.search", Endpoint::Search(None)),
            ("/Me", Endpoint::Me),
            ("/Bulk", Endpoint::Bulk),
            ("/ServiceProviderConfig", Endpoint::ServiceProviderConfig),
            ("/ResourceTypes", Endpoint::ResourceTypes(None)),
            ("/Schemas/urn:x:y", Endpoint::Schemas(Some("urn:x:y".into()))),
        ] {
            assert_eq!(Endpoint::read(path, &types), Ok(endpoint), "{path}");
        }
        for path in ["", "/", "/Devices", "/Users/1/2", "/Me/1", "/Schemas/a/b", "/v2"] {
            assert_eq!(Endpoint::read(path, &types).unwrap_err().status, 404, "{path}");
        }
    }

    #[test]
    fn a_place_tells_its_methods() {
        let types = types();
        assert_eq!(Endpoint::read("/Users", &types).unwrap().methods(), [Method::Get, Method::Post]);
        assert_eq!(Endpoint::read("/Bulk", &types).unwrap().methods(), [Method::Post]);
        assert!(Endpoint::read("/Users/1", &types).unwrap().methods().contains(&Method::Patch));
    }
}
