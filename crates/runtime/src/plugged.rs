//! A service without sockets: the seam for the simulation (`tests/sim`), which runs whole services in one thread. Its
//! databases are plugged in by [`StoreUrl::Plugged`](ordo_sql::StoreUrl::Plugged).

use std::{fmt, io, sync::Arc};

use futures::stream::BoxStream;
use ordo_bus::plugged::Broker;
use ordo_rpc::Connector;
use tokio::io::DuplexStream;

/// Connections that come in.
pub type Incoming = BoxStream<'static, io::Result<DuplexStream>>;

/// What a service has in place of sockets.
#[derive(Clone)]
pub struct Plugs {
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// The way to other services; their addresses in the configuration are only names then.
    pub connector: Connector,
    /// Gives the connections of clients.
    pub listen: Arc<dyn Fn() -> Incoming + Send + Sync>,
}

impl fmt::Debug for Plugs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plugs")
    }
}
