//! Logs, traces and metrics of the process. Set up once; later calls find it done.

use std::{io::IsTerminal as _, sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{Sampler, SdkTracerProvider},
};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::config::{LogFormat, TelemetryConfig};

/// Seconds at which durations are counted.
const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

static INSTALLED: OnceLock<Telemetry> = OnceLock::new();

/// What the process has set up.
#[derive(Clone)]
pub(crate) struct Telemetry {
    metrics: Option<PrometheusHandle>,
    traces: Option<SdkTracerProvider>,
}

/// Traces cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error("the OTLP exporter cannot be built")]
pub struct TelemetryError(#[from] opentelemetry_otlp::ExporterBuildError);

impl Telemetry {
    /// Sets up what the first caller wants. Tests and one-process starts run several services: the first one decides.
    pub(crate) fn install(
        service: &'static str,
        config: &TelemetryConfig,
    ) -> Result<Self, TelemetryError> {
        if let Some(installed) = INSTALLED.get() {
            return Ok(installed.clone());
        }
        let traces = match &config.otlp_endpoint {
            Some(endpoint) => Some(tracer_provider(service, endpoint, config.sample_per_mille)?),
            None => None,
        };
        Ok(INSTALLED
            .get_or_init(|| Self::set_up(config, traces))
            .clone())
    }

    /// For a service in a simulation, which measures for itself.
    pub(crate) fn none() -> Self {
        ordo_projection::install_trace_hooks(trace_hooks());
        Self {
            metrics: None,
            traces: None,
        }
    }

    fn set_up(config: &TelemetryConfig, traces: Option<SdkTracerProvider>) -> Self {
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        if let Some(provider) = &traces {
            opentelemetry::global::set_tracer_provider(provider.clone());
        }
        ordo_projection::install_trace_hooks(trace_hooks());
        let exported = traces.as_ref().map(|provider| {
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("ordo"))
                .with_location(false)
                .with_threads(false)
                .with_filter(LevelFilter::INFO)
        });
        // Somebody who set up logging before keeps it.
        let _ = tracing_subscriber::registry()
            .with(lines(config))
            .with(exported)
            .try_init();
        Self {
            metrics: recorder(),
            traces,
        }
    }

    /// The metrics in Prometheus' text form.
    pub(crate) fn render_metrics(&self) -> String {
        let Some(metrics) = &self.metrics else {
            return String::new();
        };
        metrics.run_upkeep();
        metrics.render()
    }

    /// Forgets old samples; called every few seconds also when nobody scrapes.
    pub(crate) fn upkeep(&self) {
        if let Some(metrics) = &self.metrics {
            metrics.run_upkeep();
        }
    }

    /// Sends what is not sent yet, for at most `patience`.
    pub(crate) async fn flush(&self, patience: Duration) {
        let Some(provider) = self.traces.clone() else {
            return;
        };
        let flushed = tokio::task::spawn_blocking(move || provider.force_flush());
        match tokio::time::timeout(patience, flushed).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "traces were not sent"),
            Ok(Err(_)) | Err(_) => tracing::warn!("traces were not sent in time"),
        }
    }
}

fn trace_hooks() -> ordo_projection::TraceHooks {
    ordo_projection::TraceHooks {
        set_span_parent: ordo_rpc::set_span_parent,
        current_traceparent: ordo_rpc::current_traceparent,
    }
}

/// Log lines on standard error.
fn lines(config: &TelemetryConfig) -> Box<dyn tracing_subscriber::Layer<Registry> + Send + Sync> {
    let filter: Targets = config
        .log_filter
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(LevelFilter::INFO));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match config.log_format {
        LogFormat::Human => layer
            .with_ansi(std::io::stderr().is_terminal())
            .with_filter(filter)
            .boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
    }
}

fn tracer_provider(
    service: &'static str,
    endpoint: &str,
    sample_per_mille: u32,
) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(Duration::from_secs(5))
        .build()?;
    let share = f64::from(sample_per_mille.min(1000)) / 1000.0;
    let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(share)));
    let resource = Resource::builder()
        .with_service_name(format!("ordo-{service}"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(sampler)
        .with_resource(resource)
        .build())
}

/// `None` when the process has another recorder.
fn recorder() -> Option<PrometheusHandle> {
    let builder = PrometheusBuilder::new();
    let builder = builder
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), BUCKETS)
        .ok()?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).ok()?;
    Some(handle)
}

#[cfg(test)]
#[path = "telemetry_tests.rs"]
mod tests;
