use std::{sync::Arc, time::Instant};

use appkit::{Caller, HostBuilder, Role, identity};
use axum::http::{HeaderMap, Method};
use kernel::Duration;
use serde_json::json;
use testkit::{Api, hosts};

use super::{PASSWORD, WRONG, administrator, cookie, delete, facts, set_up, sign_in, try_sign_in};

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
    for h in hosts(|b| b).await {
        let api = set_up(&h).await;
        let answer = try_sign_in(&api, " LIN ", PASSWORD).await.expect(200);
        let set = answer.header("set-cookie").unwrap();
        for part in ["baigong_session=", "Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
            assert!(set.contains(part), "{set}");
        }
        let mine = api.with("cookie", &cookie(&answer));
        assert_eq!(mine.get("/api/v1/session").await.expect(200).body["user"]["login"], "lin");
        let token = || json!({ "name": "t", "roles": ["viewer"] });
        // A change with a cookie needs proof that it comes from this site itself.
        for (headers, fine) in [
            (vec![], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("origin", "https://evil.example"), ("host", "127.0.0.1:7400")], false),
            (vec![("origin", "null"), ("host", "127.0.0.1:7400")], false),
            (vec![("origin", "http://127.0.0.1:7400"), ("host", "127.0.0.1:7400")], true),
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "none")], true),
        ] {
            let browser = headers.iter().fold(mine.clone(), |api, (name, value)| api.with(name, value));
            let answer = browser.post("/api/v1/tokens", token()).await;
            if fine {
                answer.expect(201);
            } else {
                assert_eq!(answer.expect(403).code(), "identity.request.cross-site", "{headers:?}");
            }
        }
        let foreign = api.with("sec-fetch-site", "cross-site");
        assert_eq!(try_sign_in(&foreign, "lin", PASSWORD).await.expect(403).code(), "identity.request.cross-site");
    }
}

#[tokio::test]
async fn it_ends_when_idle_and_after_twelve_hours_in_any_case() {
    for h in hosts(|b| b).await {
        let mine = administrator(&h).await;
        for _ in 0..2 {
            h.clock.advance(Duration::from_mins(29));
            mine.get("/api/v1/session").await.expect(200);
        }
        h.clock.advance(Duration::from_mins(31));
        assert_eq!(mine.get("/api/v1/session").await.expect(401).code(), "identity.credential.unknown");

        let mine = sign_in(&Api::new(&h.host), "lin", PASSWORD).await;
        for _ in 0..24 {
            h.clock.advance(Duration::from_mins(29));
            mine.get("/api/v1/session").await.expect(200);
        }
        h.clock.advance(Duration::from_mins(25));
        mine.get("/api/v1/session").await.expect(401);
    }
}

#[tokio::test]
async fn a_clock_that_goes_backwards_keeps_nobody_in() {
    let h = testkit::host(|b| b).await;
    let mine = administrator(&h).await;
    h.clock.advance(Duration::from_mins(-120));
    mine.get("/api/v1/session").await.expect(401);
}

#[tokio::test]
async fn how_long_it_lasts_is_configured() {
    let config =
        identity::Config { idle_minutes: 5, absolute_hours: 1, cookie_secure: true, ..identity::Config::default() };
    let h = testkit::host(|b: HostBuilder| b.port(Arc::new(config))).await;
    let api = set_up(&h).await;
    let answer = try_sign_in(&api, "lin", PASSWORD).await.expect(200);
    assert!(answer.header("set-cookie").unwrap().ends_with("Max-Age=3600; Secure"));
    let mine = api.with("cookie", &cookie(&answer));
    h.clock.advance(Duration::from_mins(6));
    mine.get("/api/v1/session").await.expect(401);
}

#[tokio::test]
async fn a_live_stream_is_not_somebody_being_there() {
    let h = testkit::host(|b| b).await;
    let answer = try_sign_in(&set_up(&h).await, "lin", PASSWORD).await.expect(200);
    let mut headers = HeaderMap::new();
    headers.insert("cookie", cookie(&answer).parse().unwrap());
    headers.insert("upgrade", "websocket".parse().unwrap());
    let ask = async || identity::authenticate(&h.host, &Method::GET, &headers).await;
    for _ in 0..3 {
        h.clock.advance(Duration::from_mins(10));
        assert_eq!(ask().await.unwrap().roles, [Role::Admin, Role::Platform]);
    }
    h.clock.advance(Duration::from_mins(1));
    assert_eq!(ask().await.unwrap_err().code, "identity.credential.unknown");
}

#[tokio::test]
async fn signing_out_and_ending_others_takes_effect_at_once() {
    for h in hosts(|b| b).await {
        let here = administrator(&h).await;
        let there = sign_in(&Api::new(&h.host), "lin", PASSWORD).await;
        let list = here.get("/api/v1/sessions").await.expect(200).body;
        assert_eq!(list.as_array().unwrap().len(), 2);
        let other = list.as_array().unwrap().iter().find(|s| s["current"] == false).unwrap();
        delete(&here, &format!("/api/v1/sessions/{}", other["id"].as_str().unwrap())).await.expect(200);
        there.get("/api/v1/session").await.expect(401);
        delete(&here, "/api/v1/session").await.expect(204);
        here.get("/api/v1/session").await.expect(401);
        assert_eq!(facts(&h.host, "identity.session.ended").await, 2);
    }
}

