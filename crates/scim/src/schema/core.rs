//! The schemas that RFC 7643 itself describes: User (§4.1), Group (§4.2), Enterprise User (§4.3), common attributes (§3.1).
//! They are values like any other; a server cuts them down to what its app holds.
//! Sub-attributes of `members` other than `value` are the server's own here: clients send them in any state.

use super::{Attribute, Extension, Kind, Mutability, ResourceType, Returned, Schema, Uniqueness};
use crate::{ENTERPRISE_USER, GROUP, USER};
use std::sync::LazyLock;

/// The attributes that every resource has, whatever its schema.
pub(super) static COMMON: LazyLock<Vec<Attribute>> = LazyLock::new(|| {
    let text = |name, description| Attribute::text(name, description).exact();
    vec![
        Attribute::reference("schemas", &["uri"], "The schemas that the resource uses.")
            .many()
            .read_only()
            .returned(Returned::Always),
        text("id", "The server's own id.").read_only().returned(Returned::Always).unique(Uniqueness::Server),
        text("externalId", "The id that the client gave."),
        Attribute::complex(
            "meta",
            "What the server knows about the resource itself.",
            vec![
                text("resourceType", "The name of its type.").read_only(),
                Attribute::new("created", Kind::DateTime, "When it was made.").read_only(),
                Attribute::new("lastModified", Kind::DateTime, "When it was changed last.").read_only(),
                Attribute::reference("location", &["uri"], "Where it is.").read_only(),
                text("version", "Its version, as an ETag.").read_only(),
            ],
        )
        .read_only(),
    ]
});

impl ResourceType {
    /// Returns the User of RFC 7643 with the Enterprise extension.
    pub fn user() -> Self {
        Self {
            name: "User".into(),
            endpoint: "/Users".into(),
            description: "An account of a person.".into(),
            schema: user(),
            extensions: vec![Extension { schema: enterprise_user(), required: false }],
        }
    }

    /// Returns the Group of RFC 7643.
    pub fn group() -> Self {
        Self {
            name: "Group".into(),
            endpoint: "/Groups".into(),
            description: "A group of accounts.".into(),
            schema: group(),
            extensions: Vec::new(),
        }
    }
}

fn user() -> Schema {
    let reference = |name, types: &[&str], description| Attribute::reference(name, types, description);
    let mut schema = Schema::new(USER, "User", "An account of a person.")
        .with(
            Attribute::text("userName", "The name with which the person signs in.")
                .required()
                .unique(Uniqueness::Server),
        )
        .with(Attribute::complex("name", "The parts of the person's name.", name()))
        .with(Attribute::text("displayName", "The name that is shown."))
        .with(Attribute::text("nickName", "How the person is called."))
        .with(reference("profileUrl", &["external"], "A page about the person."))
        .with(Attribute::text("title", "The person's title in the company."))
        .with(Attribute::text("userType", "How the person belongs to the company, such as Employee or Contractor."))
        .with(Attribute::text("preferredLanguage", "The language, as in Accept-Language."))
        .with(Attribute::text("locale", "Where the person is, for dates and currencies."))
        .with(Attribute::text("timezone", "The time zone, such as Europe/Berlin."))
        .with(Attribute::boolean("active", "Whether the account can be used."))
        .with(
            Attribute::text("password", "The password; it can be set and never read.")
                .exact()
                .mutability(Mutability::WriteOnly)
                .returned(Returned::Never),
        )
        .with(many("emails", "Addresses for mail.", &["work", "home", "other"]))
        .with(many("phoneNumbers", "Numbers.", &["work", "home", "mobile", "fax", "pager", "other"]))
        .with(many(
            "ims",
            "Addresses for instant messages.",
            &["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"],
        ))
        .with(many("photos", "Pictures.", &["photo", "thumbnail"]))
        .with(Attribute::complex("addresses", "Where the person lives and works.", address()).many())
        .with(
            Attribute::complex("groups", "The groups that the person is in; they change through Groups.", membership())
                .many()
                .read_only(),
        )
        .with(many("entitlements", "What the person may do.", &[]))
        .with(many("roles", "The person's roles.", &[]))
        .with(many("x509Certificates", "Certificates.", &[]));
    retype(&mut schema, "photos", Kind::Reference, &["external"]);
    retype(&mut schema, "x509Certificates", Kind::Binary, &[]);
    schema
}

