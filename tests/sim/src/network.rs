//! Connections between processes: bytes in memory that arrive later, or no more.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use ordo_rpc::Connector;
use ordo_runtime::plugged::Incoming;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf},
    sync::mpsc,
};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::world::{Hash, Life, World};

/// Bytes that a connection holds in each direction.
const WINDOW: usize = 256 * 1024;

/// The network of a world.
pub struct Network {
    world: Arc<World>,
    /// Who listens, by service.
    listeners: Mutex<BTreeMap<String, Vec<Listener>>>,
}

#[derive(Clone)]
struct Listener {
    life: Arc<Life>,
    connections: mpsc::Sender<DuplexStream>,
}

impl Network {
    /// A network with nobody on it.
    pub fn new(world: Arc<World>) -> Arc<Self> {
        Arc::new(Self {
            world,
            listeners: Mutex::default(),
        })
    }

    fn listeners(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Listener>>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What comes in for a process of `service`, as long as it lives.
    pub fn listen(&self, service: &str, life: &Arc<Life>) -> Incoming {
        let (connections, incoming) = mpsc::channel(64);
        let mut listeners = self.listeners();
        let here = listeners.entry(service.to_owned()).or_default();
        here.retain(|listener| listener.life.is_alive());
        here.push(Listener {
            life: Arc::clone(life),
            connections,
        });
        ReceiverStream::new(incoming).map(Ok).boxed()
    }

    /// How a process connects to others.
    pub fn connector(self: &Arc<Self>, life: &Arc<Life>) -> Connector {
        let (network, life) = (Arc::clone(self), Arc::clone(life));
        Connector::new(move |service| {
            let (network, life, service) =
                (Arc::clone(&network), Arc::clone(&life), service.to_owned());
            Box::pin(async move { network.connect(&life, &service).await })
        })
    }

    async fn connect(&self, from: &Arc<Life>, service: &str) -> io::Result<DuplexStream> {
        self.world.pass(from).await;
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let living: Vec<Listener> = self
            .listeners()
            .get(service)
            .map(|listeners| {
                let open = listeners.iter().filter(|listener| {
                    listener.life.is_alive() && !listener.connections.is_closed()
                });
                open.cloned().collect()
            })
            .unwrap_or_default();
        let Some(to) = self.world.pick(&living) else {
            self.world
                .note("refused", format_args!("{} to {service}", from.name));
            return Err(refused());
        };
        self.world
            .note("connect", format_args!("{} to {}", from.name, to.life.name));
        let (near, here) = tokio::io::duplex(WINDOW);
        let (there, far) = tokio::io::duplex(WINDOW);
        to.connections.try_send(far).map_err(|_| refused())?;
        let (here_read, here_write) = tokio::io::split(here);
        let (there_read, there_write) = tokio::io::split(there);
        let cut = CancellationToken::new();
        let ends = [from.ended.clone(), to.life.ended.clone()];
        for (read, write, way) in [(here_read, there_write, ">"), (there_read, here_write, "<")] {
            let wire = Wire {
                world: Arc::clone(&self.world),
                name: format!("{}{way}{}", from.name, to.life.name),
                cut: cut.clone(),
                ends: ends.clone(),
            };
            tokio::spawn(wire.carry(read, write));
        }
        Ok(near)
    }
}

/// One direction of a connection.
struct Wire {
    world: Arc<World>,
    name: String,
    cut: CancellationToken,
    ends: [CancellationToken; 2],
}

impl Wire {
    async fn carry(self, mut read: ReadHalf<DuplexStream>, mut write: WriteHalf<DuplexStream>) {
        tokio::select! {
            biased;
            () = self.cut.cancelled() => {}
            () = self.ends[0].cancelled() => {}
            () = self.ends[1].cancelled() => {}
            _ = self.copy(&mut read, &mut write) => {}
        }
        // Both halves go, and with them both ends' streams.
        self.cut.cancel();
    }

    async fn copy(
        &self,
        read: &mut ReadHalf<DuplexStream>,
        write: &mut WriteHalf<DuplexStream>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = read.read(&mut buffer).await?;
            if length == 0 {
                return Ok(());
            }
            let (world, weather) = (&self.world, &self.world.weather);
            let mut hash = Hash(0xcbf2_9ce4_8422_2325);
            hash.add(&buffer[..length]);
            world.note("bytes", format_args!("{} {length} {:x}", self.name, hash.0));
            if world.hits(weather.cut) {
                world.fault("cut", format_args!("{}", self.name));
                return Ok(());
            }
            if world.hits(weather.stall) {
                let millis = 1_000 + world.below(9_000);
                world.fault("stall", format_args!("{} {millis} ms", self.name));
                tokio::time::sleep(Duration::from_millis(millis)).await;
            } else {
                tokio::time::sleep(Duration::from_micros(50 + world.below(500))).await;
            }
            write.write_all(&buffer[..length]).await?;
        }
    }
}
