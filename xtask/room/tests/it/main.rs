//! The room through its doors, on every database: one target, linked once.

use appkit::Role;
use serde_json::json;

#[tokio::test]
async fn what_is_kept_is_there_for_its_own_organisation_only() {
    for h in testkit::hosts(|builder| builder.module(ROOM_SNAKE::module())).await {
        testkit::Api::new(&h.host).get("/api/v1/ROOM_NAME/notes").await.expect(401);
        let (mine, ours) = testkit::member(&h.host, "甲", &[Role::Admin]).await;
        let (_, theirs) = testkit::member(&h.host, "乙", &[Role::Admin]).await;
        ours.post("/api/v1/ROOM_NAME/notes", json!({ "text": "ours" })).await.expect(201);
        assert_eq!(ours.get("/api/v1/ROOM_NAME/notes").await.expect(200).body, json!(["ours"]), "{}", h.engine);
        assert_eq!(theirs.get("/api/v1/ROOM_NAME/notes").await.expect(200).body, json!([]));
        let viewer = testkit::token(&h.host, mine, &[Role::Viewer]).await;
        viewer.post("/api/v1/ROOM_NAME/notes", json!({ "text": "no" })).await.expect(403);
        let refused = ours.post("/api/v1/ROOM_NAME/notes", json!({ "text": "" })).await.expect(400);
        assert_eq!(refused.code(), "ROOM_NAME.note.text");
    }
}
