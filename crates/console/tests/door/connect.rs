//! Adding a connection in the browser: the file gains it beside what stands there, once it is known to be good; else it stays.

use crate::stage::{MIA, Stage, stage_of_now as stage};
use std::fs;
use tenure_core::role::Role;

impl Stage {
    fn file(&self) -> String {
        fs::read_to_string(&self.house.config.file).unwrap()
    }

    /// Reads its files anew whenever somebody asks, as the daemon does; `failed` is what comes of it.
    fn reloads(&self, failed: Option<&str>) {
        let (reload, failed) = (self.house.reload.clone(), failed.map(str::to_owned));
        tokio::spawn(async move {
            loop {
                reload.asked().await;
                reload.end(failed.clone());
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_admin_adds_a_connection_and_the_file_keeps_what_stands_there() {
    let stage = stage("# ours, with a word").await;
    stage.reloads(None);
    let (cookie, key) = stage.signed_in(MIA, Role::Admin).await;
    let page = stage.get("/connect/csv", &cookie).await;
    assert!(
        page.body.contains("Look at its rights and add it") && page.body.contains("name=\"key.path\""),
        "{}",
        page.body
    );
    let before = stage.file();
    let form = format!("form_key={key}&name=branch&key.path=people.csv&key.every=2h&source=on");
    let added = stage.ask("POST", "/connect/csv/add", &cookie, &form).await;
    assert_eq!((added.status, added.says("location")), (303, "/connect/csv?done=added"), "{added:?}");
    let after = stage.file();
    assert!(after.starts_with(&before), "{after}");
    let lines = "\n[connections.branch]\napp = \"csv\"\nsource = true\nevery = \"2h\"\npath = \"people.csv\"\n";
    assert_eq!(&after[before.len()..], lines);
    let journal = stage.house.store.read_journal(0, 10).await.unwrap();
    let told = journal.last().unwrap();
    assert_eq!(
        (told.event.as_str(), told.actor.as_str(), &told.body["connection"]),
        ("connection_added", MIA, &"branch".into())
    );
    let again = stage.ask("POST", "/connect/csv/add", &cookie, &form).await;
    assert!(again.status == 409 && again.body.contains("there already"), "{again:?}");
    let left = fs::read_dir(stage.house.config.file.parent().unwrap()).unwrap();
    let strange = left.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.'));
    assert_eq!(strange.count(), 0, "nothing is left beside the file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_not_good_leaves_the_file_as_it_is() {
    let stage = stage("").await;
    stage.reloads(None);
    let (cookie, key) = stage.signed_in(MIA, Role::Admin).await;
    let before = stage.file();
    let wrong = [
        ("csv", "name=a&key.path=nowhere.csv&source=on", "nowhere.csv"),
        ("csv", "name=a+b&key.path=people.csv", "letters, digits"),
        ("csv", "name=a&key.path=people.csv&key.every=soon&source=on", "no time between two reads"),
        ("csv", "name=a&key.path=people.csv&key.every=0h&source=on", "no time between two reads"),
        ("gorgias", "name=a&key.account=acme&place.email=TENURE_NOT_SET&place.token=TENURE_NOT_SET", "TENURE_NOT_SET"),
        ("gorgias", "name=a&key.account=acme&place.email=E&place.token=s3cret-value", "not the secret itself"),
        ("gorgias", "name=a&key.account=acme&place.email=E&kind.token=file&place.token=..%2Fx", "whole path"),
        ("gorgias", "name=a&key.url=http%3A%2F%2Fevil.example&place.email=E&place.token=E", "https"),
        ("gorgias", "name=a&place.email=E&place.token=E", "account"),
    ];
    for (app, fields, says) in wrong {
        let answer =
            stage.ask("POST", &format!("/connect/{app}/add"), &cookie, &format!("form_key={key}&{fields}")).await;
        assert!(answer.status == 409 && answer.body.contains(says), "{fields}: {answer:?}");
        assert!(!answer.body.contains("s3cret-value"), "{answer:?}");
        assert_eq!(stage.file(), before, "{fields}");
    }
    assert_eq!(stage.ask("POST", "/connect/none/add", &cookie, &format!("form_key={key}")).await.status, 404);
    let (operator, key) = stage.signed_in(MIA, Role::Operator).await;
    let refused = stage.ask("POST", "/connect/csv/add", &operator, &format!("form_key={key}&name=a")).await;
    assert_eq!(refused.status, 403);
    let page = stage.get("/connect/csv", &operator).await;
    assert!(
        !page.body.contains("add it") && page.body.contains("In tenure.toml"),
        "who may not is shown what to write"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_read_anew_is_told() {
    let stage = stage("").await;
    stage.reloads(Some("tenure.toml:9: something else is wrong"));
    let (cookie, key) = stage.signed_in(MIA, Role::Admin).await;
    let form = format!("form_key={key}&name=branch&key.path=people.csv&source=on");
    let added = stage.ask("POST", "/connect/csv/add", &cookie, &form).await;
    assert!(added.status == 409 && added.body.contains("something else is wrong"), "{added:?}");
}
