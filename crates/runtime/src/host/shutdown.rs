//! Telling the world that the service is ready, and ending it in order.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures::future::join_all;
use ordo_bus::Relay;

use super::{Host, HostError};
use crate::files::write_whole;

impl Host {
    /// One line on standard output, and the ready file when one is configured.
    pub(super) fn announce(&self) -> Result<(), HostError> {
        let grpc = self.gateway.address();
        let metrics = self
            .metrics_address
            .map(|address| address.to_string())
            .unwrap_or_default();
        tracing::info!(service = self.service, %grpc, metrics, "ready");
        #[allow(clippy::print_stdout, reason = "the line that supervisors wait for")]
        if self.config.plugs.is_none() {
            println!("ordo-{} ready grpc={grpc} metrics={metrics}", self.service);
        }
        if let Some(path) = &self.config.ready_file {
            let ready = serde_json::json!({
                "service": self.service,
                "grpc": grpc.to_string(),
                "metrics": metrics,
            });
            write_whole(path, &format!("{ready}\n")).map_err(|source| HostError::File {
                path: path.clone(),
                source,
            })?;
        }
        Ok(())
    }

    /// Health NOT_SERVING, and whatever another replica can do goes to it; no new calls, present ones end; reactions; relay;
    /// read models; log; traces.
    pub(super) async fn end(&mut self, services: &[String], relay: Option<Relay>) {
        let service = self.service;
        tracing::info!(service, "draining");
        self.health.set(false, services).await;
        if let Some(path) = &self.config.ready_file {
            // Not there any more: as it should be.
            let _ = std::fs::remove_file(path);
        }
        self.leases.leave();
        tokio::time::sleep(self.config.shutdown_delay).await;
        let end = Instant::now() + self.config.shutdown_timeout;
        let left = || end.saturating_duration_since(Instant::now());

        self.drain.cancel();
        if !self.gateway.drain(left()).await {
            tracing::warn!(
                service,
                "calls were cut off: they took longer than the drain may"
            );
        }
        let reactions = join_all(self.reactors.iter().map(|reactor| reactor.close()));
        step("reactions", left(), reactions).await;
        if let Some(relay) = relay {
            step("relay", left(), relay.close()).await;
        }
        let read_models = join_all(self.read_models.iter().map(|model| model.close()));
        step("read models", left(), read_models).await;
        step("leases", left(), self.leases.close()).await;
        step("log", left(), self.log.close()).await;
        self.stop.cancel();
        tracing::info!(service, "ended");
        self.telemetry
            .flush(left().max(Duration::from_secs(1)))
            .await;
    }
}

async fn step<T>(name: &str, patience: Duration, work: impl Future<Output = T>) {
    // Even when the time is up, what ends at once may do so.
    let patience = patience.max(Duration::from_millis(100));
    if tokio::time::timeout(patience, work).await.is_err() {
        tracing::warn!(step = name, "did not end in time");
    }
}
