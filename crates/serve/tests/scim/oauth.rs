//! OAuth client credentials at the door: a client changes its id and secret for access, in each way that clients have, and is
//! told in OAuth's words why not.

use crate::desk::Desk;
use serde_json::Value;

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_client_speaks_scim_with_what_it_got_for_its_id_and_secret() {
    let desk = Desk::open().await;
    let client = desk.client_of("gorgias").await;
    let secret = client.token.as_str();
    let id = secret.split('_').nth(1).unwrap();
    let body = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=scim");
    let given = desk.send("POST", "/oauth/token", FORM, &body).await;
    assert_eq!(
        (given.status, &given.body["token_type"], &given.body["scope"]),
        (200, &"Bearer".into(), &"scim:gorgias".into())
    );
    assert!(given.head.contains("cache-control: no-store"), "{}", given.head);
    let access = given.body["access_token"].as_str().unwrap().to_owned();
    let read = |access: String| {
        let desk = &desk;
        async move {
            let headers = format!("Authorization: Bearer {access}\r\n");
            desk.send("GET", "/scim/v2/gorgias/Users?count=1", &headers, "").await.status
        }
    };
    assert_eq!(read(access).await, 200);
    // "id:secret" in base64, by hand: the test knows no more of it than a client's author.
    let basic = format!("{FORM}Authorization: Basic {}\r\n", base64(&format!("{id}:{secret}")));
    let given = desk.send("POST", "/oauth/token", &basic, "grant_type=client_credentials").await;
    assert_eq!(given.status, 200, "{given:?}");
    assert_eq!(read(given.body["access_token"].as_str().unwrap().to_owned()).await, 200);
    let error = |body: Value| body["error"].as_str().unwrap_or_default().to_owned();
    for (body, status, word) in [
        (format!("grant_type=client_credentials&client_id={id}&client_secret=tnr_x"), 401, "invalid_client"),
        (format!("grant_type=password&client_id={id}&client_secret={secret}"), 400, "unsupported_grant_type"),
        ("client_id=x".to_owned(), 400, "invalid_request"),
        ("grant_type=client_credentials".to_owned(), 401, "invalid_client"),
        (format!("grant_type=client_credentials&x={}", "y".repeat(20_000)), 400, "invalid_request"),
    ] {
        let refused = desk.send("POST", "/oauth/token", FORM, &body).await;
        assert_eq!((refused.status, error(refused.body)), (status, word.to_owned()), "{}", refused.head);
    }
}

fn base64(text: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut written = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let number = chunk.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            match place <= chunk.len() {
                true => written.push(char::from(LETTERS[(number >> (18 - 6 * place)) as usize & 63])),
                false => written.push('='),
            }
        }
    }
    written
}
