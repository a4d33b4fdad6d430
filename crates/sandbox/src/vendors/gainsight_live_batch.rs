//! What a batch of Gainsight users may say in the live dialect: its records, the look-ups that resolve a manager, and
//! the permission bundles with the one word above them that says whether they are added or replace. The tenant reads
//! each record over a user with it. It writes nothing.

use serde_json::{Map, Value, json};

use super::gainsight_live_user::User;
use crate::exchange::Call;
use crate::fields::{Fields, Sent, is_iana};

/// How many users one call may carry.
pub(super) const RECORDS_MAX: usize = 50;

pub(super) const LICENSES: [&str; 5] = ["Full", "Viewer", "Viewer Analytics", "Internal Collaborators", "External"];
const TYPES: [&str; 3] = ["Internal", "External", "Guest Partner"];
const BUNDLES: [&str; 4] = ["Administration", "Client Resources", "CSM Standard", "Reporting"];
const WRITABLE: [&str; 15] = [
    "Name",
    "FirstName",
    "LastName",
    "Email",
    "SFDCUserName",
    "SfdcUserId",
    "LicenseType",
    "SystemType",
    "CompanyID",
    "Manager",
    "Timezone",
    "Title",
    "Locale",
    "IsActiveUser",
    "permissionBundles",
];

/// Which of the two batches it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Update,
}

/// What is wrong with a batch or with one of its records.
pub(super) struct Flaw {
    pub code: &'static str,
    pub says: String,
}

impl Flaw {
    pub fn told(&self, index: usize) -> Value {
        json!({"index": index, "errorCode": self.code, "errorDesc": self.says})
    }
}

impl Act {
    pub fn code(self) -> &'static str {
        if self == Act::Create { "GU_2401" } else { "GU_2402" }
    }

    pub fn says(self) -> &'static str {
        if self == Act::Create { "Bulk user create failed" } else { "Bulk user update failed" }
    }

    pub fn flaw(self, says: String) -> Flaw {
        Flaw { code: self.code(), says }
    }
}

/// Whether bundles are added to those there are or take their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bundling {
    Append,
    Overwrite,
}

/// How a field of the record becomes the GSID of a manager.
struct Lookup {
    /// The field of the record and the field of the user that it is compared with.
    fields: (String, String),
    must_match: bool,
}

pub(super) struct Batch {
    pub records: Vec<Map<String, Value>>,
    lookup: Option<Lookup>,
    bundling: Bundling,
}

impl Batch {
    pub fn read(call: &Call, act: Act) -> Result<Self, Flaw> {
        let object = call.object().map_err(|_| act.flaw("The body must be one JSON object.".into()))?;
        let mut fields = Fields::new(object);
        fields.allow_only(&["records", "lookups", "permissionBundleAction"]);
        let records = fields.objects("records").value().unwrap_or_default();
        let lookups = fields.object("lookups").value().unwrap_or_default();
        let bundling = match fields.text("permissionBundleAction").value().as_deref() {
            None | Some("append") => Bundling::Append,
            Some("overwrite") => Bundling::Overwrite,
            Some(_) => return Err(act.flaw("permissionBundleAction is append or overwrite.".into())),
        };
        fields.finish().map_err(|wrongs| act.flaw(format!("{}: {}", wrongs[0].field, wrongs[0].message)))?;
        if records.is_empty() || records.len() > RECORDS_MAX {
            return Err(act.flaw(format!("A call takes 1 to {RECORDS_MAX} records.")));
        }
        Ok(Batch { records, lookup: read_lookup(&lookups)?, bundling })
    }

    /// Replaces the field that the look-up names by the manager whom it finds.
    pub fn resolve<'a>(
        &self,
        record: &mut Map<String, Value>,
        act: Act,
        mut users: impl Iterator<Item = &'a User>,
    ) -> Result<(), Flaw> {
        let Some(Lookup { fields: (source, field), must_match }) = &self.lookup else { return Ok(()) };
        let Some(wanted) = record.remove(source).and_then(|value| value.as_str().map(str::to_lowercase)) else {
            return Ok(());
        };
        let value = |user: &User| if field == "Email" { user.email.clone() } else { user.sfdc_user_name.clone() };
        match users.find(|user| value(user).to_lowercase() == wanted) {
            Some(user) => record.insert("Manager".into(), user.gsid.clone().into()),
            None if *must_match => return Err(act.flaw("Manager: the look-up finds nobody".into())),
            None => record.insert("Manager".into(), Value::Null),
        };
        Ok(())
    }
}

/// Reads the one look-up that concerns users: `Manager`, by e-mail or user name.
fn read_lookup(lookups: &Map<String, Value>) -> Result<Option<Lookup>, Flaw> {
    let flaw = |says: &str| Flaw { code: "GU_2403", says: says.into() };
    let Some((target, rule)) = lookups.iter().next() else { return Ok(None) };
    if lookups.len() > 1 || target != "Manager" {
        return Err(flaw("Only Manager can be looked up."));
    }
    let text = |key: &str| rule.get(key).and_then(Value::as_str);
    let pair = rule.get("fields").and_then(Value::as_object).and_then(|fields| fields.iter().next());
    let pair = pair.and_then(|(source, field)| Some((source.clone(), field.as_str()?.to_string())));
    let Some(fields) = pair.filter(|(_, field)| field == "Email" || field == "SFDCUserName") else {
        return Err(flaw("fields must name one field and Email or SFDCUserName."));
    };
    if text("lookupField") != Some("Gsid")
        || !text("objectName").is_some_and(|name| name.eq_ignore_ascii_case("gsuser"))
    {
        return Err(flaw("lookupField is Gsid and objectName is gsuser."));
    }
    match text("onNoMatch") {
        Some("ERROR") => Ok(Some(Lookup { fields, must_match: true })),
        None | Some("NULLABLE") => Ok(Some(Lookup { fields, must_match: false })),
        Some(_) => Err(flaw("onNoMatch is ERROR or NULLABLE.")),
    }
}

