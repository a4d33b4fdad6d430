//! How each vendor words a refusal in JSON. The imitations say what is wrong; this gives it the vendor's shape. The
//! shapes are plausible rather than exact, since the guides show none; a client should live by the status.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::Vendor;
use crate::exchange::{BodyError, Reply};

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub field: String,
    pub message: String,
    pub code: &'static str,
}

impl Wrong {
    pub fn new(field: impl Into<String>, message: impl Into<String>, code: &'static str) -> Self {
        Wrong { field: field.into(), message: message.into(), code }
    }
}

/// Refuses a request as a whole.
pub(crate) fn refuse(vendor: Vendor, status: StatusCode, code: &str, message: &str) -> Reply {
    let body = match vendor {
        Vendor::Gorgias => json!({"error": {"msg": message}}),
        Vendor::Gladly => json!({"errors": [{"code": code, "detail": message}]}),
        Vendor::Freshdesk | Vendor::Freshservice => json!({"code": code, "message": message}),
        Vendor::Gainsight => json!({"result": false, "errorCode": code, "errorDesc": message}),
    };
    Reply::new(status, body)
}

/// Refuses a request because of some of its fields.
pub(crate) fn invalid(vendor: Vendor, status: StatusCode, wrongs: &[Wrong]) -> Reply {
    let body = match vendor {
        Vendor::Gorgias => {
            let fields: Map<String, Value> =
                wrongs.iter().map(|wrong| (wrong.field.clone(), json!([wrong.message]))).collect();
            json!({"error": {"msg": "Failed to validate.", "data": fields}})
        }
        Vendor::Gladly => {
            let each = |wrong: &Wrong| json!({"attr": wrong.field, "code": wrong.code, "detail": wrong.message});
            json!({"errors": wrongs.iter().map(each).collect::<Vec<_>>()})
        }
        Vendor::Freshdesk | Vendor::Freshservice => {
            let each = |wrong: &Wrong| json!({"field": wrong.field, "message": wrong.message, "code": wrong.code});
            json!({"description": "Validation failed", "errors": wrongs.iter().map(each).collect::<Vec<_>>()})
        }
        Vendor::Gainsight => {
            let text: Vec<String> = wrongs.iter().map(|wrong| format!("{}: {}", wrong.field, wrong.message)).collect();
            json!({"result": false, "errorCode": "GSOBJ_1006", "errorDesc": text.join("; ")})
        }
    };
    Reply::new(status, body)
}

pub(crate) fn not_found(vendor: Vendor) -> Reply {
    refuse(vendor, StatusCode::NOT_FOUND, "not_found", "The requested resource does not exist.")
}

pub(crate) fn not_allowed(vendor: Vendor) -> Reply {
    refuse(vendor, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This method is not allowed here.")
}

pub(crate) fn bad_body(vendor: Vendor, error: BodyError) -> Reply {
    match error {
        BodyError::NotDeclaredJson => refuse(
            vendor,
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Content-Type must be application/json.",
        ),
        BodyError::NotAnObject => {
            refuse(vendor, StatusCode::BAD_REQUEST, "invalid_json", "The body must be one JSON object.")
        }
    }
}
