//! Which event types this version knows.

/// Whether `type_name` is one of Ordo's messages that this version has never heard of: written by a newer one. Types of other
/// packages are nobody's business here.
pub fn is_from_a_newer_version(type_name: &str) -> bool {
    type_name.starts_with("ordo.") && crate::json::descriptor(type_name).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_ordo_that_is_not_in_proto_is_from_a_newer_version() {
        assert!(!is_from_a_newer_version("ordo.intake.v1.OrderPlaced"));
        assert!(is_from_a_newer_version("ordo.intake.v1.OrderTeleported"));
        assert!(is_from_a_newer_version("ordo.intake.v2.OrderPlaced"));
        assert!(!is_from_a_newer_version("com.example.Thing"));
    }
}
