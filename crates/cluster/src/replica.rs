//! Names of the programs: the services, and further replicas of them.

use crate::{ClusterError, SERVICES};

/// Most replicas of a service on one machine.
pub const MOST_REPLICAS: usize = 4;

const NAMES: [[&str; SERVICES.len()]; MOST_REPLICAS] = [
    SERVICES,
    ["intake-2", "inventory-2", "fulfilment-2", "aftersales-2"],
    ["intake-3", "inventory-3", "fulfilment-3", "aftersales-3"],
    ["intake-4", "inventory-4", "fulfilment-4", "aftersales-4"],
];

/// One process of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Replica {
    /// Of which service.
    pub service: &'static str,
    /// The first one is 0.
    pub number: usize,
    /// `intake`, `intake-2`, `intake-3` …
    pub program: &'static str,
}

/// Every process of `replicas` replicas of each service, in the order in which they start.
pub(crate) fn all(replicas: usize) -> impl Iterator<Item = Replica> {
    NAMES
        .into_iter()
        .take(replicas)
        .enumerate()
        .flat_map(|(number, names)| {
            SERVICES
                .into_iter()
                .zip(names)
                .map(move |(service, program)| Replica {
                    service,
                    number,
                    program,
                })
        })
}

/// Replicas need a store that they can share.
pub(crate) fn check(replicas: usize, store: Option<&str>) -> Result<(), ClusterError> {
    if !(1..=MOST_REPLICAS).contains(&replicas) {
        return Err(ClusterError::Replicas(format!(
            "a cluster has 1 to {MOST_REPLICAS} replicas of each service, not {replicas}"
        )));
    }
    let shares = store.is_some_and(|url| url.starts_with("postgres"));
    if replicas > 1 && !shares {
        return Err(ClusterError::Replicas(
            "several replicas of a service need Postgres (--store postgres://…): a SQLite file belongs to one process"
                .to_owned(),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_postgres_has_several_replicas() {
        let postgres = Some("postgres://ordo@db/ordo");
        assert!(check(2, postgres).is_ok());
        assert!(check(1, None).is_ok());
        let refused = check(2, None).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.contains("need Postgres")));
        assert!(check(0, postgres).is_err());
        assert!(check(MOST_REPLICAS + 1, postgres).is_err());
    }
}
