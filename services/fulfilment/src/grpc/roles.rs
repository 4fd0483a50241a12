//! Who may do what.

use ordo_rpc::role;

/// Who may see the work. The recipient is opened for fewer: see [`super::recipient`].
const READERS: &[&str] = &[
    role::PICKER,
    role::PACKER,
    role::WAREHOUSE,
    role::AGENT,
    role::CLERK,
    role::REVIEWER,
    role::VIEWER,
    role::OPERATOR,
    role::ADMIN,
    role::SERVICE,
];
const PICKERS: &[&str] = &[role::PICKER, role::PACKER, role::WAREHOUSE, role::ADMIN];
const PACKERS: &[&str] = &[role::PACKER, role::WAREHOUSE, role::ADMIN];
/// Carriers' interfaces are channels of their own kind.
const TRACKERS: &[&str] = &[
    role::PACKER,
    role::WAREHOUSE,
    role::CHANNEL,
    role::AGENT,
    role::ADMIN,
    role::SERVICE,
];
const STOPPERS: &[&str] = &[role::WAREHOUSE, role::ADMIN, role::SERVICE];

/// Roles per method.
pub const METHOD_ROLES: &[(&str, &[&str])] = &[
    ("/ordo.fulfilment.v1.Fulfilment/ListWork", READERS),
    ("/ordo.fulfilment.v1.Fulfilment/GetFulfilmentOrder", READERS),
    ("/ordo.fulfilment.v1.Fulfilment/StartPicking", PICKERS),
    ("/ordo.fulfilment.v1.Fulfilment/RecordPick", PICKERS),
    ("/ordo.fulfilment.v1.Fulfilment/RecordCheck", PACKERS),
    ("/ordo.fulfilment.v1.Fulfilment/Pack", PACKERS),
    ("/ordo.fulfilment.v1.Fulfilment/Dispatch", PACKERS),
    ("/ordo.fulfilment.v1.Fulfilment/AssignTracking", TRACKERS),
    ("/ordo.fulfilment.v1.Fulfilment/RecordTracking", TRACKERS),
    ("/ordo.fulfilment.v1.Fulfilment/GetParcel", READERS),
    ("/ordo.fulfilment.v1.Fulfilment/CancelFulfilment", STOPPERS),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_method_has_roles() {
        let roles = ordo_rpc::MethodRoles::new(super::METHOD_ROLES);
        assert_eq!(
            roles.faults(&["ordo.fulfilment.v1.Fulfilment"]),
            Vec::<String>::new()
        );
    }
}
