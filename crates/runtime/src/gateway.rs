//! The gRPC server. It answers from the moment the log is open: health, reflection and the log first, so that services
//! that start together can read each other's logs; the service's own methods when it is ready.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use arc_swap::ArcSwap;
use futures::Stream;
use http::{Request, Response};
use ordo_rpc::{RpcLayer, RpcService};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    service::Routes,
    transport::{
        Certificate, Identity, Server, ServerTlsConfig,
        server::{Connected, TcpIncoming},
    },
};
use tower::{Layer as _, Service};

use crate::{config::TlsConfig, files::read, plugged::Incoming};

type Layered = RpcService<Routes>;

/// A server whose routes are exchanged while it runs.
pub(crate) struct Gateway {
    address: SocketAddr,
    current: Arc<ArcSwap<Layered>>,
    stop: CancellationToken,
    server: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Bind {
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key cannot be read.
    #[error("cannot read {path}")]
    File {
        /// File.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Certificate or key make no sense.
    #[error("the TLS configuration is not usable")]
    Tls(#[source] tonic::transport::Error),
}

impl Gateway {
    /// Binds and serves `routes` behind `layer`.
    pub(crate) async fn start(
        listen: SocketAddr,
        bound: Option<&std::net::TcpListener>,
        tls: &TlsConfig,
        layer: &RpcLayer,
        routes: Routes,
    ) -> Result<Self, GatewayError> {
        let bind = |source| GatewayError::Bind {
            address: listen,
            source,
        };
        let listener = match bound {
            Some(socket) => {
                let socket = socket.try_clone().map_err(bind)?;
                socket.set_nonblocking(true).map_err(bind)?;
                TcpListener::from_std(socket).map_err(bind)?
            }
            None => TcpListener::bind(listen).await.map_err(bind)?,
        };
        let address = listener.local_addr().map_err(bind)?;
        let mut server = server();
        if let Some(tls) = server_tls(tls)? {
            server = server.tls_config(tls).map_err(GatewayError::Tls)?;
        }
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Ok(Self::serve(server, address, incoming, layer, routes))
    }

    /// Serves `routes` behind `layer` to connections that are no sockets.
    pub(crate) fn start_on(
        address: SocketAddr,
        incoming: Incoming,
        layer: &RpcLayer,
        routes: Routes,
    ) -> Self {
        Self::serve(server(), address, incoming, layer, routes)
    }

    fn serve<C>(
        server: Server,
        address: SocketAddr,
        incoming: impl Stream<Item = std::io::Result<C>> + Send + 'static,
        layer: &RpcLayer,
        routes: Routes,
    ) -> Self
    where
        C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
    {
        let current = Arc::new(ArcSwap::from_pointee(layer.layer(routes)));
        let service = Exchange(Arc::clone(&current));
        let stop = CancellationToken::new();
        let served =
            server.serve_with_incoming_shutdown(service, incoming, stop.clone().cancelled_owned());
        Self {
            address,
            current,
            stop,
            server: tokio::spawn(served),
        }
    }

    /// The address that is really bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `routes` from now on.
    pub(crate) fn exchange(&self, layer: &RpcLayer, routes: Routes) {
        self.current.store(Arc::new(layer.layer(routes.prepare())));
    }

    /// Waits for the server to fail, which it does not do by itself as long as its socket works.
    pub(crate) async fn failed(&mut self) -> String {
        match (&mut self.server).await {
            Ok(Ok(())) => "it stopped accepting connections".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(lost) => lost.to_string(),
        }
    }

    /// Takes no new connections and waits until the present calls have ended, at most `patience`. False when some had to
    /// be cut off.
    pub(crate) async fn drain(&mut self, patience: Duration) -> bool {
        self.stop.cancel();
        if self.server.is_finished() {
            return true;
        }
        match tokio::time::timeout(patience, &mut self.server).await {
            Ok(Ok(Err(error))) => {
                tracing::error!(%error, "the gRPC server failed");
                true
            }
            Ok(_) => true,
            Err(_) => {
                self.server.abort();
                false
            }
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Hands each call to the routes that are current when it comes.
#[derive(Clone)]
struct Exchange(Arc<ArcSwap<Layered>>);

impl Service<Request<Body>> for Exchange {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = <Layered as Service<Request<Body>>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Routes are always ready; places are counted per call.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let mut current = Layered::clone(&self.0.load());
        current.call(request)
    }
}

fn server() -> Server {
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_concurrent_streams(4096)
        .initial_connection_window_size(4 * 1024 * 1024)
        .initial_stream_window_size(1024 * 1024)
}

fn server_tls(tls: &TlsConfig) -> Result<Option<ServerTlsConfig>, GatewayError> {
    let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) else {
        return Ok(None);
    };
    let file = |path: &std::path::Path| {
        read(path).map_err(|source| GatewayError::File {
            path: path.to_owned(),
            source,
        })
    };
    let mut config = ServerTlsConfig::new().identity(Identity::from_pem(file(cert)?, file(key)?));
    if let Some(authority) = &tls.client_ca_file {
        config = config.client_ca_root(Certificate::from_pem(file(authority)?));
    }
    Ok(Some(config))
}
