use super::*;

const KEYS: &[(&str, &[&str])] = &[
    ("/ordo.privacy.v1.KeyStore/GetDataKeys", &[role::SERVICE]),
    ("/ordo.privacy.v1.KeyStore/EraseSubject", &[role::ADMIN]),
];

#[test]
fn a_complete_table_has_no_faults() {
    assert_eq!(
        MethodRoles::new(KEYS).faults(&["ordo.privacy.v1.KeyStore"]),
        Vec::<String>::new()
    );
}

#[test]
fn missing_methods_unknown_methods_unknown_roles_and_empty_lists_are_faults() {
    let roles = MethodRoles::new(&[
        ("/ordo.privacy.v1.KeyStore/GetDataKeys", &["boss"]),
        ("/ordo.privacy.v1.KeyStore/Burn", &[]),
    ]);
    let faults = roles.faults(&["ordo.privacy.v1.KeyStore"]).join("\n");
    for expected in [
        "EraseSubject` has no roles",
        "Burn` is not a method",
        "Burn` is open to nobody",
        "role `boss`",
    ] {
        assert!(faults.contains(expected), "{expected} in {faults}");
    }
}

#[test]
fn health_and_reflection_are_open_and_nothing_else_is() {
    assert!(MethodRoles::is_open("/grpc.health.v1.Health/Check"));
    assert!(MethodRoles::is_open(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
    ));
    assert!(!MethodRoles::is_open("/ordo.log.v1.EventLog/Read"));
    assert!(!MethodRoles::is_open("/grpc.health.v1.HealthX/Check"));
}

#[test]
fn streams_are_known_from_the_descriptors() {
    let roles = MethodRoles::new(&[]);
    assert!(roles.is_stream("/ordo.log.v1.EventLog/Subscribe"));
    assert!(!roles.is_stream("/ordo.log.v1.EventLog/Read"));
}
