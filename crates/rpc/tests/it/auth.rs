use std::time::Duration;

use ordo_event_log::TenantId;
use ordo_rpc::{Call, Grant, Jwks, RpcLimits, TokenIssuer, role};
use tonic::Code;

use crate::server::{Obedient, SOON, TestServer, ask, reason};

#[tokio::test]
async fn each_bad_token_is_told_what_is_wrong_with_it() {
    let server = TestServer::start(Obedient::routes()).await;
    let tenant = TenantId::new("shop").unwrap();
    let grant = Grant::new("alice", Some(&tenant), &[role::CLERK]);
    let stranger = TokenIssuer::generate();
    let foreign_issuer = TokenIssuer::from_text(&server.issuer.private_pem().unwrap())
        .unwrap()
        .named("else", "ordo");
    let foreign_audience = TokenIssuer::from_text(&server.issuer.private_pem().unwrap())
        .unwrap()
        .named("ordo", "else");
    let good = server.issuer.mint(&grant).unwrap();
    let (claims, _) = good.rsplit_once('.').unwrap();
    let (_, other_signature) = server
        .token(Some("other"), &[role::ADMIN])
        .rsplit_once('.')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    let expired = server
        .issuer
        .mint(&grant.clone().lifetime(Duration::ZERO))
        .unwrap();
    let cases = [
        ("not-a-token".to_owned(), "TOKEN_MALFORMED"),
        (stranger.mint(&grant).unwrap(), "TOKEN_KEY_UNKNOWN"),
        (format!("{claims}.{other_signature}"), "TOKEN_SIGNATURE"),
        (foreign_issuer.mint(&grant).unwrap(), "TOKEN_ISSUER"),
        (foreign_audience.mint(&grant).unwrap(), "TOKEN_AUDIENCE"),
        (server.token(None, &[role::CLERK]), "TOKEN_MALFORMED"),
    ];
    for (token, expected) in cases {
        let status = ask(&mut server.keys(&token), "").await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{expected}");
        assert_eq!(reason(&status), expected);
    }
    // Within the leeway for clocks that differ, an expired token still passes.
    assert!(ask(&mut server.keys(&expired), "").await.is_ok());
}

#[tokio::test]
async fn a_call_without_a_token_is_not_signed_in() {
    let server = TestServer::start(Obedient::routes()).await;
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", server.address))
        .unwrap()
        .connect_lazy();
    let mut client = ordo_proto::privacy::key_store_client::KeyStoreClient::new(channel);
    let status = client
        .get_data_keys(ordo_proto::privacy::GetDataKeysRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(reason(&status), "TOKEN_MISSING");
}

#[tokio::test]
async fn the_matrix_of_roles_and_tenants_holds() {
    let server = TestServer::start(Obedient::routes()).await;
    // (token's tenant, role, tenant named by the call) → effective tenant, or the reason of the refusal.
    let cases = [
        (Some("shop"), role::CLERK, None, Ok("shop")),
        (Some("shop"), role::CLERK, Some("shop"), Ok("shop")),
        (
            Some("shop"),
            role::CLERK,
            Some("other"),
            Err((Code::PermissionDenied, "TENANT_MISMATCH")),
        ),
        (
            Some("shop"),
            role::SERVICE,
            Some("other"),
            Err((Code::PermissionDenied, "TENANT_MISMATCH")),
        ),
        (None, role::SERVICE, Some("other"), Ok("other")),
        (
            None,
            role::SERVICE,
            None,
            Err((Code::InvalidArgument, "TENANT_REQUIRED")),
        ),
        (
            None,
            role::ADMIN,
            Some("shop"),
            Err((Code::PermissionDenied, "ROLE_MISSING")),
        ),
        (
            Some("shop"),
            role::PICKER,
            None,
            Err((Code::PermissionDenied, "ROLE_MISSING")),
        ),
        (
            Some("shop"),
            "made-up",
            None,
            Err((Code::PermissionDenied, "ROLE_MISSING")),
        ),
    ];
    for (own, role, named, expected) in cases {
        let call = named.map_or(Call::system(), |id| Call::new(&TenantId::new(id).unwrap()));
        let remote = server.remote(&server.token(own, &[role]));
        let answer = ask(&mut remote.key_store(&call).unwrap(), "tenant").await;
        match expected {
            Ok(tenant) => assert_eq!(
                answer.unwrap()["tenant"],
                tenant,
                "{own:?} {role} {named:?}"
            ),
            Err((code, expected)) => {
                let status = answer.unwrap_err();
                assert_eq!(
                    (status.code(), reason(&status).as_str()),
                    (code, expected),
                    "{own:?} {role} {named:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_method_without_roles_is_closed_to_everybody() {
    let server = TestServer::start(Obedient::routes()).await;
    let mut client = server.keys(&server.token(None, role::ALL));
    let status = client
        .erase_subject(ordo_proto::privacy::EraseSubjectRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied);
    assert_eq!(reason(&status), "METHOD_CLOSED");
}

#[tokio::test]
async fn the_caller_is_known_to_the_handler_by_kind_and_name() {
    let server = TestServer::start(Obedient::routes()).await;
    for (roles, kind) in [
        (vec![role::CLERK], "ACTOR_KIND_PERSON"),
        (vec![role::CLERK, role::CHANNEL], "ACTOR_KIND_CHANNEL"),
        (vec![role::SERVICE], "ACTOR_KIND_SERVICE"),
    ] {
        let told = ask(&mut server.keys(&server.token(Some("shop"), &roles)), "")
            .await
            .unwrap();
        assert_eq!(
            (told["subject"].as_str(), told["kind"].as_str()),
            ("alice", kind)
        );
    }
}

#[tokio::test]
async fn a_changed_key_file_is_noticed_and_a_broken_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    let (old, new) = (TokenIssuer::generate(), TokenIssuer::generate());
    std::fs::write(&path, old.jwks()).unwrap();
    let keys = Jwks::from_file(&path).unwrap();
    let old_pem = old.private_pem().unwrap();
    let server = TestServer::start_with(Obedient::routes(), old, keys, RpcLimits::default()).await;
    let old = TokenIssuer::from_text(&old_pem).unwrap();
    let tenant = TenantId::new("shop").unwrap();
    let grant = Grant::new("alice", Some(&tenant), &[role::CLERK]);
    let (old_token, new_token) = (old.mint(&grant).unwrap(), new.mint(&grant).unwrap());
    assert!(ask(&mut server.keys(&old_token), "").await.is_ok());

    std::fs::write(&path, "not a key set, and of another length").unwrap();
    ordo_testkit::eventually(SOON, async || {
        let refused = ask(&mut server.keys(&new_token), "").await.unwrap_err();
        reason(&refused) == "TOKEN_KEY_UNKNOWN"
            && ask(&mut server.keys(&old_token), "").await.is_ok()
    })
    .await;

    std::fs::write(&path, new.jwks()).unwrap();
    ordo_testkit::eventually(SOON, async || {
        ask(&mut server.keys(&new_token), "").await.is_ok()
    })
    .await;
    // The old key is gone from the set: what was verified with it is verified again, and fails.
    let refused = ask(&mut server.keys(&old_token), "").await.unwrap_err();
    assert_eq!(reason(&refused), "TOKEN_KEY_UNKNOWN");
}
