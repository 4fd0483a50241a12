//! A way to a service that runs as several replicas.

use std::{
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex as SyncMutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::Mutex;
use tonic::{
    Status, TimeoutExpired,
    body::Body,
    transport::{Channel, Endpoint, Error},
};
use tower::Service;

use self::answer::Answer;
use crate::{reason::SERVICE_UNREACHABLE, refusal::Refusal, verdict::is_unanswered};

mod answer;

/// How long a replica is passed over after a call to it failed on the way.
const PASSED_OVER: Duration = Duration::from_millis(500);
/// The same after it answered that it is not available: it starts or ends.
const NOT_READY: Duration = Duration::from_millis(100);

/// The way to a service. With several replicas calls go to them in turn; one that cannot be reached is passed over, and nothing
/// is sent to it before a connection stands. A call that was sent and not answered is UNAVAILABLE, and for the caller to repeat:
/// it then goes to another one.
#[derive(Clone)]
pub struct PeerChannel {
    way: Way,
    peer: Arc<Peer>,
}

/// Who is at the other end, for whoever reads that there is no answer.
struct Peer {
    service: String,
    /// As configured.
    addresses: String,
}

#[derive(Clone)]
enum Way {
    One(Channel),
    Several(Arc<Replicas>),
}

struct Replicas {
    replicas: Vec<Replica>,
    next: AtomicUsize,
}

struct Replica {
    endpoint: Endpoint,
    connection: Mutex<Option<Channel>>,
    passed_over_until: SyncMutex<Option<Instant>>,
}

impl PeerChannel {
    /// To `service` at `addresses`, which are those of the channel.
    pub(crate) fn one(service: &str, addresses: &str, channel: Channel) -> Self {
        Self::new(service, addresses, Way::One(channel))
    }

    /// To `service` at `addresses`, which are those of the endpoints.
    pub(crate) fn several(service: &str, addresses: &str, endpoints: Vec<Endpoint>) -> Self {
        let replicas = endpoints.into_iter().map(|endpoint| Replica {
            endpoint,
            connection: Mutex::default(),
            passed_over_until: SyncMutex::default(),
        });
        let replicas = Replicas {
            replicas: replicas.collect(),
            next: AtomicUsize::new(0),
        };
        Self::new(service, addresses, Way::Several(Arc::new(replicas)))
    }

    fn new(service: &str, addresses: &str, way: Way) -> Self {
        let peer = Arc::new(Peer {
            service: service.to_owned(),
            addresses: addresses.to_owned(),
        });
        Self { way, peer }
    }
}

impl fmt::Debug for PeerChannel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Peer { service, addresses } = &*self.peer;
        write!(f, "PeerChannel({service} at {addresses})")
    }
}

impl Service<Request<Body>> for PeerChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Response<Body>, Status>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match &mut self.way {
            Way::One(channel) => channel
                .poll_ready(context)
                .map_err(|error| self.peer.broken(error)),
            Way::Several(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let peer = Arc::clone(&self.peer);
        let sent: BoxFuture<'static, _> = match &mut self.way {
            Way::One(channel) => Box::pin(channel.call(request)),
            Way::Several(replicas) => Box::pin(replicas.clone().call(request)),
        };
        Box::pin(async move {
            match sent.await {
                Ok(response) => Ok(Answer::watched(response, peer)),
                Err(error) => Err(peer.broken(error)),
            }
        })
    }
}

impl Peer {
    /// What a call failed of on its way. The transport tells some of it as CANCELLED, UNKNOWN or INTERNAL, such as a connection
    /// that closes under a call; clients in other languages are told UNAVAILABLE, and so is ours.
    fn broken(&self, error: impl std::error::Error + Send + Sync + 'static) -> Status {
        let late = is_late(&error);
        let cause = last_cause(&error).to_string();
        let status = Status::from_error(Box::new(error));
        if is_unanswered(&status) && !late {
            self.unreachable(&cause)
        } else {
            status
        }
    }

    fn unreachable(&self, cause: &str) -> Status {
        let Self { service, addresses } = self;
        let message = format!("no answer from {service} at {addresses}: {cause}");
        Refusal::new(&SERVICE_UNREACHABLE, message)
            .with("peer", service)
            .with("address", addresses)
            .into()
    }
}

/// Where it began, such as `Connection refused`; what is around it only says that a call failed.
fn last_cause<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    causes(error).last().unwrap_or(error)
}

/// Whether the caller's own deadline has passed.
fn is_late(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error).any(|error| error.is::<TimeoutExpired>())
}

/// The error, and what it came of.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| error.source())
}

impl Replicas {
    async fn call(self: Arc<Self>, request: Request<Body>) -> Result<Response<Body>, Error> {
        let (replica, mut channel) = self.reach().await?;
        let answer = async {
            poll_fn(|context| channel.poll_ready(context)).await?;
            channel.call(request).await
        };
        let answer = answer.await;
        match &answer {
            Ok(response) if is_unavailable(response) => replica.pass_over(NOT_READY),
            Ok(_) => {}
            Err(_) => {
                replica.pass_over(PASSED_OVER);
                // The next call to it waits for a connection that stands.
                *replica.connection.lock().await = None;
            }
        }
        answer
    }

    /// A replica that is connected, the next in turn.
    async fn reach(&self) -> Result<(&Replica, Channel), Error> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let in_turn = || {
            let (before, after) = self.replicas.split_at(first % self.replicas.len().max(1));
            after.iter().chain(before)
        };
        for replica in in_turn().filter(|replica| !replica.is_passed_over()) {
            if let Ok(channel) = replica.connected().await {
                return Ok((replica, channel));
            }
        }
        // Better one that failed a moment ago than none.
        let mut last = None;
        for replica in in_turn() {
            match replica.connected().await {
                Ok(channel) => return Ok((replica, channel)),
                Err(error) => last = Some(error),
            }
        }
        match last {
            Some(error) => Err(error),
            // There is always one.
            None => std::future::pending().await,
        }
    }
}

impl Replica {
    async fn connected(&self) -> Result<Channel, Error> {
        let mut connection = self.connection.lock().await;
        if let Some(channel) = &*connection {
            return Ok(channel.clone());
        }
        match self.endpoint.connect().await {
            Ok(channel) => {
                *connection = Some(channel.clone());
                Ok(channel)
            }
            Err(error) => {
                self.pass_over(PASSED_OVER);
                Err(error)
            }
        }
    }

    fn pass_over(&self, time: Duration) {
        *self.until() = Some(Instant::now() + time);
    }

    fn is_passed_over(&self) -> bool {
        let mut until = self.until();
        if until.is_some_and(|until| until <= Instant::now()) {
            *until = None;
        }
        until.is_some()
    }

    fn until(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.passed_over_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Only an answer without a message says so in its headers, as every refusal does.
fn is_unavailable(response: &Response<Body>) -> bool {
    response
        .headers()
        .get("grpc-status")
        .is_some_and(|code| code.as_bytes() == b"14")
}