#[tokio::test]
async fn the_twenty_first_ends_the_oldest() {
    let h = testkit::host(|b| b).await;
    let first = administrator(&h).await;
    let mut last = first.clone();
    for _ in 0..20 {
        first.get("/api/v1/session").await.expect(200);
        h.clock.advance(Duration::from_secs(1));
        last = sign_in(&Api::new(&h.host), "lin", PASSWORD).await;
    }
    first.get("/api/v1/session").await.expect(401);
    assert_eq!(last.get("/api/v1/sessions").await.expect(200).body.as_array().unwrap().len(), 20);
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_and_the_old_one_is_needed() {
    let h = testkit::host(|b| b).await;
    let (here, there) = (administrator(&h).await, sign_in(&Api::new(&h.host), "lin", PASSWORD).await);
    let change = async |current: &str, new: &str| {
        here.post("/api/v1/session/password", json!({ "current": current, "new": new })).await
    };
    assert_eq!(change(WRONG, "nine tall ferns bend").await.expect(401).code(), "identity.session.refused");
    assert_eq!(change(PASSWORD, "linlinlinlin12").await.expect(400).code(), "identity.password.weak");
    change(PASSWORD, "nine tall ferns bend").await.expect(200);
    here.get("/api/v1/session").await.expect(200);
    there.get("/api/v1/session").await.expect(401);
    try_sign_in(&Api::new(&h.host), "lin", PASSWORD).await.expect(401);
    try_sign_in(&Api::new(&h.host), "lin", "nine tall ferns bend").await.expect(200);
    for _ in 0..5 {
        change(WRONG, PASSWORD).await;
    }
    assert_eq!(change("nine tall ferns bend", PASSWORD).await.expect(429).code(), "identity.session.throttled");
}

#[tokio::test]
async fn guessing_is_slowed_down_also_when_it_is_done_all_at_once() {
    let h = testkit::host(|b| b).await;
    let api = set_up(&h).await;
    let guesses: Vec<_> = (0..40).map(|_| try_sign_in(&api, "lin", WRONG)).collect();
    let answers = futures(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.code() == "identity.session.refused").count();
    let refused = answers.iter().filter(|answer| answer.code() == "identity.session.throttled").count();
    assert_eq!((looked_at, refused), (5, 35));
    try_sign_in(&api, "lin", PASSWORD).await.expect(429);
    h.clock.advance(Duration::from_mins(16));
    try_sign_in(&api, "lin", PASSWORD).await.expect(200);
}

async fn futures<F: Future>(all: Vec<F>) -> Vec<F::Output> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = all.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, slot) in all.iter_mut().zip(&mut done).filter(|(_, slot)| slot.is_none()) {
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

#[tokio::test]
async fn an_unknown_login_gets_the_same_answer_after_the_same_time() {
    let h = testkit::host(|b| b).await;
    let api = set_up(&h).await;
    let mut fastest = [u128::MAX; 2];
    for round in 0..4 {
        for (place, login) in [(0, "lin".to_owned()), (1, format!("nobody{round}"))] {
            let begin = Instant::now();
            let answer = try_sign_in(&api, &login, WRONG).await.expect(401);
            fastest[place] = fastest[place].min(begin.elapsed().as_micros());
            assert_eq!((answer.code(), answer.header("set-cookie")), ("identity.session.refused", None));
        }
    }
    // Without the hash it would be a hundred times faster.
    assert!(fastest[1] * 2 > fastest[0] && fastest[0] * 2 > fastest[1], "{fastest:?} µs");
}

#[tokio::test]
async fn endless_logins_and_passwords_are_not_worked_on() {
    let h = testkit::host(|b| b).await;
    let api = set_up(&h).await;
    let long = "x".repeat(100_000);
    assert_eq!(try_sign_in(&api, &long, PASSWORD).await.expect(401).code(), "identity.session.refused");
    assert_eq!(try_sign_in(&api, "lin", &long).await.expect(401).code(), "identity.session.refused");
}

#[tokio::test]
async fn a_wrong_cookie_is_refused_and_does_not_keep_anybody_from_signing_in() {
    let h = testkit::host(|b| b).await;
    let api = set_up(&h).await.with("cookie", "baigong_session=made-up");
    api.get("/api/v1/machines").await.expect(404);
    assert_eq!(api.get("/api/v1/session").await.expect(401).code(), "identity.credential.unknown");
    try_sign_in(&api, "lin", PASSWORD).await.expect(200);
    let anonymous = identity::authenticate(&h.host, &Method::GET, &HeaderMap::new()).await.unwrap();
    assert_eq!(anonymous, Caller::anonymous());
}
