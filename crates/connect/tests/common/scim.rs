//! What the tests of SCIM share: connectors with the surface on, and the people whom they change.
//! The truth is asked of the sandbox's world, not here.

use super::*;
use secrecy::SecretString;
use tenure_connect::{CheckLine, ErrorKind, ScimSettings, ScimUse, Secrets};
use tenure_sandbox::{
    FRESHDESK_SCIM_TOKEN, FRESHSERVICE_SCIM_TOKEN, GAINSIGHT_SCIM_CLIENT, GAINSIGHT_SCIM_SECRET, GAINSIGHT_SCIM_TOKEN,
    Surface,
};

pub const CHLOE: &str = "chloe.martin@acme.example";
pub const JANE: &str = "jane.doe@acme.example";
pub const PRIYA: &str = "priya.nair@acme.example";
/// The apps that have the surface, each with somebody who is active there.
pub const SURFACES: [(Vendor, Kind, &str); 3] = [
    (Vendor::Freshdesk, Kind::Agent, JANE),
    (Vendor::Freshservice, Kind::Agent, PRIYA),
    (Vendor::Gainsight, Kind::User, CHLOE),
];

/// Starts a sandbox whose three apps with the surface speak one dialect, with single sign-on and seats enough.
pub async fn signed_on(dialect: &str) -> Sandbox {
    let vendors = SURFACES.map(|(vendor, ..)| vendor);
    let sandbox = if dialect == "guide" { sandbox().await } else { live_sandbox(&vendors).await };
    for vendor in vendors {
        sandbox.world().set_sso(vendor, true);
        sandbox.world().set_seats(vendor, 1000);
    }
    sandbox
}

/// Names secrets.
pub fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned().into())).collect()
}

/// Returns the credential of the surface.
pub fn own(vendor: Vendor, dialect: &str) -> BTreeMap<String, SecretString> {
    match (vendor, dialect) {
        (Vendor::Freshdesk, _) => map(&[("token", FRESHDESK_SCIM_TOKEN)]),
        (Vendor::Freshservice, _) => map(&[("token", FRESHSERVICE_SCIM_TOKEN)]),
        (_, "guide") => map(&[("token", GAINSIGHT_SCIM_TOKEN)]),
        _ => map(&[("client_id", GAINSIGHT_SCIM_CLIENT), ("client_secret", GAINSIGHT_SCIM_SECRET)]),
    }
}

/// Settings with SCIM on, at the app's own address but for Freshservice, whose host the sandbox cannot be.
pub fn scim_on(sandbox: &Sandbox, vendor: Vendor, dialect: &str, uses: &[ScimUse]) -> Settings {
    let mut settings = settings(sandbox, vendor).speaking(dialect).unwrap();
    let said = vendor == Vendor::Freshservice;
    let mut scim =
        ScimSettings { url: sandbox.surface_url(vendor, Surface::Scim).filter(|_| said), ..Default::default() };
    if !uses.is_empty() {
        scim.uses = uses.iter().copied().collect();
    }
    settings.scim = Some(scim);
    settings
}

/// Connects with secrets of the surface.
pub fn connect_with(settings: Settings, vendor: Vendor, scim: BTreeMap<String, SecretString>) -> Connector {
    Connector::new(settings, Secrets { rest: secrets(vendor), scim }).unwrap()
}

/// Connects with the surface on.
pub fn connect_scim(sandbox: &Sandbox, vendor: Vendor, dialect: &str, uses: &[ScimUse]) -> Connector {
    connect_with(scim_on(sandbox, vendor, dialect, uses), vendor, own(vendor, dialect))
}

/// Pulls and returns how it ended.
pub async fn end_of(connector: &Connector) -> (Coverage, Option<String>, Option<ErrorKind>) {
    let mut stream = connector.pull(PullStart::default());
    loop {
        match stream.next().await {
            Some(PullEvent::End { coverage, because, error, .. }) => return (coverage, because, error),
            Some(PullEvent::Page { .. }) => {}
            None => panic!("no end"),
        }
    }
}

/// Changes somebody who is there.
pub async fn change(connector: &Connector, kind: Kind, email: &str, changes: &[Change]) -> Result<(), ConnectError> {
    let key = find_one(connector, kind, email).await.key;
    perform(connector, Effect::Update, kind, Some(&key), changes).await.map(|_| ())
}

/// Returns one line of a check.
pub fn line_of<'l>(lines: &'l [CheckLine], what: &str) -> &'l CheckLine {
    lines.iter().find(|line| line.what == what).unwrap_or_else(|| panic!("{what}: {lines:?}"))
}

/// Settings with SCIM on at a wire before the surface, and that wire.
pub async fn wired(sandbox: &Sandbox, vendor: Vendor, dialect: &str, uses: &[ScimUse]) -> (Connector, wire::Wire) {
    let surface = sandbox.surface_url(vendor, Surface::Scim).unwrap();
    let wire = wire::Wire::before_url(sandbox, &surface).await;
    let mut settings = scim_on(sandbox, vendor, dialect, uses);
    settings.scim.as_mut().unwrap().url = Some(wire.url.clone());
    (connect_with(settings, vendor, own(vendor, dialect)), wire)
}
