//! What a scenario does to the SCIM surface of an app: switches it on in the connection, with the credential that the
//! sandbox takes, and lets the tokens of clients end before their time.

use super::scene::Scene;
use std::fs;
use tenure_sandbox::{
    FRESHDESK_SCIM_TOKEN, FRESHSERVICE_SCIM_TOKEN, GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_SECRET, GAINSIGHT_SCIM_TOKEN,
    Surface, Vendor,
};

/// Switches the surface on for some uses.
pub fn connect(scene: &Scene, vendor: Vendor, uses: &[&str]) -> Result<(), String> {
    let files = scene.stage.files().clone();
    let sandbox = scene.stage.sandbox();
    let url = sandbox.surface_url(vendor, Surface::Scim).ok_or_else(|| format!("{vendor} has no SCIM"))?;
    let is_client = sandbox.surface_url(vendor, Surface::Token).is_some();
    let secrets: &[(&str, &str)] = match vendor {
        Vendor::Freshdesk => &[("token", FRESHDESK_SCIM_TOKEN)],
        Vendor::Freshservice => &[("token", FRESHSERVICE_SCIM_TOKEN)],
        _ if is_client => &[("client_id", GAINSIGHT_SCIM_CLIENT), ("client_secret", GAINSIGHT_SCIM_SECRET)],
        _ => &[("token", GAINSIGHT_SCIM_TOKEN)],
    };
    let mut places = Vec::new();
    for (name, secret) in secrets {
        let file = format!("{vendor}-scim-{name}");
        fs::write(files.secrets.join(&file), secret).map_err(|error| format!("write secret {file}: {error}"))?;
        places.push(format!("{name} = {{ file = \"secrets/{file}\" }}"));
    }
    let uses: Vec<String> = uses.iter().map(|word| format!("{word:?}")).collect();
    let (uses, places) = (uses.join(", "), places.join(", "));
    let app = format!("app = \"{vendor}\"");
    let table = format!("{app}\nscim = {{ url = {url:?}, use = [{uses}], secrets = {{ {places} }} }}");
    scene.stage.edit(&files.config, &app, &table)
}

/// Ends all tokens that clients were given, whatever life was promised to them.
pub fn end_tokens(scene: &Scene) {
    scene.stage.sandbox().revoke_tokens();
}
