//! Which roles may call which method.

use std::collections::{BTreeMap, BTreeSet};

use ordo_proto::json::POOL;

use crate::identity::role;

/// Methods that need no token: probes and reflection.
const OPEN_SERVICES: &[&str] = &[
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// Roles for the services that every process serves.
const SHARED: &[(&str, &[&str])] = &[
    ("/ordo.log.v1.EventLog/GetHeads", LOG_READERS),
    ("/ordo.log.v1.EventLog/Read", LOG_READERS),
    ("/ordo.log.v1.EventLog/Subscribe", LOG_READERS),
    ("/ordo.ops.v1.Operations/ListProjections", OPERATORS),
    ("/ordo.ops.v1.Operations/RebuildProjection", OPERATORS),
    ("/ordo.ops.v1.Operations/ListReactions", OPERATORS),
    ("/ordo.ops.v1.Operations/ListParked", OPERATORS),
    ("/ordo.ops.v1.Operations/ReplayParked", OPERATORS),
    ("/ordo.ops.v1.Operations/DropParked", OPERATORS),
    ("/ordo.ops.v1.Operations/ListDropped", OPERATORS),
    ("/ordo.ops.v1.Operations/Verify", OPERATORS),
];
const LOG_READERS: &[&str] = &[role::ADMIN, role::OPERATOR, role::VIEWER, role::SERVICE];
const OPERATORS: &[&str] = &[role::ADMIN, role::OPERATOR];

/// Method path (`/package.Service/Method`) → roles that may call it. A method that is not in the table is closed.
#[derive(Clone, Debug, Default)]
pub struct MethodRoles {
    table: BTreeMap<&'static str, &'static [&'static str]>,
    streams: BTreeSet<String>,
    starting: bool,
}

impl MethodRoles {
    /// The table of a service: its own methods and those of `EventLog` and `Operations`.
    pub fn new(methods: &[(&'static str, &'static [&'static str])]) -> Self {
        let table = SHARED.iter().chain(methods).copied().collect();
        let streams = POOL
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .filter(|method| method.is_server_streaming())
            .map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name()))
            .collect();
        Self {
            table,
            streams,
            starting: false,
        }
    }

    /// The table of a service that is not ready: `EventLog` and `Operations` only, and everything else is answered
    /// UNAVAILABLE (`STARTING`) instead of being refused for good.
    pub fn starting() -> Self {
        Self {
            starting: true,
            ..Self::new(&[])
        }
    }

    pub(crate) fn is_starting(&self) -> bool {
        self.starting
    }

    /// Full names of the services that have methods in the table.
    pub fn services(&self) -> Vec<String> {
        let names: BTreeSet<&str> = self
            .table
            .keys()
            .filter_map(|path| path.strip_prefix('/')?.split_once('/'))
            .map(|(service, _)| service)
            .collect();
        names.into_iter().map(str::to_owned).collect()
    }

    /// Who may call `path`. `None`: nobody.
    pub fn allowed(&self, path: &str) -> Option<&'static [&'static str]> {
        self.table.get(path).copied()
    }

    /// The method's own copy of its path, for metric labels; `None` for methods that are not in the table.
    pub(crate) fn known(&self, path: &str) -> Option<&'static str> {
        self.table.get_key_value(path).map(|(path, _)| *path)
    }

    /// True when the answer is a stream.
    pub(crate) fn is_stream(&self, path: &str) -> bool {
        self.streams.contains(path)
    }

    /// True for health and reflection, which need no token.
    pub fn is_open(path: &str) -> bool {
        path.strip_prefix('/')
            .and_then(|rest| rest.split_once('/'))
            .is_some_and(|(service, _)| OPEN_SERVICES.contains(&service))
    }

    /// What is wrong with the table for a process that serves `services` (full names, without the shared ones): methods
    /// of the descriptor that are missing, entries that no descriptor knows, roles that do not exist, empty role lists.
    /// Every service has a test that expects none.
    pub fn faults(&self, services: &[&str]) -> Vec<String> {
        let shared = ["ordo.log.v1.EventLog", "ordo.ops.v1.Operations"];
        let mut faults = Vec::new();
        let mut expected = BTreeSet::new();
        for name in services.iter().chain(&shared) {
            let Some(service) = POOL.get_service_by_name(name) else {
                faults.push(format!("no service is named `{name}`"));
                continue;
            };
            expected.extend(
                service
                    .methods()
                    .map(|method| format!("/{name}/{}", method.name())),
            );
        }
        for path in &expected {
            if !self.table.contains_key(path.as_str()) {
                faults.push(format!("`{path}` has no roles"));
            }
        }
        for (path, roles) in &self.table {
            if !expected.contains(*path) {
                faults.push(format!("`{path}` is not a method of the served services"));
            }
            if roles.is_empty() {
                faults.push(format!("`{path}` is open to nobody"));
            }
            for unknown in roles.iter().filter(|name| !role::ALL.contains(name)) {
                faults.push(format!("`{path}` names the unknown role `{unknown}`"));
            }
        }
        faults
    }
}

#[cfg(test)]
#[path = "roles_tests.rs"]
mod tests;
