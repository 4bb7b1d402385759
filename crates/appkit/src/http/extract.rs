//! Extractors that refuse with problem details instead of plain text.

use axum::{
    extract::{FromRequest, FromRequestParts, Request, rejection::JsonRejection},
    http::request::Parts,
    response::{IntoResponse, Response},
};
use kernel::Error;
use serde::{Serialize, de::DeserializeOwned};

use super::error::ApiError;
use crate::Caller;

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match axum::Json::<T>::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(Error::invalid("appkit.body.content-type", "the body is not marked as JSON")
                    .hint("send Content-Type: application/json")
                    .into())
            }
            Err(JsonRejection::BytesRejection(_)) => {
                Err(Error::too_large("appkit.body.too-large", "the request body is too large or was cut short").into())
            }
            Err(rejection) => {
                let text = rejection.body_text();
                Err(Error::invalid("appkit.body.malformed", text)
                    .hint("see /api/openapi.json for the form of this request")
                    .into())
            }
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Query parameters.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(Error::invalid("appkit.query.malformed", rejection.body_text())
                .hint("see /api/openapi.json for the parameters of this request")
                .into()),
        }
    }
}

/// Path parameters. An id of the wrong kind or form is refused with its code.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Error::invalid("appkit.path.malformed", rejection.body_text())
                .hint("see /api/openapi.json for the form of this address")
                .into()),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The guard puts it there; a route without a guard cannot be declared.
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| {
            Error::unauthenticated("appkit.caller.unknown", "this request carries no credentials").into()
        })
    }
}
