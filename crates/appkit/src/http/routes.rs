use axum::{Router, middleware};
use kernel::{Error, Result};
use utoipa::openapi::{OpenApi, PathItem};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{guard, policy::Policy};
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
        for (policy, (schemas, paths, methods)) in self.entries {
            let guarded = methods.layer(middleware::from_fn_with_state((host.clone(), policy), guard::guard));
            let Some(path) = paths.paths.keys().next().cloned() else { continue };
            for (path, item) in &paths.paths {
                for method in methods_of(item) {
                    if table.iter().any(|route| route.method == method && route.path == *path) {
                        return Err(Error::internal(
                            "appkit.route.twice",
                            format!("{method} {path} is declared twice"),
                        ));
                    }
                    table.push(RouteInfo { module: self.module, method, path: path.clone(), policy });
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

fn methods_of(item: &PathItem) -> Vec<&'static str> {
    let table = [
        ("GET", &item.get),
        ("POST", &item.post),
        ("PUT", &item.put),
        ("PATCH", &item.patch),
        ("DELETE", &item.delete),
    ];
    table.into_iter().filter(|(_, operation)| operation.is_some()).map(|(name, _)| name).collect()
}
