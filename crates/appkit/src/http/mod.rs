//! The HTTP rim: routes with policies, problem details, security headers, the live socket.

pub mod error;
pub mod extract;
mod guard;
mod live;
mod own;
pub mod page;
pub mod policy;
pub mod routes;

use std::time::Duration;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, StatusCode},
    middleware,
};
use kernel::Result;
use tower_http::{
    catch_panic::CatchPanicLayer, compression::CompressionLayer, limit::RequestBodyLimitLayer,
    set_header::SetResponseHeaderLayer, timeout::TimeoutLayer,
};

pub(crate) use own::own_routes;

use crate::{Host, Routes};

/// Largest request body that any route takes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Routers and documents of all modules.
pub(crate) struct Api {
    pub router: Router,
    pub openapi: utoipa::openapi::OpenApi,
    pub table: Vec<routes::RouteInfo>,
}

impl Api {
    pub(crate) fn assemble(host: &Host, modules: Vec<Routes>) -> Result<Self> {
        let mut openapi = own::document();
        let (mut router, mut table) = (Router::new(), Vec::new());
        for module in modules {
            router = router.merge(module.mount(host, &mut openapi, &mut table)?);
        }
        Ok(Self { router, openapi, table })
    }
}

const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(self), microphone=(), geolocation=()"),
];

/// Everything, ready to serve, with what answers every other address (the binary's console).
pub(crate) fn router(host: &Host, rest: Router) -> Router {
    let mut router = host
        .api()
        .router
        .clone()
        .merge(rest)
        .layer(middleware::from_fn_with_state(host.clone(), error::localise))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, Duration::from_secs(60)))
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(CompressionLayer::new().gzip(true));
    for (name, value) in HEADERS {
        router = router.layer(SetResponseHeaderLayer::if_not_present(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        ));
    }
    router
}
