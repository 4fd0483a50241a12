//! Who may do what.

use ordo_rpc::role;

const READERS: &[&str] = &[
    role::CHANNEL,
    role::CLERK,
    role::REVIEWER,
    role::FINANCE,
    role::AGENT,
    role::PICKER,
    role::PACKER,
    role::WAREHOUSE,
    role::VIEWER,
    role::OPERATOR,
    role::ADMIN,
    role::SERVICE,
];
/// Movements tell who did what and what goods cost.
const BOOKKEEPERS: &[&str] = &[
    role::WAREHOUSE,
    role::FINANCE,
    role::VIEWER,
    role::OPERATOR,
    role::ADMIN,
    role::SERVICE,
];
const KEEPERS: &[&str] = &[role::WAREHOUSE, role::ADMIN, role::SERVICE];
const CATALOGUERS: &[&str] = &[role::CLERK, role::WAREHOUSE, role::ADMIN, role::SERVICE];
const SHOPKEEPERS: &[&str] = &[role::ADMIN, role::SERVICE];
/// Orders reserve through intake; an administrator may help out.
const PROMISERS: &[&str] = &[role::ADMIN, role::SERVICE];

/// Roles per method.
pub const METHOD_ROLES: &[(&str, &[&str])] = &[
    ("/ordo.inventory.v1.Inventory/PutProduct", CATALOGUERS),
    ("/ordo.inventory.v1.Inventory/PutSku", CATALOGUERS),
    ("/ordo.inventory.v1.Inventory/GetSku", READERS),
    ("/ordo.inventory.v1.Inventory/PutSite", SHOPKEEPERS),
    ("/ordo.inventory.v1.Inventory/ListSites", READERS),
    ("/ordo.inventory.v1.Inventory/SetStockLevels", KEEPERS),
    ("/ordo.inventory.v1.Inventory/ReceiveStock", KEEPERS),
    ("/ordo.inventory.v1.Inventory/AdjustStock", KEEPERS),
    ("/ordo.inventory.v1.Inventory/Restock", KEEPERS),
    ("/ordo.inventory.v1.Inventory/Reserve", PROMISERS),
    ("/ordo.inventory.v1.Inventory/ReleaseReservation", PROMISERS),
    ("/ordo.inventory.v1.Inventory/ConsumeReservation", PROMISERS),
    ("/ordo.inventory.v1.Inventory/GetReservation", READERS),
    ("/ordo.inventory.v1.Inventory/GetAvailability", READERS),
    ("/ordo.inventory.v1.Inventory/ListMovements", BOOKKEEPERS),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_method_has_roles() {
        let roles = ordo_rpc::MethodRoles::new(super::METHOD_ROLES);
        assert_eq!(
            roles.faults(&["ordo.inventory.v1.Inventory"]),
            Vec::<String>::new()
        );
    }
}
