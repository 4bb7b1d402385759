//! Commands: calls that change something, once per key (promise P13).

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use kernel::{Error, Result, sha256};
use serde::Serialize;
use serde_json::Value;

use crate::{ApiError, Caller, Host, Tx, params};

const KEY_LENGTH_MAX: usize = 255;

/// The `Idempotency-Key` header, if the caller sent one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IdemKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdemKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        match value.to_str() {
            Ok(key) if !key.is_empty() && key.len() <= KEY_LENGTH_MAX => Ok(Self(Some(key.to_owned()))),
            _ => Err(Error::invalid(
                "appkit.idempotency.key-malformed",
                "the Idempotency-Key is not 1 to 255 visible characters",
            )
            .hint("send a UUID that you keep until you have the answer")
            .into()),
        }
    }
}

/// A command in progress: a transaction that will store its answer under the caller's key.
pub struct Command {
    state: State,
    key: Option<(String, &'static str, String)>,
}

enum State {
    Fresh(Box<Tx>),
    Replay(Reply),
    Taken,
}

impl Command {
    pub(crate) async fn begin<B: Serialize>(
        host: &Host,
        caller: &Caller,
        operation: &'static str,
        key: &IdemKey,
        body: &B,
    ) -> Result<Self> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::internal("appkit.command.body", "the request cannot be written").because(error))?;
        let body_hash = sha256(&[&body]).hex();
        let mut tx = host.begin(caller).await?;
        let Some(key) = &key.0 else { return Ok(Self { state: State::Fresh(Box::new(tx)), key: None }) };
        let found = tx
            .one(
                "SELECT body_hash, status, response FROM appkit_command
                 WHERE tenant = $1 AND caller = $2 AND operation = $3 AND idem_key = $4",
                params![caller.tenant, caller.subject.to_string(), operation, key],
            )
            .await?;
        let state = match found {
            None => State::Fresh(Box::new(tx)),
            Some(row) if row.get::<String>("body_hash")? == body_hash => {
                let status = StatusCode::from_u16(row.get::<i64>("status")? as u16).unwrap_or(StatusCode::OK);
                State::Replay(Reply { status, body: row.json("response")?, replayed: true })
            }
            Some(_) => {
                return Err(Error::unprocessable(
                    "appkit.idempotency.key-reused",
                    "this Idempotency-Key was used for another request body",
                )
                .hint("use a new key for a new request; repeat the same body to get the first answer"));
            }
        };
        Ok(Self { state, key: Some((key.clone(), operation, body_hash)) })
    }

    /// The stored answer, when this command was done before.
    pub fn replay(&mut self) -> Option<Reply> {
        match &self.state {
            State::Replay(reply) => Some(reply.clone()),
            _ => None,
        }
    }

    /// The transaction to work in.
    ///
    /// # Panics
    /// After a replay: there is nothing to do then, and the caller has the answer already.
    pub fn tx(&mut self) -> &mut Tx {
        match &mut self.state {
            State::Fresh(tx) => tx,
            _ => panic!("a replayed command has no transaction: return the reply"),
        }
    }

    /// Commits, storing the answer with the effect.
    ///
    /// # Errors
    /// Then nothing has happened.
    pub async fn reply<T: Serialize>(mut self, status: u16, body: &T) -> Result<Reply, ApiError> {
        let reply = Reply::new(status, body)?;
        let State::Fresh(mut tx) = std::mem::replace(&mut self.state, State::Taken) else {
            return Err(Error::internal("appkit.command.replayed", "a replayed command was answered again").into());
        };
        if let Some((key, operation, body_hash)) = self.key {
            let (caller, now) = (tx.caller().clone(), tx.now());
            tx.exec(
                "INSERT INTO appkit_command (tenant, caller, operation, idem_key, body_hash, status, response, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                params![
                    caller.tenant,
                    caller.subject.to_string(),
                    operation,
                    key,
                    body_hash,
                    i64::from(status),
                    reply.body.to_string(),
                    now
                ],
            )
            .await?;
        }
        tx.commit().await?;
        Ok(reply)
    }
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// JSON body.
    pub body: Value,
    /// Whether it is the stored answer of an earlier call.
    pub replayed: bool,
}

impl Reply {
    /// An answer that is not stored under a key.
    ///
    /// # Errors
    /// When the body cannot be written as JSON.
    pub fn new<T: Serialize>(status: u16, body: &T) -> Result<Self, ApiError> {
        let body = serde_json::to_value(body)
            .map_err(|error| Error::internal("appkit.command.answer", "the answer cannot be written").because(error))?;
        Ok(Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body, replayed: false })
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(self.body)).into_response();
        if self.replayed {
            response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}
