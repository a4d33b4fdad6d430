//! A Gainsight user in the live dialect, with what the REST surface shows of it and what only others know. The tenant
//! keeps them, the batch reads over them, the list and SCIM show them. It decides nothing.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::shown;
use crate::table::Row;

/// A user; the last three fields are not part of this surface.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct User {
    pub gsid: String,
    pub name: String,
    pub first_name: String,
    pub last_name: String,
    pub email: String,
    #[serde(rename = "SFDCUserName")]
    pub sfdc_user_name: String,
    pub sfdc_user_id: Option<String>,
    pub license_type: String,
    pub system_type: String,
    #[serde(rename = "CompanyID")]
    pub company_id: Option<String>,
    pub manager: Option<String>,
    pub timezone: Option<String>,
    pub title: Option<String>,
    pub locale: Option<String>,
    pub is_active_user: bool,
    pub is_super_admin: bool,
    pub created_date: String,
    pub modified_date: String,
    #[serde(rename = "permissionBundles")]
    pub permission_bundles: Vec<String>,
    pub roles: Vec<String>,
    pub external_id: Option<String>,
    /// Whether the user was written to when the account was made.
    pub notified: bool,
}

impl Row for User {
    fn id(&self) -> String {
        self.gsid.clone()
    }
    fn email(&self) -> Option<&str> {
        Some(&self.email)
    }
    fn show(&self) -> Value {
        let mut shown = shown(self);
        if let Some(fields) = shown.as_object_mut() {
            fields.retain(|key, _| !matches!(key.as_str(), "Roles" | "ExternalId" | "Notified"));
        }
        shown
    }
}
