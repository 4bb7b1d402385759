use axum::{Router, middleware};
use kernel::{Error, Result};
use utoipa::openapi::{OpenApi, PathItem, SecurityRequirement, extensions::ExtensionsBuilder, path::Operation};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{
    guard,
    policy::{Policy, Right},
};
use crate::Host;

/// A module's endpoints. [`add`](Routes::add) takes the policy as its first argument: there is no way to leave it out.
pub struct Routes {
    module: &'static str,
    entries: Vec<(Policy, UtoipaMethodRouter<Host>)>,
}

/// A route and what it demands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// Module that serves it.
    pub module: &'static str,
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// Path with `{parameters}`.
    pub path: String,
    /// Its policy.
    pub policy: Policy,
}

impl Routes {
    /// No endpoints yet.
    pub fn new(module: &'static str) -> Self {
        Self { module, entries: Vec::new() }
    }

    /// Adds the handlers of one `routes!(…)` under one policy.
    ///
    /// ```
    /// # use appkit::{Json, Policy, Routes, routes};
    /// #[utoipa::path(get, path = "/api/v1/hello", responses((status = 200)))]
    /// async fn hello() -> Json<String> { Json("hello".into()) }
    /// Routes::new("room").add(Policy::view("room.hello.read"), routes!(hello));
    /// ```
    ///
    /// A route without a policy is not a program:
    ///
    /// ```compile_fail
    /// # use appkit::{Json, Policy, Routes, routes};
    /// #[utoipa::path(get, path = "/api/v1/hello", responses((status = 200)))]
    /// async fn hello() -> Json<String> { Json("hello".into()) }
    /// Routes::new("room").add(routes!(hello));
    /// ```
    pub fn add(mut self, policy: Policy, routes: UtoipaMethodRouter<Host>) -> Self {
        self.entries.push((policy, routes));
        self
    }

    /// Adds the endpoints of one noun's file.
    pub fn merge(mut self, other: Routes) -> Self {
        self.entries.extend(other.entries);
        self
    }

    pub(crate) fn mount(self, host: &Host, openapi: &mut OpenApi, table: &mut Vec<RouteInfo>) -> Result<Router> {
        let mut router = Router::new();
        for (policy, (schemas, mut paths, methods)) in self.entries {
            let guarded = methods.layer(middleware::from_fn_with_state((host.clone(), policy), guard::guard));
            let Some(path) = paths.paths.keys().next().cloned() else { continue };
            for (path, item) in &mut paths.paths {
                for (method, operation) in operations_of(item) {
                    if table.iter().any(|route| route.method == method && route.path == *path) {
                        return Err(Error::internal(
                            "appkit.route.twice",
                            format!("{method} {path} is declared twice"),
                        ));
                    }
                    table.push(RouteInfo { module: self.module, method, path: path.clone(), policy });
                    declare(operation, policy);
                }
            }
            router = router.route(&path, guarded);
            let mut part = OpenApi::default();
            part.paths = paths;
            part.components.get_or_insert_default().schemas.extend(schemas);
            openapi.merge(part);
        }
        Ok(router.with_state(host.clone()))
    }
}

fn operations_of(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let table = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    table.into_iter().filter_map(|(name, operation)| Some((name, operation.as_mut()?))).collect()
}

/// Says in the document what the route demands: which credentials, and which right.
fn declare(operation: &mut Operation, policy: Policy) {
    let scheme = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    operation.security = Some(match policy.right {
        Right::Public => Vec::new(),
        Right::Ingest => vec![scheme("device")],
        _ => vec![scheme("token"), scheme("session")],
    });
    // One extension: several would come in another order every time.
    let demands = serde_json::json!({
        "action": policy.action,
        "right": format!("{:?}", policy.right).to_lowercase(),
    });
    let said = ExtensionsBuilder::new().add("x-baigong", demands).build();
    operation.extensions.get_or_insert_default().merge(said);
}
