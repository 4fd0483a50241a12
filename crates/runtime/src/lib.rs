//! Configuration, telemetry, health and the ordered life of a service process.
//!
//! ```ignore
//! // main.rs
//! fn main() -> std::process::ExitCode {
//!     ordo_runtime::main("intake", ordo_intake::run)
//! }
//!
//! // lib.rs
//! pub async fn run(config: ServiceConfig, shutdown: CancellationToken) -> Result<(), HostError> {
//!     let mut host = Host::start("intake", config).await?;
//!     let inventory = host.remote_source("inventory").await;
//!     let orders = host.project(OrderList, vec![host.own_source()]).await?;
//!     host.react(ReserveStock::new(host.remote()), vec![host.own_source()]).await?;
//!     let routes = Routes::new(IntakeServer::new(IntakeService::new(&host, orders)));
//!     host.serve(MethodRoles::new(ROLES), routes, shutdown.cancelled_owned()).await
//! }
//! ```
//!
//! # Order of life
//!
//! | start | end |
//! |---|---|
//! | telemetry | traces are flushed |
//! | log | log closes |
//! | keys | relay stops |
//! | gRPC: health NOT_SERVING, log readable; probes | read models close |
//! | broker (may be away) | reactions close |
//! | sources, read models, reactions | calls drain |
//! | relay | health NOT_SERVING |
//! | health SERVING | signal |

/// A service makes and frees many small values on many threads: the system's allocator took a sixth of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod background;
mod config;
mod connections;
mod files;
mod gateway;
mod host;
pub mod plugged;
mod probes;
pub mod settings;
mod start;
mod telemetry;
mod vault;

pub use background::Background;
pub use config::{
    AuthConfig, KeysConfig, LogFormat, NatsConfig, ServiceConfig, TelemetryConfig, TlsConfig,
};
pub use gateway::GatewayError;
pub use host::{Host, HostError};
pub use settings::{ConfigFault, ConfigFaults, Settings};
pub use start::{all_settings, main, main_with};
pub use telemetry::TelemetryError;
pub use tokio_util::sync::CancellationToken;