/// Gives the `value` of a multi-valued attribute another kind; its case matters then.
fn retype(schema: &mut Schema, name: &str, kind: Kind, reference_types: &[&str]) {
    let values = schema.attributes.iter_mut().filter(|attribute| attribute.name == name);
    for value in values.flat_map(|attribute| &mut attribute.sub_attributes).filter(|sub| sub.name == "value") {
        (value.kind, value.case_exact) = (kind, true);
        value.reference_types = reference_types.iter().map(|&of| of.into()).collect();
    }
}

fn name() -> Vec<Attribute> {
    vec![
        Attribute::text("formatted", "The whole name."),
        Attribute::text("familyName", "The family name."),
        Attribute::text("givenName", "The given name."),
        Attribute::text("middleName", "Names between."),
        Attribute::text("honorificPrefix", "What stands before, such as Dr."),
        Attribute::text("honorificSuffix", "What stands behind, such as III."),
    ]
}

/// Returns a list of values with the usual sub-attributes (RFC 7643 §2.4).
fn many(name: &str, description: &str, types: &[&str]) -> Attribute {
    let sub_attributes = vec![
        Attribute::text("value", "The value itself."),
        Attribute::text("display", "How the value is shown."),
        Attribute::text("type", "What the value is for.").suggest(types),
        Attribute::boolean("primary", "Whether it is the first choice; at most one is."),
    ];
    Attribute::complex(name, description, sub_attributes).many()
}

fn address() -> Vec<Attribute> {
    vec![
        Attribute::text("formatted", "The whole address, with line breaks."),
        Attribute::text("streetAddress", "Street and number."),
        Attribute::text("locality", "The town."),
        Attribute::text("region", "The state or region."),
        Attribute::text("postalCode", "The postal code."),
        Attribute::text("country", "The country, by two letters."),
        Attribute::text("type", "What the address is for.").suggest(&["work", "home", "other"]),
        Attribute::boolean("primary", "Whether it is the first choice; at most one is."),
    ]
}

fn membership() -> Vec<Attribute> {
    vec![
        Attribute::text("value", "The id of the group.").exact().read_only(),
        Attribute::reference("$ref", &["Group"], "Where the group is.").read_only(),
        Attribute::text("display", "The name of the group.").read_only(),
        Attribute::text("type", "Whether the person is in it directly.").suggest(&["direct", "indirect"]).read_only(),
    ]
}

fn group() -> Schema {
    let members = vec![
        Attribute::text("value", "The id of the member.").exact().required().mutability(Mutability::Immutable),
        Attribute::reference("$ref", &["User", "Group"], "Where the member is.").read_only(),
        Attribute::text("display", "The name of the member.").read_only(),
        Attribute::text("type", "What the member is.").suggest(&["User", "Group"]).read_only(),
    ];
    Schema::new(GROUP, "Group", "A group of accounts.")
        .with(Attribute::text("displayName", "The name of the group.").required())
        .with(Attribute::complex("members", "Who is in it.", members).many())
}

fn enterprise_user() -> Schema {
    let manager = vec![
        Attribute::text("value", "The id of the manager.").exact(),
        Attribute::reference("$ref", &["User"], "Where the manager is.").read_only(),
        Attribute::text("displayName", "The name of the manager.").read_only(),
    ];
    Schema::new(ENTERPRISE_USER, "Enterprise User", "What companies know about their people.")
        .with(Attribute::text("employeeNumber", "The number in the company."))
        .with(Attribute::text("costCenter", "The cost centre."))
        .with(Attribute::text("organization", "The organisation."))
        .with(Attribute::text("division", "The division."))
        .with(Attribute::text("department", "The department."))
        .with(Attribute::complex("manager", "Who leads the person.", manager))
}
