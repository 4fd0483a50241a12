use std::{net::SocketAddr, time::Duration};

use ordo_proto::{
    log::{GetHeadsRequest, SubscribeRequest, event_log_client::EventLogClient},
    ops::{
        ListProjectionsRequest, ListReactionsRequest, VerifyRequest,
        operations_client::OperationsClient,
    },
    privacy::GetDataKeysRequest,
};
use ordo_rpc::{Call, role};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tonic::Code;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

use crate::service::{Place, SOON, run};

async fn http(address: SocketAddr, path: &str) -> (u16, String) {
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let code = answer.split_whitespace().nth(1).unwrap().parse().unwrap();
    (code, answer)
}

fn wait() -> GetDataKeysRequest {
    GetDataKeysRequest {
        key_ids: vec!["shop/c-1/1".into()],
        purpose: "wait".into(),
    }
}

#[tokio::test]
async fn a_service_tells_that_it_is_ready_in_every_way() {
    let place = Place::new();
    let service = run(&place, "intake", &[]).await;
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", service.address))
        .unwrap()
        .connect_lazy();
    let mut health = HealthClient::new(channel);
    for name in [
        "",
        "ordo.privacy.v1.KeyStore",
        "ordo.log.v1.EventLog",
        "ordo.ops.v1.Operations",
    ] {
        let request = HealthCheckRequest {
            service: name.into(),
        };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{name}");
    }
    assert_eq!(http(service.metrics, "/health/live").await.0, 200);
    assert_eq!(http(service.metrics, "/health/ready").await.0, 200);
    let remote = place.remote(service.address, role::SERVICE);
    let mut log = remote.event_log("intake", &Call::system()).unwrap();
    log.get_heads(GetHeadsRequest {}).await.unwrap();
    let (code, metrics) = http(service.metrics, "/metrics").await;
    assert_eq!(code, 200);
    assert!(
        metrics.contains(
            "ordo_rpc_requests_total{method=\"/ordo.log.v1.EventLog/GetHeads\",code=\"OK\"}"
        ),
        "{metrics}"
    );
    assert!(metrics.contains("ordo_rpc_request_seconds_bucket"));
    service.shutdown.cancel();
    service.ended.await.unwrap().unwrap();
    assert!(!place.ready_file().exists());
}

#[tokio::test]
async fn reflection_lists_every_service_that_is_served() {
    let place = Place::new();
    let service = run(&place, "intake", &[]).await;
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{}", service.address))
        .unwrap()
        .connect_lazy();
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut answers = ServerReflectionClient::new(channel)
        .server_reflection_info(tokio_stream::once(request))
        .await
        .unwrap()
        .into_inner();
    let answer = answers
        .message()
        .await
        .unwrap()
        .unwrap()
        .message_response
        .unwrap();
    let MessageResponse::ListServicesResponse(list) = answer else {
        panic!("{answer:?}");
    };
    let mut names: Vec<_> = list
        .service
        .into_iter()
        .map(|service| service.name)
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "grpc.reflection.v1alpha.ServerReflection",
            "ordo.log.v1.EventLog",
            "ordo.ops.v1.Operations",
            "ordo.privacy.v1.KeyStore",
        ]
    );
}

