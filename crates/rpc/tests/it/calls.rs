use std::{sync::Arc, time::Duration};

use http::uri::PathAndQuery;
use ordo_event_log::TenantId;
use ordo_proto::{
    log::EventMetadata,
    privacy::{
        GetDataKeysRequest, GetDataKeysResponse, key_store_client::KeyStoreClient,
        key_store_server::KeyStoreServer,
    },
};
use ordo_rpc::{Call, Jwks, RpcLimits, SignedChannel, TokenIssuer, Verdict, classify, role};
use prost_types::Timestamp;
use tonic::{Code, service::Routes};
use tonic_types::StatusExt as _;

use crate::server::{Obedient, TestServer, ask, reason};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn limited(limits: RpcLimits, obedient: Obedient) -> TestServer {
    let issuer = TokenIssuer::generate();
    let keys = Jwks::from_json(&issuer.jwks()).unwrap();
    TestServer::start_with(
        Routes::new(KeyStoreServer::new(obedient)),
        issuer,
        keys,
        limits,
    )
    .await
}

/// A client that sets no deadline of its own.
fn patient(server: &TestServer) -> KeyStoreClient<SignedChannel> {
    let remote = server.remote(&server.token(Some("shop"), &[role::CLERK]));
    KeyStoreClient::new(remote.stream_channel("intake", &Call::system()).unwrap())
}

#[tokio::test]
async fn a_call_ends_at_the_servers_default_or_longest_deadline_with_the_reason() {
    let short = Duration::from_millis(50);
    let default = RpcLimits {
        default_deadline: short,
        ..RpcLimits::default()
    };
    let longest = RpcLimits {
        max_deadline: short,
        ..RpcLimits::default()
    };
    for (limits, wanted) in [(default, None), (longest, Some(Duration::from_secs(60)))] {
        let server = limited(limits, Obedient::default()).await;
        let mut request = tonic::Request::new(GetDataKeysRequest {
            key_ids: Vec::new(),
            purpose: "never".into(),
        });
        if let Some(timeout) = wanted {
            request.set_timeout(timeout);
        }
        let status = patient(&server).get_data_keys(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded);
        assert_eq!(reason(&status), "DEADLINE");
        assert_eq!(classify(&status), Verdict::Retry);
    }
}

#[tokio::test]
async fn a_callers_own_deadline_ends_the_call_and_is_worth_a_retry() {
    let server = TestServer::start(Obedient::routes()).await;
    let call = Call::system().timeout(Duration::from_millis(50));
    let remote = server.remote(&server.token(Some("shop"), &[role::CLERK]));
    let status = ask(&mut remote.key_store(&call).unwrap(), "never")
        .await
        .unwrap_err();
    assert_eq!(classify(&status), Verdict::Retry, "{status:?}");
}

#[tokio::test]
async fn what_no_handler_can_read_is_refused_with_a_reason_as_everything_else() {
    let server = TestServer::start(Obedient::routes()).await;
    let token = server.token(Some("shop"), &[role::CLERK]);
    let long = GetDataKeysRequest {
        key_ids: Vec::new(),
        purpose: "x".repeat(5 << 20),
    };
    let status = server.keys(&token).get_data_keys(long).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(reason(&status), "REQUEST_TOO_LARGE");
    assert!(status.message().contains("4194304"), "{status:?}");

    // The first field of the request is text, that of a timestamp a number.
    let remote = server.remote(&token);
    let channel = remote.stream_channel("intake", &Call::system()).unwrap();
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<Timestamp, GetDataKeysResponse>::default();
    let path = PathAndQuery::from_static("/ordo.privacy.v1.KeyStore/GetDataKeys");
    let other = tonic::Request::new(Timestamp {
        seconds: 1,
        nanos: 0,
    });
    let status = client.unary(other, path, codec).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason(&status), "REQUEST_UNREADABLE");
}

#[tokio::test]
async fn a_panic_in_a_handler_is_internal_and_the_server_goes_on() {
    let server = TestServer::start(Obedient::routes()).await;
    let mut client = server.keys(&server.token(Some("shop"), &[role::CLERK]));
    let status = ask(&mut client, "panic").await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(reason(&status), "INTERNAL");
    assert!(!status.message().contains("told to"));
    assert_eq!(classify(&status), Verdict::Fatal);
    assert!(ask(&mut client, "").await.is_ok());
}

#[tokio::test]
async fn one_call_too_many_is_shed_at_once_and_told_when_to_come_back() {
    let obedient = Obedient::default();
    let (entered, release) = (Arc::clone(&obedient.entered), Arc::clone(&obedient.release));
    let limits = RpcLimits {
        max_in_flight: 1,
        ..RpcLimits::default()
    };
    let server = limited(limits, obedient).await;
    let mut first = server.keys(&server.token(Some("shop"), &[role::CLERK]));
    let mut second = first.clone();
    let waiting = tokio::spawn(async move { ask(&mut first, "wait").await });
    entered.notified().await;
    let status = ask(&mut second, "").await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(reason(&status), "OVERLOADED");
    assert!(status.get_details_retry_info().is_some());
    release.notify_one();
    assert!(waiting.await.unwrap().is_ok());
    assert!(ask(&mut second, "").await.is_ok());
}

#[tokio::test]
async fn trace_correlation_and_cause_travel_with_a_services_call() {
    let server = TestServer::start(Obedient::routes()).await;
    let tenant = TenantId::new("shop").unwrap();
    let metadata = EventMetadata {
        causation_id: "event-1".into(),
        correlation_id: "flow-1".into(),
        traceparent: TRACE.into(),
        ..EventMetadata::default()
    };
    let call = Call::from_metadata(&tenant, &metadata);
    let remote = server.remote(&server.token(None, &[role::SERVICE]));
    let told = ask(&mut remote.key_store(&call).unwrap(), "")
        .await
        .unwrap();
    assert_eq!(told["correlation"], "flow-1");
    assert_eq!(told["causation"], "event-1");
    assert_eq!(told["traceparent"], TRACE);
    assert_eq!(told["tenant"], "shop");
    // A person may name a correlation, but not claim to act because of an event.
    let remote = server.remote(&server.token(Some("shop"), &[role::CLERK]));
    let told = ask(&mut remote.key_store(&call).unwrap(), "")
        .await
        .unwrap();
    assert_eq!(
        (told["correlation"].as_str(), told["causation"].as_str()),
        ("flow-1", "")
    );
}

#[tokio::test]
async fn a_peer_that_is_away_is_worth_a_retry_and_an_unknown_one_is_not() {
    let server = TestServer::start(Obedient::routes()).await;
    let token = server.token(None, &[role::SERVICE]);
    let remote = server.remote(&token);
    let status = remote.aftersales(&Call::system()).unwrap_err();
    assert_eq!(reason(&status), "PEER_NOT_CONFIGURED");
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let settings = ordo_rpc::RemoteSettings {
        peers: [("intake".to_owned(), format!("http://{gone}"))].into(),
        ..ordo_rpc::RemoteSettings::default()
    };
    let remote = ordo_rpc::Remote::new(settings, ordo_rpc::TokenSource::fixed(token)).unwrap();
    let status = ask(&mut remote.key_store(&Call::system()).unwrap(), "")
        .await
        .unwrap_err();
    assert_eq!(classify(&status), Verdict::Retry, "{status:?}");
}
