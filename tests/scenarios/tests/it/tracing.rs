//! One trace from the adapter's call through all four services.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use ordo_scenarios::{Shop, Store, TENANT, orders::order};
use ordo_testkit::eventually;
use tonic::{Request, Response, Status};

/// Services seen, by trace id.
type Traces = Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>;

struct Collector(Traces);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut traces = self.0.lock().unwrap();
        for resource in request.into_inner().resource_spans {
            let service = resource
                .resource
                .iter()
                .flat_map(|resource| &resource.attributes)
                .find(|attribute| attribute.key == "service.name")
                .map(|attribute| format!("{:?}", attribute.value))
                .unwrap_or_default();
            for span in resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
                let trace: String = span
                    .trace_id
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                traces.entry(trace).or_default().insert(service.clone());
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test]
async fn one_trace_spans_all_four_services() {
    let traces = Traces::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let server = tonic::transport::Server::builder()
        .add_service(TraceServiceServer::new(Collector(Arc::clone(&traces))))
        .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
    let collector = tokio::spawn(server);

    let settings = [
        ("telemetry.otlp_endpoint", endpoint.as_str()),
        ("telemetry.sample_per_mille", "1000"),
    ];
    let shop = Shop::open_with(Store::Sqlite, &settings).await;
    shop.stock("TEA", 5).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let mut request = Request::new(order("1", &[("TEA", 1)]));
    let traceparent = format!("00-{trace}-00f067aa0ba902b7-01");
    request
        .metadata_mut()
        .insert("traceparent", traceparent.parse().unwrap());
    let tenant = ordo_event_log::TenantId::new(TENANT).unwrap();
    let token = shop
        .cluster
        .keys()
        .token("adapter", &tenant, &["channel"])
        .unwrap();
    request
        .metadata_mut()
        .insert("authorization", format!("Bearer {token}").parse().unwrap());
    let url = shop.cluster.file().services["intake"].clone();
    let channel = tonic::transport::Endpoint::from_shared(url)
        .unwrap()
        .connect()
        .await
        .unwrap();
    let placed = ordo_proto::intake::intake_client::IntakeClient::new(channel)
        .place_order(request)
        .await
        .unwrap();
    shop.fulfil(&placed.into_inner().order_id).await;

    eventually(Duration::from_secs(60), async || {
        let traces = traces.lock().unwrap();
        let services = traces.get(trace).cloned().unwrap_or_default();
        ["intake", "inventory", "fulfilment", "aftersales"]
            .iter()
            .all(|service| services.iter().any(|seen| seen.contains(service)))
    })
    .await;
    shop.close().await;
    collector.abort();
}
