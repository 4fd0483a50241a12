//! `/metrics`, `/health/live` and `/health/ready` over plain HTTP, and gRPC health.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::telemetry::Telemetry;

/// Whether the service takes calls, as every probe tells it.
#[derive(Clone)]
pub(crate) struct Health {
    serving: Arc<AtomicBool>,
    reporter: HealthReporter,
}

impl Health {
    /// Not serving yet.
    pub(crate) async fn new(reporter: HealthReporter) -> Self {
        let health = Self {
            serving: Arc::new(AtomicBool::new(false)),
            reporter,
        };
        health.set(false, &[]).await;
        health
    }

    /// Tells the process (the empty name) and `services` apart by nothing: all serve or none does.
    pub(crate) async fn set(&self, serving: bool, services: &[String]) {
        self.serving.store(serving, Ordering::Release);
        let status = if serving {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        };
        self.reporter.set_service_status("", status).await;
        for service in services {
            self.reporter.set_service_status(service, status).await;
        }
    }

    pub(crate) fn reporter(&self) -> HealthReporter {
        self.reporter.clone()
    }

    fn serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }
}

/// Serves the probes until `stop` fires. The address that is really bound.
pub(crate) async fn serve(
    address: SocketAddr,
    health: Health,
    telemetry: Telemetry,
    stop: CancellationToken,
) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let bound = listener.local_addr()?;
    let router = Router::new()
        .route(
            "/metrics",
            get(
                |State((_, telemetry)): State<(Health, Telemetry)>| async move {
                    telemetry.render_metrics()
                },
            ),
        )
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .with_state((health, telemetry));
    tokio::spawn(async move {
        let served = axum::serve(listener, router)
            .with_graceful_shutdown(stop.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the probes are not served any more");
        }
    });
    Ok(bound)
}

async fn ready(State((health, _)): State<(Health, Telemetry)>) -> (StatusCode, &'static str) {
    if health.serving() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