#[tokio::test]
async fn operators_see_read_models_reactions_and_checks() {
    let place = Place::new();
    let service = run(&place, "intake", &[]).await;
    let remote = place.remote(service.address, role::OPERATOR);
    let mut operations = remote.operations("intake", &Call::system()).unwrap();
    let projections = operations
        .list_projections(ListProjectionsRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(projections.projections[0].name, "empty");
    let reactions = operations
        .list_reactions(ListReactionsRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reactions.reactions[0].name, "idle");
    let mut found = operations
        .verify(VerifyRequest::default())
        .await
        .unwrap()
        .into_inner();
    let mut names = Vec::new();
    while let Some(outcome) = found.message().await.unwrap() {
        assert!(outcome.ok, "{outcome:?}");
        names.push(outcome.check);
    }
    assert!(names.contains(&"log.positions".to_owned()), "{names:?}");
    assert!(names.contains(&"projection.empty".to_owned()), "{names:?}");
}

#[tokio::test]
async fn a_drain_lets_calls_end_and_ends_subscriptions() {
    let mut place = Place::new();
    place.set("shutdown_delay", "300ms");
    let service = run(&place, "intake", &[]).await;
    let remote = place.remote(service.address, role::SERVICE);
    let mut keys = remote.key_store(&Call::system()).unwrap();
    let call = tokio::spawn(async move { keys.get_data_keys(wait()).await });
    service.entered.notified().await;
    let mut log = EventLogClient::new(remote.stream_channel("intake", &Call::system()).unwrap());
    let mut items = log
        .subscribe(SubscribeRequest::default())
        .await
        .unwrap()
        .into_inner();
    items.message().await.unwrap();

    service.shutdown.cancel();
    // Probes turn first, while calls are still taken.
    ordo_testkit::eventually(SOON, async || {
        http(service.metrics, "/health/ready").await.0 == 503
    })
    .await;
    let status = loop {
        match tokio::time::timeout(SOON, items.message()).await.unwrap() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the subscription ended without a reason"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        ordo_rpc::reason_of(&status).as_deref(),
        Some("SHUTTING_DOWN")
    );
    assert!(!service.ended.is_finished());
    service.release.notify_one();
    call.await.unwrap().unwrap();
    tokio::time::timeout(SOON, service.ended)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_cut_off_at_the_end_of_the_drain() {
    let mut place = Place::new();
    place.set("shutdown_timeout", "200ms");
    let service = run(&place, "intake", &[]).await;
    let remote = place.remote(service.address, role::SERVICE);
    let mut keys = remote.key_store(&Call::system()).unwrap();
    let call = tokio::spawn(async move { keys.get_data_keys(wait()).await });
    service.entered.notified().await;
    service.shutdown.cancel();
    tokio::time::timeout(SOON, service.ended)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    drop(service.release);
    let cut = call.await.unwrap();
    assert!(cut.is_err());
}

#[tokio::test]
async fn a_service_starts_without_its_broker_and_peers_and_knows_its_log() {
    let mut place = Place::new();
    let gone = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    place.set("nats.url", format!("nats://{gone}"));
    place.set("peers.inventory", format!("http://{gone}"));
    let service = run(&place, "intake", &["inventory"]).await;
    assert_eq!(service.log.partitions(), 1);
    assert_eq!(http(service.metrics, "/health/ready").await.0, 200);
    // The broker is waited for, but not as long as a copy that heals.
    let remote = place.remote(service.address, role::OPERATOR);
    let channel = remote.stream_channel("intake", &Call::system()).unwrap();
    let request = VerifyRequest {
        checks: vec!["broker.copy".to_owned()],
    };
    let began = std::time::Instant::now();
    let mut found = OperationsClient::new(channel)
        .verify(request)
        .await
        .unwrap()
        .into_inner();
    let outcome = found.message().await.unwrap().unwrap();
    assert!(
        !outcome.ok && outcome.difference.contains("(waited "),
        "{outcome:?}"
    );
    assert!(
        began.elapsed() < Duration::from_secs(15),
        "{:?}",
        began.elapsed()
    );
    service.shutdown.cancel();
    tokio::time::timeout(SOON, service.ended)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn before_it_is_ready_a_service_shows_its_log_and_asks_callers_to_come_back() {
    let mut place = Place::new();
    place.set("listen", "127.0.0.1:0");
    let host = ordo_runtime::Host::start("intake", place.config())
        .await
        .unwrap();
    let remote = place.remote(host.address(), role::SERVICE);
    let mut log = remote.event_log("intake", &Call::system()).unwrap();
    assert_eq!(
        log.get_heads(GetHeadsRequest {})
            .await
            .unwrap()
            .into_inner()
            .heads
            .len(),
        1
    );
    let mut keys = remote.key_store(&Call::system()).unwrap();
    let status = keys.get_data_keys(wait()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(ordo_rpc::reason_of(&status).as_deref(), Some("STARTING"));
    // A host that is dropped before it serves leaves nothing behind that answers.
    drop(host);
    ordo_testkit::eventually(SOON, async || {
        log.clone().get_heads(GetHeadsRequest {}).await.is_err()
    })
    .await;
}

#[tokio::test]
async fn two_services_read_each_others_logs_without_a_broker() {
    let mut first = Place::new();
    let second = {
        let mut second = Place::new();
        std::fs::copy(
            &first.settings["auth.signing_key_file"],
            &second.settings["auth.signing_key_file"],
        )
        .unwrap();
        second.issuer =
            ordo_rpc::TokenIssuer::from_text(&first.issuer.private_pem().unwrap()).unwrap();
        second
    };
    let inventory = run(&second, "inventory", &[]).await;
    first.set("peers.inventory", format!("http://{}", inventory.address));
    let intake = run(&first, "intake", &["inventory"]).await;
    let remote = first.remote(intake.address, role::OPERATOR);
    let mut operations = remote.operations("intake", &Call::system()).unwrap();
    let answer = operations
        .list_projections(ListProjectionsRequest {})
        .await
        .unwrap()
        .into_inner();
    let followed: Vec<_> = answer.projections[0]
        .progress
        .iter()
        .map(|progress| progress.service.as_str())
        .collect();
    assert_eq!(followed, ["intake", "inventory"]);
    inventory.shutdown.cancel();
    tokio::time::timeout(SOON, inventory.ended)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
