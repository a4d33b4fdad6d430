//! What a server offers, and the three documents that say it: ServiceProviderConfig, ResourceTypes and Schemas
//! (RFC 7643 §5 to §7, RFC 7644 §4, RFC 9865 §4). They are made from the very descriptions that bodies are read by,
//! so that nothing is advertised that is not held. Nothing here is null, for some clients stumble over it.

use crate::bulk::BulkLimits;
use crate::list::ListResponse;
use crate::schema::{ResourceType, Schema};
use crate::search::PageLimits;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The schema of ServiceProviderConfig.
pub const SERVICE_PROVIDER_CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
/// The schema of a resource type.
pub const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
/// The schema of a schema.
pub const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// What a server offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offer {
    /// The URL behind which the endpoints are, without a slash at its end.
    pub base: String,
    /// The types of resources.
    pub types: Vec<ResourceType>,
    /// How large pages are.
    pub pages: PageLimits,
    /// How long a cursor is good, in seconds.
    pub cursor_lifetime_s: i64,
    /// Whether many requests may come in one, and how many.
    pub bulk: Option<BulkLimits>,
    /// How clients say who they are.
    pub authentication: Vec<Authentication>,
    /// A page for people.
    pub documentation: Option<String>,
}

/// How clients say who they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authentication {
    /// The word of RFC 7643 §5, such as `oauthbearertoken`.
    pub of_type: String,
    /// A name for people.
    pub name: String,
    /// A sentence for people.
    pub description: String,
}

impl Offer {
    /// Returns the ServiceProviderConfig.
    pub fn service_provider_config(&self) -> Value {
        let bulk = self.bulk.unwrap_or(BulkLimits { operations_max: 0, bytes_max: 0 });
        let has_password = self.types.iter().any(|of| of.schema.attribute("password").is_some());
        let mut config = json!({
            "schemas": [SERVICE_PROVIDER_CONFIG],
            "patch": {"supported": true},
            "bulk": {
                "supported": self.bulk.is_some(), "maxOperations": bulk.operations_max, "maxPayloadSize": bulk.bytes_max,
            },
            "filter": {"supported": true, "maxResults": self.pages.size_max},
            "changePassword": {"supported": has_password},
            "sort": {"supported": true},
            "etag": {"supported": true},
            "pagination": {
                "index": true, "cursor": true, "defaultPaginationMethod": "index",
                "defaultPageSize": self.pages.size.min(self.pages.size_max), "maxPageSize": self.pages.size_max,
                "cursorTimeout": self.cursor_lifetime_s,
            },
            "authenticationSchemes": self.schemes(),
            "meta": {
                "resourceType": "ServiceProviderConfig", "location": format!("{}/ServiceProviderConfig", self.base),
            },
        });
        if let Some(page) = &self.documentation {
            config["documentationUri"] = page.as_str().into();
        }
        config
    }

    fn schemes(&self) -> Vec<Value> {
        let scheme = |(at, scheme): (usize, &Authentication)| {
            json!({
                "type": scheme.of_type, "name": scheme.name, "description": scheme.description, "primary": at == 0,
            })
        };
        self.authentication.iter().enumerate().map(scheme).collect()
    }

    /// Returns the ResourceTypes.
    pub fn resource_types(&self) -> ListResponse<Value> {
        let types: Vec<Value> = self.types.iter().map(|of| self.type_document(of)).collect();
        ListResponse::page(types.len() as u64, 1, types)
    }

    /// Returns one of the ResourceTypes, by its name in any case.
    pub fn resource_type(&self, name: &str) -> Option<Value> {
        self.types.iter().find(|of| of.name.eq_ignore_ascii_case(name)).map(|of| self.type_document(of))
    }

    fn type_document(&self, of: &ResourceType) -> Value {
        let extensions = of.extensions.iter();
        let extensions: Vec<Value> = extensions
            .map(|extension| json!({"schema": extension.schema.id, "required": extension.required}))
            .collect();
        let mut document = json!({
            "schemas": [RESOURCE_TYPE], "id": of.name, "name": of.name, "endpoint": of.endpoint,
            "description": of.description, "schema": of.schema.id,
            "meta": {"resourceType": "ResourceType", "location": format!("{}/ResourceTypes/{}", self.base, of.name)},
        });
        if !extensions.is_empty() {
            document["schemaExtensions"] = extensions.into();
        }
        document
    }

    /// Returns the Schemas, each once.
    pub fn schemas(&self) -> ListResponse<Value> {
        let documents: Vec<Value> = self.all_schemas().map(|schema| self.schema_document(schema)).collect();
        ListResponse::page(documents.len() as u64, 1, documents)
    }

