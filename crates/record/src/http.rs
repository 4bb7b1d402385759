//! The endpoints, one file per noun beside its domain. Who may see a record is decided when it is delivered: its owner, who
//! takes part in it, and whoever holds a grant; everybody else gets the answer of an object that does not exist.

use appkit::{Caller, Host, Object, Routes};
use kernel::{Error, Result, id::PartyId};
use serde::{Deserialize, Serialize};

use crate::{agreement, case, claim, commitment, event, evidence, item, ledger, meter, offer, party, resource, trace};

pub(crate) fn routes() -> Routes {
    Routes::new("record")
        .merge(party::http::routes())
        .merge(item::http::routes())
        .merge(resource::http::routes())
        .merge(offer::http::routes())
        .merge(agreement::http::routes())
        .merge(commitment::http::routes())
        .merge(event::http::routes())
        .merge(meter::http::routes())
        .merge(meter::reading_http::routes())
        .merge(evidence::http::routes())
        .merge(claim::http::routes())
        .merge(claim::invoice_http::routes())
        .merge(ledger::http::routes())
        .merge(case::http::routes())
        .merge(trace::routes())
}

/// Refuses, as if there were no such record, unless the caller's organisation owns it, takes part in it or holds a grant.
pub(crate) async fn visible(
    host: &Host,
    caller: &Caller,
    action: &'static str,
    kind: &'static str,
    id: impl ToString,
    parties: &[PartyId],
) -> Result<()> {
    let Some((owner, others)) = parties.split_first() else { return Err(hidden()) };
    let object = Object::owned(kind, *owner).id(id).participants(others.iter().copied());
    host.access().check(caller, action, &object).await
}

/// Whether a look-up that found nothing is told like one that may not be seen.
pub(crate) fn same_answer<T>(found: Result<T>) -> Result<T> {
    found.map_err(|error| if error.kind == kernel::ErrorKind::NotFound { hidden() } else { error })
}

/// Refuses unless the caller's organisation takes part; for changes, where a grant is not enough.
pub(crate) fn takes_part(caller: &Caller, parties: &[PartyId]) -> Result<()> {
    if parties.contains(&caller.tenant) { Ok(()) } else { Err(hidden()) }
}

fn hidden() -> Error {
    Error::not_found("appkit.object.not-found", "there is no such object, or it is not for you")
}

/// A step of a state machine.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = record::StepRequest)]
pub(crate) struct StepRequest {
    /// The next state.
    pub to: String,
    /// Why, where a reason is demanded.
    #[serde(default)]
    pub reason: String,
}

/// The cursor of a list in journal order.
pub(crate) fn seq_cursor(page: &appkit::PageQuery) -> Result<i64> {
    match page.after() {
        "" => Ok(0),
        text => text.parse().map_err(|_| {
            Error::invalid("record.page.cursor", "the cursor is not one of this list")
                .hint("pass back what the page before said")
        }),
    }
}

/// The cursor of a list by id: part of an id, and nothing else.
pub(crate) fn id_cursor(page: &appkit::PageQuery) -> Result<&str> {
    let after = page.after();
    if after.len() <= 80 && after.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(after);
    }
    Err(Error::invalid("record.page.cursor", "the cursor is not one of this list")
        .hint("pass back what the page before said"))
}

/// A handler that lists a noun by id for the caller's organisation.
macro_rules! list_handler {
    ($(#[$doc:meta])* $name:ident, $path:literal, $tag:literal, $view:ty, $list:path) => {
        $(#[$doc])*
        #[utoipa::path(get, path = $path, tag = $tag, params(appkit::PageQuery), responses((status = 200, body = Page<$view>)))]
        async fn $name(
            axum::extract::State(host): axum::extract::State<appkit::Host>,
            caller: appkit::Caller,
            appkit::Query(page): appkit::Query<appkit::PageQuery>,
        ) -> appkit::Result<appkit::Json<appkit::Page<$view>>> {
            let limit = page.limit()?;
            let rows = $list(&mut host.db(), caller.tenant, crate::http::id_cursor(&page)?, limit + 1).await?;
            Ok(appkit::Json(appkit::Page::of(rows.into_iter().map(<$view>::from).collect(), limit, |row: &$view| row.id.to_string())))
        }
    };
}

/// A handler that shows one record to those who may see it.
macro_rules! get_handler {
    ($(#[$doc:meta])* $name:ident, $path:literal, $tag:literal, $id:ty, $view:ty, $get:path, $kind:literal, $action:literal, |$row:ident| $parties:expr) => {
        $(#[$doc])*
        #[utoipa::path(get, path = $path, tag = $tag, params(("id" = String, Path)), responses((status = 200, body = $view), (status = 404, body = appkit::Problem)))]
        async fn $name(
            axum::extract::State(host): axum::extract::State<appkit::Host>,
            caller: appkit::Caller,
            appkit::Path(id): appkit::Path<$id>,
        ) -> appkit::Result<appkit::Json<$view>> {
            let $row = crate::http::same_answer($get(&mut host.db(), id).await)?;
            let parties: Vec<kernel::id::PartyId> = $parties;
            crate::http::visible(&host, &caller, $action, $kind, id, &parties).await?;
            Ok(appkit::Json(<$view>::from($row)))
        }
    };
}

pub(crate) use get_handler;
pub(crate) use list_handler;
