//! Steps that go together, over real HTTP: how many requests they take, and what each comes to when some are refused,
//! when the whole is refused without a word, and when the answer is lost. Only one vendor takes several records at once.

mod common;

use common::*;
use serde_json::json;
use tenure_connect::{ConnectError, ErrorKind, Look, Performed};
use tenure_core::abilities::Effect;
use tenure_core::account::{AccountKey, AccountState, Kind};
use tenure_core::change::Change;
use tenure_sandbox::{Habit, Vendor};

/// A new colleague's fields.
fn colleague(number: usize) -> Vec<Change> {
    let email = format!("new.{number}@acme.example");
    [
        field("email", email.as_str()),
        field("user_name", email.as_str()),
        field("given_name", "New"),
        field("family_name", format!("Colleague {number}")),
        field("name", format!("New Colleague {number}")),
        field("license_type", "Viewer"),
    ]
    .into()
}

/// Performs several acts of one effect together, each looked at afterwards.
async fn all(
    tenant: &Scene,
    effect: Effect,
    acts: Vec<(Option<AccountKey>, Vec<Change>)>,
) -> Vec<Result<Performed, ConnectError>> {
    let together = tenant.connector.together(acts.len()).into_iter().zip(acts);
    let each = together.map(|(connector, (key, changes))| async move {
        let done = perform(&connector, effect, Kind::User, key.as_ref(), &changes).await;
        if let Ok(performed) = &done {
            assert!(matches!(connector.read(&performed.account).await, Look::Found(_)));
        }
        done
    });
    futures::future::join_all(each).await
}

#[tokio::test]
async fn sixty_accounts_take_two_requests_and_each_keeps_its_own_id() {
    let tenant = Scene::of(Vendor::Gainsight, "live", 40).await;
    let made = all(&tenant, Effect::Create, (0..60).map(|number| (None, colleague(number))).collect()).await;
    for (number, performed) in made.iter().enumerate() {
        let truth = tenant.truth(&format!("new.{number}"));
        assert_eq!(truth["Gsid"], performed.as_ref().unwrap().account.id.as_str());
        assert_eq!(truth["LastName"], format!("Colleague {number}"));
    }
    let writes = tenant.wire.writes();
    let sizes: Vec<usize> = writes.iter().map(|sent| sent.body["records"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [50, 10]);
    assert_eq!(tenant.wire.sent().len(), 4, "each request of writes is read back with one: {:?}", tenant.wire.lines());
    tenant.wire.forget();
    let keys: Vec<AccountKey> = made.into_iter().map(|performed| performed.unwrap().account).collect();
    let leave = keys.iter().map(|key| (Some(key.clone()), Vec::new())).collect();
    assert!(all(&tenant, Effect::Suspend, leave).await.iter().all(Result::is_ok));
    let writes = tenant.wire.writes();
    let sizes: Vec<usize> = writes.iter().map(|sent| sent.body.as_array().unwrap().len()).collect();
    assert_eq!((sizes, writes[0].path.as_str()), (vec![50, 10], "/users/services/status"));
    assert_eq!(read(&tenant.connector, &keys[59]).await.state, AccountState::Suspended);
}

#[tokio::test]
async fn a_bad_record_is_refused_by_its_own_error_and_the_others_are_made_all_the_same() {
    for habit in [Habit::BatchInPart, Habit::BatchAsAWhole] {
        let tenant = Scene::of(Vendor::Gainsight, "live", 40).await;
        tenant.sandbox.world().set_habit(Vendor::Gainsight, habit);
        let mut people: Vec<Vec<Change>> = (0..6).map(colleague).collect();
        people[2][0] = field("email", "chloe.martin@acme.example");
        people[4].push(field("manager", "1P01NOBODY"));
        let made = all(&tenant, Effect::Create, people.into_iter().map(|changes| (None, changes)).collect()).await;
        for (number, done) in made.iter().enumerate() {
            match (number, done) {
                (2, Err(error)) => assert_eq!((error.kind, error.may_have_happened), (ErrorKind::Duplicate, false)),
                (4, Err(error)) => assert!(error.text.contains("no such user") && !error.may_have_happened, "{error}"),
                (_, Ok(performed)) => {
                    assert_eq!(tenant.truth(&format!("new.{number}"))["Gsid"], performed.account.id.as_str());
                }
                other => panic!("{habit:?}: {other:?}"),
            }
        }
        let sizes: Vec<usize> =
            tenant.wire.writes().iter().map(|sent| sent.body["records"].as_array().unwrap().len()).collect();
        let expected: &[usize] = if habit == Habit::BatchInPart { &[6] } else { &[6, 4] };

        assert_eq!(sizes, expected, "{habit:?}");
    }
}

#[tokio::test]
async fn a_request_that_is_refused_without_a_word_is_split_until_the_bad_record_is_alone() {
    let refuse = |sent: &wire::Sent| {
        let records = sent.body["records"].as_array().cloned().unwrap_or_default();
        let bad = records.iter().any(|record| record["LastName"] == "Colleague 3");
        bad.then(|| (400, json!({"result": false, "errorCode": "GU_2401", "errorDesc": "Bulk user create failed"})))
    };
    let tenant = Scene::refusing(Vendor::Gainsight, "live", refuse).await;
    let made = all(&tenant, Effect::Create, (0..8).map(|number| (None, colleague(number))).collect()).await;
    for (number, done) in made.iter().enumerate() {
        assert_eq!(done.is_ok(), number != 3, "{number}: {done:?}");
    }
    assert_eq!(tenant.wire.writes().len(), 7, "8, 4 and 4, 2 and 2, 1 and 1");
    assert!(!made[3].as_ref().unwrap_err().may_have_happened);
    assert!(tenant.sandbox.world().find(Vendor::Gainsight, "new.3@acme.example").is_none());
}

#[tokio::test]
async fn the_first_lack_of_a_licence_ends_the_splitting() {
    let refuse = |sent: &wire::Sent| {
        let creates = sent.body.get("records").is_some();
        creates.then(|| (400, json!({"result": false, "errorCode": "GU_2401", "errorDesc": "No licenses left"})))
    };
    let tenant = Scene::refusing(Vendor::Gainsight, "live", refuse).await;
    let made = all(&tenant, Effect::Create, (0..8).map(|number| (None, colleague(number))).collect()).await;
    assert!(made.iter().all(|done| done.as_ref().is_err_and(|error| error.kind == ErrorKind::SeatLimit)), "{made:?}");
    assert_eq!(tenant.wire.writes().len(), 4, "8, 4, 2 and 1, and nobody asks for another");
}

#[tokio::test]
async fn a_lost_answer_leaves_every_record_in_doubt() {
    let tenant = Scene::of(Vendor::Gainsight, "live", 40).await;
    tenant.sandbox.set_faults(vec!["cut-after:app=gainsight,path=/users/services,count=1".parse().unwrap()]);
    let made = all(&tenant, Effect::Create, (0..3).map(|number| (None, colleague(number))).collect()).await;
    assert!(made.iter().all(|done| done.as_ref().is_err_and(|error| error.may_have_happened)), "{made:?}");
    assert_eq!(tenant.wire.writes().len(), 1, "and nothing is sent again by itself");
}
