//! `ordo.ops.v1.Operations`: read models, parked work and checks of a service, for operators.
//!
//! A token with a tenant sees, replays and drops that tenant's parked entities only, and is told that a check failed but not where.

mod dropped;
mod listing;
mod parked;

use std::{pin::Pin, sync::Arc};

use futures::{Stream, StreamExt as _};
use ordo_projection::{Reactor, ReadModel};
use ordo_proto::ops::{
    DropParkedRequest, DropParkedResponse, ListDroppedRequest, ListDroppedResponse,
    ListParkedRequest, ListParkedResponse, ListProjectionsRequest, ListProjectionsResponse,
    ListReactionsRequest, ListReactionsResponse, RebuildProjectionRequest,
    RebuildProjectionResponse, ReplayParkedRequest, ReplayParkedResponse, VerifyRequest,
    VerifyResponse,
    operations_server::{self, OperationsServer},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    checks::{Checks, covers},
    identity::identity,
    reason::UNKNOWN_NAME,
    refusal::{Refusal, status},
    violations::Violations,
};

/// Told instead of a difference to callers that see one tenant only.
const WITHHELD: &str = "there is a difference; where it is, operators of the whole system see";

/// Serves what is registered.
#[derive(Clone)]
pub struct OperationsService {
    registered: Arc<Registered>,
    shutdown: CancellationToken,
}

struct Registered {
    read_models: Vec<ReadModel>,
    reactors: Vec<Reactor>,
    checks: Checks,
}

