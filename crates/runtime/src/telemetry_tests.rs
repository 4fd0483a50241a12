#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
    trace_service_server::{TraceService, TraceServiceServer},
};
use tokio::net::TcpListener;
use tonic::{Request, Response, Status, transport::Server};

use super::*;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Keeps what it is sent: service name, span name and trace id.
#[derive(Clone, Default)]
struct Collector(std::sync::Arc<Mutex<Vec<(String, String, String)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let service = attributes
                .into_iter()
                .find(|attribute| attribute.key == "service.name")
                .map(|attribute| format!("{:?}", attribute.value))
                .unwrap_or_default();
            for span in resource
                .scope_spans
                .into_iter()
                .flat_map(|scope| scope.spans)
            {
                let trace: String = span
                    .trace_id
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                self.0
                    .lock()
                    .unwrap()
                    .push((service.clone(), span.name, trace));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// The only test that sets up the process's telemetry: it can be done once.
#[tokio::test(flavor = "multi_thread")]
async fn spans_of_sampled_callers_reach_the_collector_in_their_trace() {
    let collector = Collector::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tonic::transport::server::TcpIncoming::from(listener);
    let service = TraceServiceServer::new(collector.clone());
    tokio::spawn(
        Server::builder()
            .add_service(service)
            .serve_with_incoming(incoming),
    );

    let config = TelemetryConfig {
        log_format: LogFormat::Json,
        log_filter: "info".into(),
        otlp_endpoint: Some(format!("http://{address}")),
        sample_per_mille: 0,
    };
    let telemetry = Telemetry::install("intake", &config).unwrap();
    let span = tracing::info_span!("work");
    ordo_rpc::set_span_parent(&span, &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let onward = span.in_scope(|| ordo_rpc::current_traceparent().unwrap());
    assert!(
        onward.starts_with(&format!("00-{TRACE}-")) && onward.ends_with("-01"),
        "{onward}"
    );
    drop(span);
    // A trace that begins here is not sampled at 0 per mille.
    tracing::info_span!("unsampled").in_scope(|| ());
    telemetry.flush(Duration::from_secs(10)).await;

    let seen = collector.0.lock().unwrap().clone();
    assert_eq!(seen.len(), 1, "{seen:?}");
    let (service, name, trace) = &seen[0];
    assert!(service.contains("ordo-intake"), "{service}");
    assert_eq!((name.as_str(), trace.as_str()), ("work", TRACE));

    metrics::counter!("telemetry_test_total").increment(2);
    assert!(
        telemetry
            .render_metrics()
            .contains("telemetry_test_total 2")
    );
}
