//! The connection to the broker.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Client, ConnectOptions, Event,
    connection::State,
    jetstream::{self, context::ContextBuilder},
};
use tokio::sync::watch;

use crate::{
    config::{BusConfig, Credentials},
    error::BusError,
    names,
    owner::OwnerLog,
    plugged::Broker,
    source::JetStreamSource,
    version::ServerVersion,
};

/// Longest pause between two attempts to connect.
const LONGEST_RECONNECT_PAUSE: Duration = Duration::from_secs(2);
/// A connection whose server answers no ping is given up after two of these.
const PING_INTERVAL: Duration = Duration::from_secs(5);

/// A connection to the broker that outlives the broker's absences. Clones share it.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    config: BusConfig,
    /// Counts connections and disconnections: a change is a hint to look again.
    changes: watch::Receiver<u64>,
}

/// The way to the broker.
pub(crate) enum Link {
    Nats {
        client: Client,
        jetstream: Box<jetstream::Context>,
    },
    Plugged(Arc<dyn Broker>),
}

impl Bus {
    /// A bus over a broker that is [plugged](crate::plugged) in.
    pub fn plugged(broker: Arc<dyn Broker>, config: BusConfig) -> Self {
        Self {
            inner: Arc::new(Inner {
                changes: broker.changes(),
                link: Link::Plugged(broker),
                config,
            }),
        }
    }

    /// Connects. A broker that is away is no error: the connection comes as soon as the broker does.
    ///
    /// # Errors
    ///
    /// A configuration that makes no sense, and a server older than [`OLDEST_SERVER`](crate::OLDEST_SERVER).
    pub async fn connect(config: BusConfig) -> Result<Self, BusError> {
        let (changed, changes) = watch::channel(0);
        let client = options(&config)
            .await?
            .event_callback(move |event| {
                note(&event);
                if matches!(event, Event::Connected | Event::Disconnected) {
                    changed.send_modify(|changes| *changes += 1);
                }
                std::future::ready(())
            })
            .connect(config.url.as_str())
            .await
            .map_err(|error| BusError::Config(error.to_string()))?;
        let jetstream = ContextBuilder::new()
            .timeout(config.request_timeout)
            .build(client.clone());
        let bus = Self {
            inner: Arc::new(Inner {
                link: Link::Nats {
                    client,
                    jetstream: Box::new(jetstream),
                },
                config,
                changes,
            }),
        };
        bus.first_contact().await?;
        Ok(bus)
    }

    /// A reader of `owner`'s log through the broker.
    pub fn source(&self, owner: Arc<dyn OwnerLog>) -> JetStreamSource {
        JetStreamSource::new(self.clone(), owner)
    }

    /// Whether there is a connection to a broker that will do.
    pub fn is_connected(&self) -> bool {
        self.check().is_ok()
    }

    /// The stream that holds a partition of `service`'s log.
    pub fn stream_name(&self, service: &str, partition: u32) -> String {
        names::stream(&self.inner.config.prefix, service, partition)
    }

    pub(crate) fn config(&self) -> &BusConfig {
        &self.inner.config
    }

    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    /// Changes whenever the connection comes or goes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.inner.changes.clone();
        changes.mark_unchanged();
        changes
    }

    /// Refuses when there is no connection, or one to a server that is too old.
    pub(crate) fn check(&self) -> Result<(), BusError> {
        let client = match &self.inner.link {
            Link::Nats { client, .. } => client,
            Link::Plugged(broker) if broker.is_connected() => return Ok(()),
            Link::Plugged(_) => return Err(BusError::Disconnected),
        };
        if client.connection_state() != State::Connected {
            return Err(BusError::Disconnected);
        }
        let info = client.try_server_info().ok_or(BusError::Disconnected)?;
        let found = ServerVersion::parse(&info.version)
            .ok_or_else(|| BusError::UnknownServer(info.version.clone()))?;
        if found.is_supported() {
            Ok(())
        } else {
            Err(BusError::ServerTooOld { found })
        }
    }

    /// Waits for the first connection, so that a server that is too old is refused at once.
    async fn first_contact(&self) -> Result<(), BusError> {
        let end = tokio::time::Instant::now() + self.inner.config.connect_wait;
        loop {
            match self.check() {
                Err(BusError::Disconnected) if tokio::time::Instant::now() < end => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(BusError::Disconnected) => {
                    tracing::warn!(
                        url = %without_secrets(&self.inner.config.url),
                        "the broker does not answer; going on without it"
                    );
                    return Ok(());
                }
                other => return other,
            }
        }
    }
}

async fn options(config: &BusConfig) -> Result<ConnectOptions, BusError> {
    let mut options = ConnectOptions::new()
        .name(&config.client_name)
        .retry_on_initial_connect()
        .max_reconnects(None)
        .connection_timeout(Duration::from_secs(2))
        .request_timeout(Some(config.request_timeout))
        .ping_interval(PING_INTERVAL)
        .reconnect_delay_callback(|attempts| {
            let doubled = 1_u64 << attempts.min(10);
            Duration::from_millis(10 * doubled).min(LONGEST_RECONNECT_PAUSE)
        })
        .require_tls(config.require_tls);
    if let Some(prefix) = &config.inbox_prefix {
        options = options.custom_inbox_prefix(prefix);
    }
    if let Some(path) = &config.root_certificates {
        options = options.add_root_certificates(path.clone());
    }
    if let Some((certificate, key)) = &config.client_certificate {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(match &config.credentials {
        Credentials::None => options,
        Credentials::UserPassword { user, password } => {
            options.user_and_password(user.clone(), password.clone())
        }
        Credentials::Token(token) => options.token(token.clone()),
        Credentials::NKey(seed) => options.nkey(seed.clone()),
        Credentials::File(path) => options
            .credentials_file(path)
            .await
            .map_err(|error| BusError::Config(format!("{}: {error}", path.display())))?,
    })
}

fn note(event: &Event) {
    match event {
        Event::Connected => tracing::info!("connected to the broker"),
        Event::Disconnected => tracing::warn!("lost the connection to the broker"),
        Event::ServerError(error) => {
            // Requests that are not allowed are not answered; this is the only place that says why.
            tracing::error!(%error, "the broker refuses");
            metrics::counter!("ordo_bus_refusals_total").increment(1);
        }
        Event::SlowConsumer(subscription) => {
            tracing::warn!(subscription, "the broker sends faster than we read");
        }
        Event::ClientError(error) => tracing::debug!(%error, "the broker cannot be reached"),
        other => tracing::info!(event = %other, "the broker's connection changes"),
    }
}

/// The addresses without `user:password@`.
fn without_secrets(url: &str) -> String {
    url.split(',')
        .map(|address| match address.rsplit_once('@') {
            Some((_, host)) => host,
            None => address,
        })
        .collect::<Vec<_>>()
        .join(",")
}