impl OperationsService {
    /// Serves these. When `shutdown` fires, streams end, so that they do not hold up the drain; a rebuild goes on.
    pub fn new(
        read_models: Vec<ReadModel>,
        reactors: Vec<Reactor>,
        checks: Checks,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            registered: Arc::new(Registered {
                read_models,
                reactors,
                checks,
            }),
            shutdown,
        }
    }

    /// As a tonic service.
    pub fn into_server(self) -> OperationsServer<Self> {
        OperationsServer::new(self)
    }

    fn ended_by_shutdown<S>(&self, stream: S) -> Answers<S::Item>
    where
        S: Stream + Send + 'static,
    {
        Box::pin(stream.take_until(self.shutdown.clone().cancelled_owned()))
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

#[tonic::async_trait]
impl operations_server::Operations for OperationsService {
    async fn list_projections(
        &self,
        _: Request<ListProjectionsRequest>,
    ) -> Result<Response<ListProjectionsResponse>, Status> {
        let statuses = self.registered.read_models.iter().map(ReadModel::status);
        let projections = futures::future::join_all(statuses).await;
        Ok(Response::new(ListProjectionsResponse { projections }))
    }

    type RebuildProjectionStream = Answers<Result<RebuildProjectionResponse, Status>>;

    async fn rebuild_projection(
        &self,
        request: Request<RebuildProjectionRequest>,
    ) -> Result<Response<Self::RebuildProjectionStream>, Status> {
        let name = request.into_inner().name;
        let model = self
            .registered
            .read_models
            .iter()
            .find(|model| model.name() == name)
            .ok_or_else(|| unknown("read model", &name))?;
        let reports = model.rebuild().map(|report| report.map_err(status));
        Ok(Response::new(self.ended_by_shutdown(reports)))
    }

    async fn list_reactions(
        &self,
        _: Request<ListReactionsRequest>,
    ) -> Result<Response<ListReactionsResponse>, Status> {
        let statuses = self.registered.reactors.iter().map(Reactor::status);
        let reactions = futures::future::try_join_all(statuses)
            .await
            .map_err(status)?;
        Ok(Response::new(ListReactionsResponse { reactions }))
    }

    async fn list_parked(
        &self,
        request: Request<ListParkedRequest>,
    ) -> Result<Response<ListParkedResponse>, Status> {
        let tenant = identity(&request)?.tenant.clone();
        let request = request.into_inner();
        let reactors = self.registered.chosen(&request.reaction)?;
        parked::list(&reactors, tenant.as_ref(), &request)
            .await
            .map(Response::new)
    }

    async fn replay_parked(
        &self,
        request: Request<ReplayParkedRequest>,
    ) -> Result<Response<ReplayParkedResponse>, Status> {
        let identity = identity(&request)?.clone();
        let request = request.into_inner();
        let mut violations = Violations::new();
        violations.require(!request.reaction.is_empty(), "reaction", "must be named");
        violations.finish()?;
        let reactors = self.registered.chosen(&request.reaction)?;
        let replayed = parked::replay(&reactors, identity.tenant.as_ref(), &request.entity).await?;
        tracing::info!(
            reaction = request.reaction,
            entity = request.entity,
            subject = identity.subject,
            replayed,
            "parked entities are replayed"
        );
        Ok(Response::new(ReplayParkedResponse { replayed }))
    }

    async fn drop_parked(
        &self,
        request: Request<DropParkedRequest>,
    ) -> Result<Response<DropParkedResponse>, Status> {
        let identity = identity(&request)?.clone();
        let request = request.into_inner();
        let mut violations = Violations::new();
        violations.require(!request.reaction.is_empty(), "reaction", "must be named");
        violations.require(!request.entity.is_empty(), "entity", "must be named");
        violations.require(
            !request.event_id.is_empty(),
            "event_id",
            "must be the one that ListParked names",
        );
        violations.require(
            !request.reason.trim().is_empty() && request.reason.chars().count() <= 500,
            "reason",
            "must be 1 to 500 characters",
        );
        violations.finish()?;
        let reactors = self.registered.chosen(&request.reaction)?;
        dropped::drop_parked(&reactors, &identity, &request)
            .await
            .map(Response::new)
    }

    async fn list_dropped(
        &self,
        request: Request<ListDroppedRequest>,
    ) -> Result<Response<ListDroppedResponse>, Status> {
        let tenant = identity(&request)?.tenant.clone();
        let request = request.into_inner();
        let reactors = self.registered.chosen(&request.reaction)?;
        dropped::list(&reactors, tenant.as_ref(), &request)
            .await
            .map(Response::new)
    }

    type VerifyStream = Answers<Result<VerifyResponse, Status>>;

    async fn verify(
        &self,
        request: Request<VerifyRequest>,
    ) -> Result<Response<Self::VerifyStream>, Status> {
        let sees_all = identity(&request)?.tenant.is_none();
        let wanted = request.into_inner().checks;
        let runs = self
            .registered
            .checks
            .select(&wanted)
            .map_err(|name| unknown("check", &name))?;
        // One check at a time, and the next one only when the caller has taken the last one's outcome.
        let (sender, outcomes) = mpsc::channel(1);
        tokio::spawn(async move {
            for run in runs {
                let Some(outcomes) = until_closed(&sender, run()).await else {
                    return;
                };
                for outcome in outcomes {
                    outcome.record();
                    let listed =
                        wanted.is_empty() || wanted.iter().any(|name| covers(name, &outcome.check));
                    let mut response = VerifyResponse::from(outcome);
                    if !response.ok && !sees_all {
                        response.difference = WITHHELD.to_owned();
                    }
                    if listed && sender.send(Ok(response)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(
            self.ended_by_shutdown(ReceiverStream::new(outcomes)),
        ))
    }
}

impl Registered {
    /// The reactors that `name` means; all for the empty name.
    fn chosen(&self, name: &str) -> Result<Vec<Reactor>, Status> {
        let chosen: Vec<Reactor> = self
            .reactors
            .iter()
            .filter(|reactor| name.is_empty() || reactor.name() == name)
            .cloned()
            .collect();
        if chosen.is_empty() && !name.is_empty() {
            return Err(unknown("reaction", name));
        }
        Ok(chosen)
    }
}

/// The work's result; `None` when the caller has left meanwhile.
async fn until_closed<T, O>(sender: &mpsc::Sender<T>, work: impl Future<Output = O>) -> Option<O> {
    tokio::select! {
        () = sender.closed() => None,
        outcome = work => Some(outcome),
    }
}

fn unknown(kind: &str, name: &str) -> Status {
    status(Refusal::new(&UNKNOWN_NAME, format!("there is no {kind} `{name}`")).with("name", name))
}
