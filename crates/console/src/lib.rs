//! The console: pages for people over HTTP, rendered on the server, complete without a script.
//! `places` is the one list of what is answered to whoever is signed in, each with what they must be allowed to do there, and
//! `doors` that of the ways in; `gate` asks before any place answers. Reads go to the store, acts through the engine; nothing is judged here, and no page holds
//! a secret.

mod gate;
mod sign;
mod openid;
mod frame;
mod failure;
mod judged;
mod past;
mod live;
mod words;
mod isolate;
mod draw;
mod trends;
mod steps;
mod today;
mod plan;
mod people;
mod person;
mod holders;
mod apps;
mod matching;
mod leaver;
mod trace;
mod rules;
mod connect;
mod audit;
mod admit;
mod squeeze;
mod assets;

use axum::Router;
use axum::http::Method;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;
use tenure_core::role::Deed;
use tenure_engine::house::House;
use tenure_engine::openid::Providers;
use tokio::sync::Semaphore;

/// What all pages stand on.
pub(crate) struct Console {
    /// The house.
    pub house: Arc<House>,
    /// What judging the company came to, a short while ago.
    pub judged: judged::Judged,
    /// The plan that was looked at last.
    pub plans: steps::Plans,
    /// Places for pages that wait to be told that something happened.
    pub streams: Arc<Semaphore>,
    /// How often somebody tried to sign in in vain.
    pub attempts: sign::Attempts,
    /// The providers by which people sign in.
    pub providers: Providers,
    /// How many more may be asked about at providers at this moment.
    pub asked: Semaphore,
}

pub(crate) type Shared = Arc<Console>;

/// One thing that is answered to whoever is signed in.
pub struct Place {
    /// How it is asked for.
    pub method: Method,
    /// Where.
    pub path: &'static str,
    /// What its visitor must be allowed to do.
    pub deed: Deed,
    answer: MethodRouter<Shared>,
}

/// One thing that is answered to whoever comes, signed in or not: the ways in, and the look of the pages.
pub struct Door {
    /// How it is asked for.
    pub method: Method,
    /// Where.
    pub path: &'static str,
    answer: MethodRouter<Shared>,
}

/// Everything that is answered to whoever comes.
pub fn doors() -> Vec<Door> {
    let door = |method, path, answer| Door { method, path, answer };
    vec![
        door(Method::GET, "/sign-in", get(sign::page)),
        door(Method::POST, "/sign-in", post(sign::sign_in)),
        door(Method::GET, "/sign-in/{provider}", get(openid::begin)),
        door(Method::GET, "/sign-in/{provider}/back", get(openid::land)),
        door(Method::POST, "/sign-in/{provider}/logout", post(openid::end)),
        door(Method::GET, "/assets/{name}", get(assets::asset)),
    ]
}

fn look(path: &'static str, answer: MethodRouter<Shared>) -> Place {
    Place { method: Method::GET, path, deed: Deed::Look, answer }
}

fn act(path: &'static str, deed: Deed, answer: MethodRouter<Shared>) -> Place {
    Place { method: Method::POST, path, deed, answer }
}

/// Everything that is answered to whoever is signed in, with what it asks of them: the table of who may do what.
pub fn places() -> Vec<Place> {
    vec![
        look("/", get(today::page)),
        look("/plan", get(plan::newest)),
        look("/plans/{plan}", get(plan::page)),
        act("/plans", Deed::Operate, post(plan::make)),
        act("/plans/{plan}/approve", Deed::Approve, post(plan::approve)),
        act("/plans/{plan}/reject", Deed::Approve, post(plan::reject)),
        act("/plans/{plan}/release", Deed::Approve, post(plan::release)),
        act("/plans/{plan}/withhold", Deed::Approve, post(plan::take_back)),
        act("/plans/{plan}/apply", Deed::Operate, post(plan::apply)),
        look("/people", get(people::page)),
        look("/people/{person}", get(person::page)),
        act("/people/{person}/leave", Deed::Operate, post(person::leave)),
        look("/leavers", get(leaver::list)),
        look("/leavers/{person}", get(leaver::page)),
        look("/apps", get(apps::list)),
        look("/apps/{connection}", get(apps::page)),
        act("/apps/{connection}/pull", Deed::Operate, post(apps::pull)),
        look("/match", get(matching::page)),
        act("/match", Deed::Operate, post(matching::decide)),
        look("/steps/{step}", get(trace::page)),
        look("/rules", get(rules::page)),
        act("/rules", Deed::Operate, post(rules::attempt)),
        look("/connect", get(connect::list)),
        look("/connect/{app}", get(connect::page)),
        act("/connect/{app}/check", Deed::Operate, post(connect::check)),
        act("/connect/{app}/add", Deed::Admit, post(connect::add)),
        look("/audit", get(audit::page)),
        look("/audit/verify", get(audit::verify)),
        look("/audit/export.csv", get(audit::export)),
        look("/audit/print", get(audit::print)),
        look("/live", get(live::stream)),
        act("/stop", Deed::Stop, post(today::stop)),
        act("/resume", Deed::Stop, post(today::resume)),
        act("/as-of", Deed::Look, post(audit::as_of)),
        Place { method: Method::GET, path: "/sessions", deed: Deed::Admit, answer: get(admit::page) },
        act("/sessions/invite", Deed::Admit, post(admit::invite)),
        act("/sessions/end", Deed::Admit, post(admit::end)),
        act("/sign-out", Deed::Look, post(sign::out)),
    ]
}

/// Answers everything of the console: the doors to whoever comes, the places to whoever is signed in.
pub fn router(house: Arc<House>) -> Router {
    let console: Shared = Arc::new(Console {
        providers: Providers::of(&house),
        asked: Semaphore::new(openid::ASKED_MAX),
        house,
        judged: judged::Judged::default(),
        plans: steps::Plans::default(),
        streams: Arc::new(Semaphore::new(live::STREAMS_MAX)),
        attempts: sign::Attempts::default(),
    });
    let doors = doors().into_iter();
    let mut router = doors.fold(Router::new(), |router, door| router.route(door.path, door.answer));
    for place in places() {
        let answer = gate::guard(place.answer, place.deed, &console);
        router = router.route(place.path, answer);
    }
    gate::dress(router, &console).with_state(console)
}
