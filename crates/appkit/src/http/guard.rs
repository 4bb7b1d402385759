use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use contracts::devices::DeviceDirectory;
use kernel::{Error, Result};

use super::{
    error::ApiError,
    policy::{Policy, Right},
};
use crate::{Caller, Host, Object, Role, Subject, identity};

/// Stands before every route: who asks, and may they, before the handler sees anything.
pub(crate) async fn guard(State((host, policy)): State<(Host, Policy)>, mut request: Request, next: Next) -> Response {
    // The body is not shareable across threads, so only the head goes into the decision.
    let (method, path, headers) =
        (request.method().clone(), request.uri().path().to_owned(), request.headers().clone());
    match admit(&host, policy, &method, &path, &headers).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => ApiError(error).into_response(),
    }
}

async fn admit(host: &Host, policy: Policy, method: &Method, path: &str, headers: &HeaderMap) -> Result<Caller> {
    if policy.right == Right::Ingest {
        return device(host, path, headers);
    }
    let caller = identity::authenticate(host, method, headers).await;
    if policy.right == Right::Public {
        // A stale cookie must not keep anybody from signing in.
        return Ok(caller.unwrap_or_else(|_| Caller::anonymous()));
    }
    let caller = caller?;
    if caller.subject == Subject::Anonymous {
        return Err(Error::unauthenticated("appkit.caller.unknown", "this request carries no valid credentials")
            .hint("sign in, or send Authorization: Bearer with an API token"));
    }
    let object = Object::owned("organisation", caller.tenant);
    if host.access().permits(&caller, policy, &object, host.now()) {
        Ok(caller)
    } else {
        Err(Error::denied("appkit.caller.not-allowed", format!("your role does not permit {}", policy.action))
            .hint("ask an administrator of your organisation for the role"))
    }
}

/// Devices carry their own token: in the header, or in the path as ThingsBoard devices do.
fn device(host: &Host, path: &str, headers: &HeaderMap) -> Result<Caller> {
    let refuse = || {
        Error::unauthenticated("appkit.device.unknown", "this device token is unknown, or the device is disabled")
            .hint("send Authorization: Bearer with the token that was shown when the device was registered")
    };
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    let in_path = path.strip_prefix("/api/v1/").and_then(|rest| rest.strip_suffix("/telemetry"));
    let token = bearer.or(in_path).ok_or_else(refuse)?;
    let directory = host.try_port::<dyn DeviceDirectory>().ok_or_else(refuse)?;
    let binding = directory.by_token(token.trim()).filter(|binding| binding.enabled).ok_or_else(refuse)?;
    Ok(Caller {
        tenant: binding.tenant,
        subject: Subject::Device(binding.device),
        roles: vec![Role::Device],
        purpose: None,
    })
}
