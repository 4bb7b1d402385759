use appkit::Right;
use axum::http::Method;
use serde_json::json;
use testkit::Api;

use super::{administrator, colleague};

/// Every door of identity, with every credential that is not enough for it.
#[tokio::test]
async fn every_door_is_closed_to_those_it_is_not_for() {
    let h = testkit::host(|b| b).await;
    let admin = administrator(&h).await;
    let (_, viewer) = colleague(&h, &admin, "viewer", &["viewer"]).await;
    let made = admin.post("/api/v1/tokens", json!({ "name": "t", "roles": ["viewer"] })).await.expect(201);
    let nobody = Api::new(&h.host);
    let robot = nobody.bearer(made.body["token"].as_str().unwrap());
    let (mut closed, mut open) = (0, 0);
    for route in h.host.route_table().iter().filter(|route| route.module == "identity") {
        let path = route.path.replace("{id}", "usr_00000000000000000000000000000001");
        let method: Method = route.method.parse().unwrap();
        if route.policy.right == Right::Public {
            open += 1;
            continue;
        }
        let wrong = nobody.bearer("bgt_made-up");
        for stranger in [&nobody, &wrong] {
            stranger.call(method.clone(), &path, Some(json!({}))).await.expect(401);
        }
        if !matches!(route.policy.right, Right::View | Right::SignedIn) {
            for lower in [&viewer, &robot] {
                let answer = lower.call(method.clone(), &path, Some(json!({}))).await.expect(403);
                assert_eq!(answer.code(), "appkit.caller.not-allowed", "{} {path}", route.method);
            }
        }
        closed += 1;
    }
    assert!(closed >= 20 && open == 3, "{closed} closed, {open} open: setup, its state, and signing in");
}