    /// Returns one of the Schemas, by its URN in any case.
    pub fn schema(&self, urn: &str) -> Option<Value> {
        let mut schemas = self.all_schemas();
        schemas.find(|schema| schema.id.eq_ignore_ascii_case(urn)).map(|schema| self.schema_document(schema))
    }

    fn all_schemas(&self) -> impl Iterator<Item = &Schema> {
        let all = self
            .types
            .iter()
            .flat_map(|of| std::iter::once(&of.schema).chain(of.extensions.iter().map(|extension| &extension.schema)));
        let mut seen = BTreeSet::new();
        all.filter(move |schema| seen.insert(&schema.id))
    }

    fn schema_document(&self, schema: &Schema) -> Value {
        let mut document = Map::new();
        document.insert("schemas".into(), json!([SCHEMA]));
        if let Ok(Value::Object(described)) = serde_json::to_value(schema) {
            document.extend(described);
        }
        let location = format!("{}/Schemas/{}", self.base, schema.id);
        document.insert("meta".into(), json!({"resourceType": "Schema", "location": location}));
        Value::Object(document)
    }

    /// Returns what `meta` says of a resource; the server adds its moments.
    pub fn meta(&self, of: &ResourceType, id: &str, version: &crate::Version) -> Map<String, Value> {
        let meta =
            [("resourceType", of.name.clone()), ("location", self.location(of, id)), ("version", version.to_string())];
        meta.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    }

    /// Returns where a resource is, for `Location` and `meta.location`.
    pub fn location(&self, of: &ResourceType, id: &str) -> String {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let mut location = format!("{}{}/", self.base, of.endpoint);
        for byte in id.bytes() {
            match is_plain(byte) {
                true => location.push(byte.into()),
                false => location.push_str(&format!("%{byte:02X}")),
            }
        }
        location
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ENTERPRISE_USER, GROUP, USER, Version};

    fn offer() -> Offer {
        let mut user = ResourceType::user();
        user.schema = user.schema.only(&["userName", "active", "emails"]);
        Offer {
            base: "https://tenure.example/scim/v2/gate".into(),
            types: vec![user, ResourceType::group()],
            pages: PageLimits::default(),
            cursor_lifetime_s: 600,
            bulk: Some(BulkLimits { operations_max: 100, bytes_max: 1 << 20 }),
            authentication: vec![Authentication {
                of_type: "oauthbearertoken".into(),
                name: "Token".into(),
                description: "A bearer token.".into(),
            }],
            documentation: None,
        }
    }

    fn has_null(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(elements) => elements.iter().any(has_null),
            Value::Object(object) => object.values().any(has_null),
            _ => false,
        }
    }

    #[test]
    fn the_documents_say_what_is_there_and_nothing_else() {
        let offer = offer();
        let config = offer.service_provider_config();
        assert_eq!(config["changePassword"]["supported"], false, "this user has no password");
        assert_eq!(config["pagination"]["defaultPaginationMethod"], "index");
        assert_eq!(config["authenticationSchemes"][0]["primary"], true);
        let schemas = serde_json::to_value(offer.schemas()).unwrap();
        assert_eq!(schemas["totalResults"], 3);
        let ids: Vec<&Value> = schemas["Resources"].as_array().unwrap().iter().map(|schema| &schema["id"]).collect();
        assert_eq!(ids, [USER, ENTERPRISE_USER, GROUP]);
        let types = serde_json::to_value(offer.resource_types()).unwrap();
        assert_eq!(types["Resources"][0]["schemaExtensions"][0]["schema"], ENTERPRISE_USER);
        assert!(![&config, &schemas, &types].into_iter().any(has_null));
    }

    #[test]
    fn a_schema_that_is_read_from_its_document_is_the_one_that_is_used() {
        let offer = offer();
        let document = offer.schema(&USER.to_uppercase()).unwrap();
        assert_eq!(document["attributes"].as_array().unwrap().len(), 3);
        assert_eq!(serde_json::from_value::<Schema>(document).unwrap(), offer.types[0].schema);
        assert!(offer.schema("urn:x:y").is_none());
        assert_eq!(offer.resource_type("group").unwrap()["endpoint"], "/Groups");
    }

    #[test]
    fn a_location_survives_any_id() {
        let meta = offer().meta(&ResourceType::user(), "a/b é", &Version::counted("7"));
        assert_eq!(meta["location"], "https://tenure.example/scim/v2/gate/Users/a%2Fb%20%C3%A9");
        assert_eq!(meta["version"], "W/\"7\"");
    }
}
