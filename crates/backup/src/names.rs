//! Which databases of a service are kept.

/// What a database of a service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Cannot be made from anything else: the log, inboxes and timers of reactions, the audit trail.
    Kept,
    /// Keys of personal data. Never together with the log: a backup of both would bring an erased person back.
    Keys,
    /// Read models, made from the log whenever they are missing, and who works on what at the moment.
    Rebuilt,
}

/// What `database`, for example `intake.reserve.inbox`, is for; `None` when it is not the service's.
pub(crate) fn use_of(service: &str, database: &str) -> Option<Use> {
    let name = database.strip_prefix(service)?.strip_prefix('.')?;
    Some(match name {
        "keys" => Use::Keys,
        "projections" | "leases" => Use::Rebuilt,
        _ if is_generation(name) => Use::Rebuilt,
        _ => Use::Kept,
    })
}

/// `<read model>.g<number>`
fn is_generation(name: &str) -> bool {
    name.rsplit_once(".g")
        .is_some_and(|(model, number)| !model.is_empty() && is_number(number))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The database behind a schema of Postgres, where `.` became `_`; `None` when it is not the service's.
pub(crate) fn database_of(service: &str, schema: &str) -> Option<String> {
    let name = schema.strip_prefix(service)?.strip_prefix('_')?;
    if let Some(reaction) = name.strip_suffix("_inbox") {
        return Some(format!("{service}.{reaction}.inbox"));
    }
    if let Some((model, number)) = name.rsplit_once("_g").filter(|(_, n)| is_number(n)) {
        return Some(format!("{service}.{model}.g{number}"));
    }
    Some(format!("{service}.{name}"))
}

/// The schema of a database.
pub(crate) fn schema_of(database: &str) -> String {
    database
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

/// The log's database.
pub(crate) fn log_of(service: &str) -> String {
    format!("{service}.log")
}

/// The database of the keys.
pub(crate) fn keys_of(service: &str) -> String {
    format!("{service}.keys")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_kept_but_keys_and_what_can_be_rebuilt() {
        for (database, expected) in [
            ("intake.log", Some(Use::Kept)),
            ("intake.follow_inventory.inbox", Some(Use::Kept)),
            ("intake.audit", Some(Use::Kept)),
            ("intake.something_new", Some(Use::Kept)),
            ("intake.keys", Some(Use::Keys)),
            ("intake.projections", Some(Use::Rebuilt)),
            ("intake.leases", Some(Use::Rebuilt)),
            ("intake.order_list.g12", Some(Use::Rebuilt)),
            ("intake.good", Some(Use::Kept)),
            ("inventory.log", None),
            ("intakes.log", None),
        ] {
            assert_eq!(use_of("intake", database), expected, "{database}");
        }
    }

    #[test]
    fn a_schema_leads_back_to_its_database() {
        for database in [
            "intake.log",
            "intake.follow_inventory.inbox",
            "intake.audit",
            "intake.keys",
            "intake.projections",
            "intake.order_list.g12",
        ] {
            assert_eq!(
                database_of("intake", &schema_of(database)).as_deref(),
                Some(database)
            );
        }
        assert_eq!(database_of("intake", "inventory_log"), None);
        assert_eq!(database_of("intake", "public"), None);
    }
}
