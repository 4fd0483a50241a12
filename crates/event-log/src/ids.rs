//! Routing to partitions, and ids that route where they should.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::event::TenantId;

/// The partition of everything that is routed by `key`: the first eight bytes of SHA-256 over the tenant, a zero byte and
/// the key, big-endian, modulo the number of partitions. Fixed for ever: it decides where streams live.
pub(crate) fn partition_for(tenant: &TenantId, key: &str, partitions: u32) -> u32 {
    if partitions <= 1 {
        return 0;
    }
    let mut hasher = Sha256::new();
    hasher.update(tenant.as_str());
    hasher.update([0]);
    hasher.update(key);
    let digest: [u8; 32] = hasher.finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
    // Less than `partitions`, so it fits.
    (number % u64::from(partitions)) as u32
}

/// A new time-ordered id that [`partition_for`] routes to `partition`.
pub(crate) fn new_id_in(tenant: &TenantId, partition: u32, partitions: u32) -> String {
    // Modulo, because no id at all would route to a partition that does not exist.
    let partition = partition % partitions.max(1);
    loop {
        let id = base32(Uuid::now_v7());
        if partition_for(tenant, &id, partitions) == partition {
            return id;
        }
    }
}

/// Crockford's alphabet in lower case: sorts like the number.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 characters of five bits; the first holds only three.
fn base32(id: Uuid) -> String {
    let number = id.as_u128();
    (0..26)
        .rev()
        .map(|digit| char::from(ALPHABET[(number >> (5 * digit)) as usize & 31]))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_26_characters_in_time_order_and_route_to_their_partition() {
        let tenant = TenantId::new("shop").unwrap();
        let mut last = String::new();
        for round in 0..400 {
            let partition = round % 4;
            let id = new_id_in(&tenant, partition, 4);
            assert_eq!(id.len(), 26);
            assert!(id.bytes().all(|b| ALPHABET.contains(&b)), "{id}");
            assert_eq!(partition_for(&tenant, &id, 4), partition);
            assert!(id > last, "{id} after {last}");
            last = id;
        }
    }

    #[test]
    fn base32_of_known_numbers() {
        assert_eq!(base32(Uuid::nil()), "00000000000000000000000000");
        assert_eq!(base32(Uuid::max()), "7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert_eq!(base32(Uuid::from_u128(32)), "00000000000000000000000010");
    }

    #[test]
    fn routing_never_changes() {
        let shop = TenantId::new("shop").unwrap();
        let routes: Vec<u32> = (0..8)
            .map(|n| partition_for(&shop, &format!("order-{n}"), 4))
            .collect();
        assert_eq!(routes, GOLDEN_ROUTES);
        assert_eq!(partition_for(&shop, "anything", 1), 0);
    }

    const GOLDEN_ROUTES: [u32; 8] = [2, 0, 3, 0, 2, 2, 3, 2];

    #[test]
    fn keys_spread_over_all_partitions() {
        let shop = TenantId::new("shop").unwrap();
        let hit: HashSet<u32> = (0..200)
            .map(|n| partition_for(&shop, &n.to_string(), 16))
            .collect();
        assert_eq!(hit.len(), 16);
    }
}
