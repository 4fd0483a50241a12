//! Sign-in, tenants, reflection, health.

use ordo_proto::intake::{GetOrderRequest, ListOrdersRequest, get_order_request::Key};
use ordo_rpc::Call;
use ordo_scenarios::{Shop, Store, TENANT, orders::order};
use tonic::{Code, transport::Endpoint};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

#[tokio::test]
async fn one_tenant_never_sees_anothers_orders() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", 5).await;
    let id = shop.placed(order("1", &[("TEA", 1)])).await;
    shop.settle().await;
    let other = shop.as_caller("mallory", "othershop", &["admin"]);
    let call = Call::new(&ordo_event_log::TenantId::new("othershop").unwrap());
    let get = GetOrderRequest {
        key: Some(Key::OrderId(id)),
        at_least: None,
    };
    let refused = other
        .intake(&call)
        .unwrap()
        .get_order(get)
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let list = other
        .intake(&call)
        .unwrap()
        .list_orders(ListOrdersRequest::default())
        .await
        .unwrap();
    assert!(list.into_inner().orders.is_empty());
    shop.close().await;
}

#[tokio::test]
async fn without_a_token_or_the_role_nothing_is_done() {
    let shop = Shop::open(Store::Sqlite).await;
    let channel = Endpoint::from_shared(shop.cluster.file().services["intake"].clone())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut nobody = ordo_proto::intake::intake_client::IntakeClient::new(channel);
    let refused = nobody
        .place_order(order("1", &[("TEA", 1)]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);

    let picker = shop.as_caller("pip", TENANT, &["picker"]);
    let call = Call::new(&ordo_event_log::TenantId::new(TENANT).unwrap());
    let refused = picker
        .intake(&call)
        .unwrap()
        .place_order(order("1", &[("TEA", 1)]))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    shop.close().await;
}

#[tokio::test]
async fn reflection_lists_every_service_and_metrics_and_health_answer() {
    let shop = Shop::open(Store::Sqlite).await;
    for (service, own) in [
        ("intake", "ordo.intake.v1.Intake"),
        ("inventory", "ordo.inventory.v1.Inventory"),
        ("fulfilment", "ordo.fulfilment.v1.Fulfilment"),
        ("aftersales", "ordo.aftersales.v1.Aftersales"),
    ] {
        let url = shop.cluster.file().services[service].clone();
        let channel = Endpoint::from_shared(url).unwrap().connect().await.unwrap();
        let ask = ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut answers = ServerReflectionClient::new(channel)
            .server_reflection_info(tokio_stream::iter([ask]))
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
            panic!("{answer:?}")
        };
        let names: Vec<String> = list
            .service
            .into_iter()
            .map(|service| service.name)
            .collect();
        for name in [
            own,
            "ordo.log.v1.EventLog",
            "ordo.ops.v1.Operations",
            "grpc.health.v1.Health",
        ] {
            assert!(
                names.iter().any(|listed| listed == name),
                "{name} is not among {names:?}"
            );
        }
        let metrics = shop.http_get(service, "/metrics").await.unwrap();
        assert!(metrics.contains("ordo_"), "{metrics}");
        let health = shop.http_get(service, "/health/ready").await.unwrap();
        assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    }
    shop.close().await;
}
