//! A service behind several addresses.

use std::{net::SocketAddr, sync::Arc};

use ordo_rpc::{
    Call, Grant, Jwks, Remote, RemoteSettings, RpcLimits, TokenIssuer, TokenSource, Verdict,
    classify, reason_of, role,
};

use tonic::Code;

use crate::server::{Obedient, TestServer, ask};

const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn serve(address: SocketAddr, issuer: &Arc<TokenIssuer>) -> TestServer {
    let keys = Jwks::from_json(&issuer.jwks()).unwrap();
    let (routes, limits) = (Obedient::routes(), RpcLimits::default());
    TestServer::start_at(address, routes, Arc::clone(issuer), keys, limits).await
}

/// Clients of a service at all of these addresses.
fn remote(addresses: &[SocketAddr], issuer: &TokenIssuer) -> Remote {
    let urls: Vec<String> = addresses.iter().map(|at| format!("http://{at}")).collect();
    let settings = RemoteSettings {
        peers: [("intake".to_owned(), urls.join(", "))].into(),
        ..RemoteSettings::default()
    };
    let grant = Grant::new("inventory", None, &[role::SERVICE]);
    Remote::new(settings, TokenSource::fixed(issuer.mint(&grant).unwrap())).unwrap()
}

/// Makes 20 calls; how many failed. Each of them is worth a repetition.
async fn failures(remote: &Remote) -> usize {
    let mut keys = remote.key_store(&Call::system()).unwrap();
    let mut failed = 0;
    for _ in 0..20 {
        if let Err(status) = ask(&mut keys, "").await {
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
            assert_eq!(classify(&status), Verdict::Retry);
            failed += 1;
        }
    }
    failed
}

#[tokio::test]
async fn a_replica_that_ends_costs_at_most_a_repetition_and_one_that_comes_back_is_used_again() {
    let issuer = Arc::new(TokenIssuer::generate());
    let one = serve(ANYWHERE, &issuer).await;
    let two = serve(ANYWHERE, &issuer).await;
    let place = two.address;
    let remote = remote(&[one.address, place], &issuer);
    assert_eq!(failures(&remote).await, 0);

    two.end().await;
    let failed = failures(&remote).await;
    assert!(failed <= 1, "{failed} calls failed");

    // With the first one gone the second is the only one.
    let _two = serve(place, &issuer).await;
    one.end().await;
    let failed = failures(&remote).await;
    assert!(failed <= 1, "{failed} calls failed");
}

#[tokio::test]
async fn with_no_replica_there_a_call_is_worth_a_repetition() {
    let free = || {
        let listener = std::net::TcpListener::bind(ANYWHERE).unwrap();
        listener.local_addr().unwrap()
    };
    let remote = remote(&[free(), free()], &TokenIssuer::generate());
    assert_eq!(failures(&remote).await, 20);
}

#[tokio::test]
async fn whoever_gets_no_answer_is_told_from_whom_and_where() {
    let free = || {
        let listener = std::net::TcpListener::bind(ANYWHERE).unwrap();
        listener.local_addr().unwrap()
    };
    for addresses in [vec![free()], vec![free(), free()]] {
        let remote = remote(&addresses, &TokenIssuer::generate());
        let mut keys = remote.key_store(&Call::system()).unwrap();
        let status = ask(&mut keys, "").await.unwrap_err();
        assert_eq!(reason_of(&status).as_deref(), Some("SERVICE_UNREACHABLE"));
        let said = status.message();
        assert!(said.contains("intake at http://127.0.0.1:"), "{said}");
        assert!(said.contains("onnection refused"), "{said}");
        for address in addresses {
            assert!(said.contains(&address.port().to_string()), "{said}");
        }
    }
}
