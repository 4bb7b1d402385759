//! ROOM_ZH (ROOM_EN).
//!
//! Doors: `domain` (pure rules), `app` (use cases, one transaction each), `store` (SQL), `http` (one file per noun).

mod app;
mod domain;
mod http;
mod store;

use appkit::Module;

/// The only door other crates may use.
pub fn module() -> Module {
    Module::named("ROOM_NAME")
        .migrations(&[("0001_ROOM_SNAKE", include_str!("../migrations/0001_ROOM_SNAKE.sql"))])
        .routes(http::routes())
        .texts(include_str!("../locale/zh.json"))
}
