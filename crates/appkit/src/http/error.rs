//! Errors on the wire: RFC 9457 problem details, in the caller's language.

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::{Error, ErrorKind};
use serde::Serialize;

use crate::Host;

/// What a handler returns.
pub type Result<T, E = ApiError> = std::result::Result<T, E>;

/// A refusal on its way out.
#[derive(Debug)]
pub struct ApiError(pub Error);

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// The body of every error answer (`application/problem+json`).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// `urn:baigong:error:` followed by the code.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// Short text in the caller's language.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What was wrong here and now.
    pub detail: String,
    /// Stable code, `room.noun.problem`.
    pub code: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Wrong fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldProblem>,
}

/// One wrong field.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct FieldProblem {
    /// JSON pointer to it.
    pub pointer: String,
    /// Which rule it broke.
    pub detail: String,
}

/// The one place where a kind becomes a status.
pub fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Denied => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Throttled => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Corrupt | ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // The body is written by `localise`, which knows the caller's language.
        let mut response = status_of(self.0.kind).into_response();
        response.extensions_mut().insert(self.0);
        response
    }
}

/// Writes the problem body of a refused request.
pub(crate) async fn localise(State(host): State<Host>, request: Request, next: Next) -> Response {
    let chinese = prefers_chinese(request.headers());
    // The address as declared: device tokens travel in addresses and must not reach the log.
    let address = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let place = format!("{} {address}", request.method());
    let mut response = next.run(request).await;
    let error = match response.extensions_mut().remove::<Error>() {
        Some(error) => error,
        None => match plain(response.status()) {
            Some(error) if !is_problem(&response) => error,
            _ => return response,
        },
    };
    match error.kind {
        ErrorKind::Internal | ErrorKind::Corrupt => tracing::error!(place, ?error, "request failed"),
        _ => tracing::debug!(place, ?error, "request refused"),
    }
    let text = chinese.then(|| host.texts().zh(error.code)).flatten();
    let problem = Problem {
        type_uri: format!("urn:baigong:error:{}", error.code),
        title: text.map_or_else(|| error.message.to_string(), |text| text.message.clone()),
        status: status_of(error.kind).as_u16(),
        detail: error.message.to_string(),
        code: error.code.to_owned(),
        hint: text.and_then(|text| text.hint.clone()).or_else(|| error.hint.map(|hint| hint.to_string())),
        errors: error
            .fields
            .into_iter()
            .map(|field| FieldProblem { pointer: field.pointer, detail: field.message })
            .collect(),
    };
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.status = status_of(error.kind);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if matches!(error.kind, ErrorKind::Throttled | ErrorKind::Unavailable) {
        parts.headers.entry(header::RETRY_AFTER).or_insert(HeaderValue::from_static("5"));
    }
    Response::from_parts(parts, Body::from(body))
}

/// Refusals that the framework makes itself.
fn plain(status: StatusCode) -> Option<Error> {
    Some(match status {
        StatusCode::NOT_FOUND => Error::not_found("appkit.route.unknown", "there is nothing at this address"),
        StatusCode::METHOD_NOT_ALLOWED => return None,
        StatusCode::PAYLOAD_TOO_LARGE => {
            Error::too_large("appkit.body.too-large", "the request body is too large").hint("send smaller batches")
        }
        StatusCode::SERVICE_UNAVAILABLE => Error::unavailable("appkit.request.timeout", "the request took too long"),
        _ => return None,
    })
}

fn is_problem(response: &Response) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/"))
}

fn prefers_chinese(headers: &HeaderMap) -> bool {
    let languages = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
    languages.trim_start().to_ascii_lowercase().starts_with("zh")
}

/// A panic ends one request, not the process.
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(text, "a request handler panicked");
    let problem = Problem {
        type_uri: "urn:baigong:error:appkit.request.panicked".into(),
        title: "the request failed".into(),
        status: 500,
        detail: "the request failed inside the platform".into(),
        code: "appkit.request.panicked".into(),
        hint: Some("repeat it with the same Idempotency-Key; tell the operator if it fails again".into()),
        errors: Vec::new(),
    };
    (StatusCode::INTERNAL_SERVER_ERROR, [(header::CONTENT_TYPE, "application/problem+json")], axum::Json(problem))
        .into_response()
}
