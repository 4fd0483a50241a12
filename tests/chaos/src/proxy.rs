//! A TCP proxy that loses, holds and delays what goes through it.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixStream},
    sync::watch,
    task::JoinHandle,
};

use crate::error::ChaosError;

/// Bytes taken at once.
const CHUNK: usize = 16 * 1024;

/// What a proxy does to its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes everything on.
    Open,
    /// Closes every connection, and each new one at once.
    Cut,
    /// Keeps connections and passes nothing on.
    Stalled,
    /// Passes everything on, each piece later by this.
    Delayed(Duration),
}

/// What is behind a proxy.
#[derive(Debug, Clone)]
pub enum Upstream {
    /// Port on this machine.
    Port(u16),
    /// Unix socket.
    Socket(PathBuf),
}

/// A listening port on 127.0.0.1 in front of something.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    upstream: Arc<Mutex<Option<Upstream>>>,
    mode: watch::Sender<Mode>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a free port; until [`lead_to`](Self::lead_to) says where to, connections are closed at once.
    pub async fn listen() -> Result<Self, ChaosError> {
        let failed = |error| ChaosError::failed("listening for a proxy", error);
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let upstream = Arc::new(Mutex::new(None));
        let mode = watch::Sender::new(Mode::Open);
        let task = tokio::spawn(accept(listener, Arc::clone(&upstream), mode.subscribe()));
        Ok(Self {
            port,
            upstream,
            mode,
            task,
        })
    }

    /// Where connections lead from now on.
    pub fn lead_to(&self, upstream: Upstream) {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = Some(upstream);
    }

    /// Changes what happens to connections, also to those that are open.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.mode.send_replace(Mode::Cut);
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    upstream: Arc<Mutex<Option<Upstream>>>,
    mode: watch::Receiver<Mode>,
) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            // Out of file descriptors, for a moment.
            tokio::task::yield_now().await;
            continue;
        };
        if *mode.borrow() == Mode::Cut {
            continue;
        }
        let to = upstream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        tokio::spawn(connection(client, to, mode.clone()));
    }
}

async fn connection(client: TcpStream, to: Option<Upstream>, mode: watch::Receiver<Mode>) {
    // A lost packet's delay is ours to make, not Nagle's.
    let _ = client.set_nodelay(true);
    match to {
        Some(Upstream::Port(port)) => {
            if let Ok(server) = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await {
                let _ = server.set_nodelay(true);
                join(client, server, mode).await;
            }
        }
        Some(Upstream::Socket(path)) => {
            if let Ok(server) = UnixStream::connect(path).await {
                join(client, server, mode).await;
            }
        }
        None => {}
    }
}

/// Ends, and closes both sides, when either side closes or the proxy cuts.
async fn join<C, S>(client: C, server: S, mode: watch::Receiver<Mode>)
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    let mut watched = mode.clone();
    tokio::select! {
        () = pump(from_client, to_server, mode.clone()) => {}
        () = pump(from_server, to_client, mode) => {}
        _ = watched.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut mode: watch::Receiver<Mode>,
) {
    let mut chunk = vec![0; CHUNK];
    loop {
        let taken = match from.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(taken) => taken,
        };
        loop {
            let now = *mode.borrow_and_update();
            match now {
                Mode::Open => break,
                Mode::Cut => return,
                Mode::Stalled => {
                    if mode.changed().await.is_err() {
                        return;
                    }
                }
                Mode::Delayed(by) => {
                    // The delay is what the proxy is for.
                    tokio::time::sleep(by).await; // Not a wait: the fault.
                    break;
                }
            }
        }
        if to.write_all(&chunk[..taken]).await.is_err() {
            return;
        }
    }
}
