use appkit::{Json, Policy, Routes, routes};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::catalogue::classes;

pub(super) fn routes() -> Routes {
    Routes::new("sharing").add(Policy::view("sharing.class.list"), routes!(class_list))
}

/// One node of the catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharingClass)]
struct ClassView {
    /// Code, such as `MF.MA.MILL5`.
    code: &'static str,
    /// The node above.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<&'static str>,
    /// 1 family, 2 class, 3 process.
    level: usize,
    /// Name in Chinese.
    zh: &'static str,
    /// Name in English.
    en: &'static str,
}

/// The three-level catalogue of capabilities, parents before children.
#[utoipa::path(get, path = "/api/v1/sharing/classes", tag = "sharing", responses((status = 200, body = Vec<ClassView>)))]
async fn class_list() -> Json<Vec<ClassView>> {
    let view = classes().iter().map(|class| ClassView {
        code: class.code,
        parent: class.parent(),
        level: class.level(),
        zh: class.zh,
        en: class.en,
    });
    Json(view.collect())
}