/// Reads a record over a user, or tells the first thing that is wrong with it.
pub(super) fn read_over(user: &mut User, record: Map<String, Value>, batch: &Batch, act: Act) -> Result<(), Flaw> {
    if record.contains_key("IsSuperAdmin") {
        return Err(act.flaw("IsSuperAdmin: it can't be set here".into()));
    }
    let fixed = [
        ("Gsid", Some(user.gsid.clone())),
        ("SFDCUserName", Some(user.sfdc_user_name.clone())),
        ("SfdcUserId", user.sfdc_user_id.clone()),
    ];
    let moved = fixed.iter().find(|(key, is)| record.get(*key).is_some_and(|sent| sent.as_str() != is.as_deref()));
    if let (Act::Update, Some((key, _))) = (act, moved) {
        return Err(act.flaw(format!("{key}: a key can't be changed")));
    }
    let mut fields = Fields::new(record);
    let allowed: Vec<&str> = WRITABLE.into_iter().chain((act == Act::Update).then_some("Gsid")).collect();
    fields.allow_only(&allowed);
    read_names(user, &mut fields);
    fields.email("Email").set(&mut user.email);
    fields.solid_text("SFDCUserName").set(&mut user.sfdc_user_name);
    fields.text("SfdcUserId").store(&mut user.sfdc_user_id);
    one_of(&mut fields, "LicenseType", &LICENSES).set(&mut user.license_type);
    one_of(&mut fields, "SystemType", &TYPES).set(&mut user.system_type);
    fields.text("CompanyID").store(&mut user.company_id);
    fields.text("Manager").store(&mut user.manager);
    let timezone = fields.text("Timezone");
    if matches!(&timezone, Sent::Value(zone) if !is_iana(zone)) {
        fields.wrong("Timezone", "It is no time zone.", "invalid_value");
    }
    timezone.store(&mut user.timezone);
    fields.text("Title").store(&mut user.title);
    fields.text("Locale").store(&mut user.locale);
    fields.flag("IsActiveUser").set(&mut user.is_active_user);
    read_bundles(user, &mut fields, batch.bundling);
    require(user, &mut fields);
    fields.finish().map_err(|wrongs| act.flaw(format!("{}: {}", wrongs[0].field, wrongs[0].message)))
}

/// Reads the three names; the whole one is made of the parts, and the parts of the whole, where one side is silent.
fn read_names(user: &mut User, fields: &mut Fields) {
    let (first, last, whole) = (fields.text("FirstName"), fields.text("LastName"), fields.solid_text("Name"));
    let parts_sent = matches!((&first, &last), (Sent::Value(_), _) | (_, Sent::Value(_)));
    first.set(&mut user.first_name);
    last.set(&mut user.last_name);
    match whole {
        Sent::Value(name) => {
            if !parts_sent {
                let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
                (user.first_name, user.last_name) = (first.into(), last.into());
            }
            user.name = name;
        }
        _ if parts_sent => user.name = format!("{} {}", user.first_name, user.last_name).trim().into(),
        _ => {}
    }
}

fn one_of(fields: &mut Fields, field: &str, known: &[&str]) -> Sent<String> {
    let sent = fields.solid_text(field);
    if matches!(&sent, Sent::Value(text) if !known.contains(&text.as_str())) {
        fields.wrong(field, &format!("It must be one of {}.", known.join(", ")), "invalid_value");
    }
    sent
}

fn read_bundles(user: &mut User, fields: &mut Fields, bundling: Bundling) {
    let Sent::Value(bundles) = fields.texts("permissionBundles") else { return };
    if let Some(bundle) = bundles.iter().find(|bundle| !BUNDLES.contains(&bundle.as_str())) {
        fields.wrong("permissionBundles", &format!("There is no bundle `{bundle}`."), "invalid_value");
    }
    if bundling == Bundling::Overwrite {
        user.permission_bundles.clear();
    }
    let new = bundles.into_iter().filter(|bundle| !user.permission_bundles.contains(bundle)).collect::<Vec<_>>();
    user.permission_bundles.extend(new);
}

/// Looks for what a user of this type must have.
fn require(user: &User, fields: &mut Fields) {
    let external = user.system_type == "External";
    let needed = [
        ("Email", user.email.is_empty() && !external),
        ("SFDCUserName", user.sfdc_user_name.is_empty() && !external),
        ("Name", user.name.is_empty()),
        ("CompanyID", user.company_id.is_none() && external),
    ];
    for (field, _) in needed.iter().filter(|(_, missing)| *missing) {
        fields.wrong(field, "It is mandatory.", "missing_field");
    }
}
