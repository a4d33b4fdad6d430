//! Another admin, who creates an account by the vendor's own API, or pages, while a plan is waiting; and another
//! integration, which asks again and again and uses up what the tenant allows. Plain requests, each on a connection of
//! its own, with the owner's credential.
//! It knows the least body that each vendor accepts and nothing of the product.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tenure_sandbox::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Creates an account.
pub async fn invite(sandbox: &Sandbox, vendor: Vendor, email: &str, name: &str) -> Result<(), String> {
    let dialect = sandbox.dialect(vendor);
    if (vendor, dialect) == (Vendor::Gladly, Dialect::Live) {
        let rows = format!("name,email,roles\n{name},{email},Agent\n");
        return sandbox.world().import(vendor, &rows).map(|_| ());
    }
    let (path, body) = request(vendor, dialect, email, name);
    let status = post(sandbox, vendor, path, &body).await.map_err(|error| error.to_string())?;
    if (200..300).contains(&status) { Ok(()) } else { Err(format!("{vendor} answered {status} to another admin")) }
}

fn request(vendor: Vendor, dialect: Dialect, email: &str, name: &str) -> (&'static str, Value) {
    let (first, last) = name.split_once(' ').unwrap_or((name, "Person"));
    match vendor {
        Vendor::Gorgias => ("/users", json!({"email": email, "name": name})),
        Vendor::Gladly => ("/agents", json!({"emailAddress": email, "name": name, "role": "AGENT"})),
        Vendor::Freshdesk => ("/agents", json!({"email": email, "name": name, "ticket_scope": 2})),
        Vendor::Freshservice => {
            let address = if dialect == Dialect::Live { "primary_email" } else { "email" };
            ("/requesters", json!({"first_name": first, "last_name": last, address: email}))
        }
        Vendor::Gainsight if dialect == Dialect::Live => {
            let record = json!({"Name": name, "Email": email, "SFDCUserName": email, "LicenseType": "Full"});
            ("/users/services", json!({"records": [record]}))
        }
        Vendor::Gainsight => {
            ("/users", json!({"email": email, "firstName": first, "lastName": last, "role": "Standard User"}))
        }
    }
}

/// Asks for what is not there, so often a second, until it is stopped.
pub async fn eat(address: std::net::SocketAddr, vendor: Vendor, credential: String, per_second: u32) {
    let prefix = vendor.prefix();
    let head = format!("GET {prefix}/nothing HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{credential}\r\n\r\n");
    loop {
        if let Ok(mut stream) = TcpStream::connect(address).await {
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.take(64 * 1024).read_to_end(&mut Vec::new()).await;
        }
        tokio::time::sleep(std::time::Duration::from_secs(1) / per_second.max(1)).await;
    }
}

/// Returns the header of the owner's credential.
pub fn credential(vendor: Vendor) -> String {
    let basic =
        |name: &str, password: &str| format!("Authorization: Basic {}", STANDARD.encode(format!("{name}:{password}")));
    match vendor {
        Vendor::Gorgias => basic(GORGIAS_EMAIL, GORGIAS_TOKEN),
        Vendor::Gladly => basic(GLADLY_USERNAME, GLADLY_SECRET),
        Vendor::Freshdesk => basic(FRESHDESK_API_KEY, "X"),
        Vendor::Freshservice => basic(FRESHSERVICE_API_KEY, "X"),
        Vendor::Gainsight => format!("Accesskey: {GAINSIGHT_ACCESS_KEY}"),
    }
}

async fn post(sandbox: &Sandbox, vendor: Vendor, path: &str, body: &Value) -> std::io::Result<u16> {
    let (text, prefix, credential) = (body.to_string(), vendor.prefix(), credential(vendor));
    let head = format!("POST {prefix}{path} HTTP/1.1\r\nHost: sandbox\r\nConnection: close\r\n{credential}\r\n");
    let kind = "Content-Type: application/json";
    let request = format!("{head}{kind}\r\nContent-Length: {}\r\n\r\n{text}", text.len());
    let mut stream = TcpStream::connect(sandbox.addr()).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    Ok(answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0))
}
