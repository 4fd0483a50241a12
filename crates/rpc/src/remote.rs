//! Clients of the other services.

use std::{collections::BTreeMap, fmt, io, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use hyper_util::rt::TokioIo;
use ordo_proto::{
    aftersales::aftersales_client::AftersalesClient,
    fulfilment::fulfilment_client::FulfilmentClient, intake::intake_client::IntakeClient,
    inventory::inventory_client::InventoryClient, log::event_log_client::EventLogClient,
    ops::operations_client::OperationsClient, privacy::key_store_client::KeyStoreClient,
};
use tokio::io::DuplexStream;
use tonic::{
    Status,
    service::interceptor::InterceptedService,
    transport::{ClientTlsConfig, Endpoint},
};

use crate::{
    auth::TokenSource,
    call::{Call, CallSigner},
    reason::PEER_NOT_CONFIGURED,
    refusal::{Refusal, status},
    replicas::PeerChannel,
};

/// A channel whose calls carry token, tenant, trace and deadline.
pub type SignedChannel = InterceptedService<PeerChannel, CallSigner>;

/// Largest message taken or sent, in bytes; the same on servers.
pub const MAX_MESSAGE: usize = 16 * 1024 * 1024;

/// Where the other services are.
#[derive(Clone, Debug)]
pub struct RemoteSettings {
    /// Service name (`intake` …) → `http://host:port` or `https://host:port`; one for each replica, separated by commas.
    pub peers: BTreeMap<String, String>,
    /// For `https` peers.
    pub tls: Option<ClientTlsConfig>,
    /// Deadline of a call that sets none. Default 5 s.
    pub timeout: Duration,
    /// Opens connections that are no sockets.
    pub connector: Option<Connector>,
}

/// Opens a connection to a service by its name, in place of a socket to its address. For the simulation (`tests/sim`).
#[derive(Clone)]
pub struct Connector(Arc<dyn Fn(&str) -> Connecting + Send + Sync>);

/// A connection that is being opened.
pub type Connecting = BoxFuture<'static, io::Result<DuplexStream>>;

impl Connector {
    /// Connects with `connect`.
    pub fn new(connect: impl Fn(&str) -> Connecting + Send + Sync + 'static) -> Self {
        Self(Arc::new(connect))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connector")
    }
}

impl Default for RemoteSettings {
    fn default() -> Self {
        Self {
            peers: BTreeMap::new(),
            tls: None,
            timeout: Duration::from_secs(5),
            connector: None,
        }
    }
}

/// A peer's address that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` is not the address of a gRPC server ({service})")]
pub struct RemoteError {
    /// Name of the peer.
    pub service: String,
    /// As configured.
    pub url: String,
    /// Why.
    pub source: tonic::transport::Error,
}

/// Clients of the other services. Connects when first used and again when a connection is lost; cheap to clone.
#[derive(Clone, Debug)]
pub struct Remote(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    channels: BTreeMap<String, PeerChannel>,
    tokens: TokenSource,
    timeout: Duration,
}

impl Remote {
    /// Checks the addresses; connects to nothing yet. Must be called inside a tokio runtime.
    pub fn new(settings: RemoteSettings, tokens: TokenSource) -> Result<Self, RemoteError> {
        let mut channels = BTreeMap::new();
        for (service, url) in settings.peers {
            let connector = settings.connector.clone();
            let channel =
                open(&service, &url, settings.tls.as_ref(), connector).map_err(|source| {
                    RemoteError {
                        service: service.clone(),
                        url: url.clone(),
                        source,
                    }
                })?;
            channels.insert(service, channel);
        }
        Ok(Self(Arc::new(Inner {
            channels,
            tokens,
            timeout: settings.timeout,
        })))
    }

    /// True when `service` has an address.
    pub fn knows(&self, service: &str) -> bool {
        self.0.channels.contains_key(service)
    }

    /// Client of intake.
    pub fn intake(&self, call: &Call) -> Result<IntakeClient<SignedChannel>, Status> {
        let client = IntakeClient::new(self.channel("intake", call)?);
        Ok(client.max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of inventory.
    pub fn inventory(&self, call: &Call) -> Result<InventoryClient<SignedChannel>, Status> {
        let client = InventoryClient::new(self.channel("inventory", call)?);
        Ok(client.max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of fulfilment.
    pub fn fulfilment(&self, call: &Call) -> Result<FulfilmentClient<SignedChannel>, Status> {
        let client = FulfilmentClient::new(self.channel("fulfilment", call)?);
        Ok(client.max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of aftersales.
    pub fn aftersales(&self, call: &Call) -> Result<AftersalesClient<SignedChannel>, Status> {
        let client = AftersalesClient::new(self.channel("aftersales", call)?);
        Ok(client.max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of `service`'s event log.
    pub fn event_log(
        &self,
        service: &str,
        call: &Call,
    ) -> Result<EventLogClient<SignedChannel>, Status> {
        let client = EventLogClient::new(self.channel(service, call)?);
        Ok(client.max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of `service`'s operator interface.
    pub fn operations(
        &self,
        service: &str,
        call: &Call,
    ) -> Result<OperationsClient<SignedChannel>, Status> {
        let client = OperationsClient::new(self.channel(service, call)?);
        Ok(client.max_decoding_message_size(MAX_MESSAGE))
    }

    /// Client of intake's key store.
    pub fn key_store(&self, call: &Call) -> Result<KeyStoreClient<SignedChannel>, Status> {
        Ok(KeyStoreClient::new(self.channel("intake", call)?))
    }

    /// The channel to `service`, for clients generated elsewhere.
    pub fn channel(&self, service: &str, call: &Call) -> Result<SignedChannel, Status> {
        self.signed(service, call, Some(self.0.timeout))
    }

    /// A channel without a deadline unless `call` sets one, for streams.
    pub fn stream_channel(&self, service: &str, call: &Call) -> Result<SignedChannel, Status> {
        self.signed(service, call, None)
    }

    fn signed(
        &self,
        service: &str,
        call: &Call,
        default_timeout: Option<Duration>,
    ) -> Result<SignedChannel, Status> {
        let channel = self.0.channels.get(service).ok_or_else(|| {
            let message = format!("no address is configured for {service}");
            status(Refusal::new(&PEER_NOT_CONFIGURED, message).with("peer", service))
        })?;
        let signer = CallSigner {
            call: call.clone(),
            tokens: self.0.tokens.clone(),
            default_timeout,
        };
        Ok(InterceptedService::new(channel.clone(), signer))
    }
}

fn open(
    service: &str,
    url: &str,
    tls: Option<&ClientTlsConfig>,
    connector: Option<Connector>,
) -> Result<PeerChannel, tonic::transport::Error> {
    let mut addresses = addresses(url);
    if let (Some(_), true) = (addresses.next(), addresses.next().is_some()) {
        let endpoints = self::addresses(url).map(|url| endpoint(url, tls));
        let endpoints = endpoints.collect::<Result<_, _>>()?;
        return Ok(PeerChannel::several(service, url, endpoints));
    }
    let endpoint = endpoint(url, tls)?;
    if let Some(Connector(connect)) = connector {
        let name = service.to_owned();
        let channel = endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
            let connecting = connect(&name);
            async move { connecting.await.map(TokioIo::new) }
        }));
        return Ok(PeerChannel::one(service, url, channel));
    }
    Ok(PeerChannel::one(service, url, endpoint.connect_lazy()))
}

/// The addresses of a service's replicas.
pub fn addresses(list: &str) -> impl Iterator<Item = &str> {
    let trimmed = list.split(',').map(str::trim);
    trimmed.filter(|url| !url.is_empty())
}

fn endpoint(url: &str, tls: Option<&ClientTlsConfig>) -> Result<Endpoint, tonic::transport::Error> {
    let mut endpoint = Endpoint::from_shared(url.to_owned())?
        .connect_timeout(Duration::from_secs(2))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5))
        .keep_alive_while_idle(true);
    if let (true, Some(tls)) = (url.starts_with("https:"), tls) {
        endpoint = endpoint.tls_config(tls.clone())?;
    }
    Ok(endpoint)
}
