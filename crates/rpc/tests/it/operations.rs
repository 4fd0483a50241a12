use std::sync::Arc;

use futures::{StreamExt as _, future::BoxFuture};
use ordo_event_log::{EventLog, RecordedEvent};
use ordo_projection::{Reaction, ReactionContext, ReactionError, Reactor, ReactorSettings};
use ordo_proto::{
    ops::{
        DropParkedRequest, ListDroppedRequest, ListParkedRequest, ListReactionsRequest,
        RebuildProjectionRequest, ReplayParkedRequest, VerifyRequest, VerifyResponse,
        operations_client::OperationsClient,
    },
    types::Page,
};
use ordo_rpc::{Call, CheckOutcome, Checks, OperationsService, SignedChannel, role};
use ordo_testkit::TestStore;
use tokio_util::sync::CancellationToken;
use tonic::{Code, service::Routes};

use crate::{
    server::{SOON, TestServer, reason},
    sites,
};

/// Parks everything.
struct Refuse;

impl Reaction for Refuse {
    fn name(&self) -> &'static str {
        "refuse"
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        Some(format!("{}/{}", event.tenant, event.stream.id))
    }

    fn react<'a>(
        &'a self,
        _: &'a RecordedEvent,
        _: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async { Err(ReactionError::park("told to")) })
    }
}

struct World {
    server: TestServer,
    log: EventLog,
    store: TestStore,
}

impl World {
    async fn new() -> Self {
        let store = ordo_testkit::sqlite().unwrap();
        let log = sites::open(&store, 1).await;
        let settings = ReactorSettings::new("inventory", store.store_url());
        let reactor = Reactor::start(settings, Arc::new(Refuse), vec![Arc::new(log.clone())])
            .await
            .unwrap();
        let mut checks = Checks::new();
        checks.add_log(&log);
        checks.add("stock.conservation", || async {
            vec![CheckOutcome::differs(
                "stock.conservation",
                3,
                "SKU s-1: 2 units appeared",
            )]
        });
        let service =
            OperationsService::new(Vec::new(), vec![reactor], checks, CancellationToken::new());
        let server = TestServer::start(Routes::new(service.into_server())).await;
        Self { server, log, store }
    }

    fn client(&self, tenant: Option<&str>) -> OperationsClient<SignedChannel> {
        let remote = self
            .server
            .remote(&self.server.token(tenant, &[role::OPERATOR]));
        remote.operations("inventory", &Call::system()).unwrap()
    }
}

async fn verify(
    client: &mut OperationsClient<SignedChannel>,
    checks: &[&str],
) -> Vec<VerifyResponse> {
    let request = VerifyRequest {
        checks: checks.iter().map(|&name| name.to_owned()).collect(),
    };
    let stream = client.verify(request).await.unwrap().into_inner();
    stream.map(|item| item.unwrap()).collect().await
}

#[tokio::test]
async fn checks_run_by_name_by_group_or_all() {
    let world = World::new().await;
    sites::put(&world.log, "shop", 0, "a").await;
    let mut client = world.client(None);
    let all = verify(&mut client, &[]).await;
    assert!(
        all.iter()
            .any(|found| found.check == "log.positions" && found.ok && found.examined > 0),
        "{all:?}"
    );
    let failed: Vec<_> = all.iter().filter(|found| !found.ok).collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].difference, "SKU s-1: 2 units appeared");
    let one = verify(&mut client, &["log.positions"]).await;
    assert_eq!(
        one.iter()
            .map(|found| found.check.as_str())
            .collect::<Vec<_>>(),
        ["log.positions"]
    );
    assert!(verify(&mut client, &["log"]).await.len() > 1);
    let request = VerifyRequest {
        checks: vec!["weather".into()],
    };
    let status = client.verify(request).await.unwrap_err();
    assert_eq!(reason(&status), "UNKNOWN_NAME");
    drop(world.store);
}

#[tokio::test]
async fn an_operator_of_one_tenant_learns_that_a_check_failed_but_not_where() {
    let world = World::new().await;
    let found = verify(&mut world.client(Some("shop")), &["stock"]).await;
    assert!(!found[0].ok);
    assert!(!found[0].difference.contains("s-1"));
}

#[tokio::test]
async fn parked_entities_are_listed_by_page_and_replayed_within_the_tenant() {
    let world = World::new().await;
    for (tenant, id) in [("rival", "a"), ("shop", "a"), ("shop", "b"), ("shop", "c")] {
        sites::put(&world.log, tenant, 0, id).await;
    }
    let mut all = world.client(None);
    ordo_testkit::eventually(SOON, async || {
        let reactions = all
            .list_reactions(ListReactionsRequest {})
            .await
            .unwrap()
            .into_inner();
        reactions.reactions[0].parked == 4
    })
    .await;

    let mut client = world.client(Some("shop"));
    let mut request = ListParkedRequest {
        reaction: String::new(),
        page: Some(Page {
            size: 2,
            token: String::new(),
        }),
    };
    let mut entities = Vec::new();
    loop {
        let answer = client
            .list_parked(request.clone())
            .await
            .unwrap()
            .into_inner();
        entities.extend(answer.parked.into_iter().map(|parked| parked.entity));
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page = Some(Page {
            size: 2,
            token: answer.next_page_token,
        });
    }
    assert_eq!(entities, ["shop/a", "shop/b", "shop/c"]);

    let replay = async |entity: &str| {
        let request = ReplayParkedRequest {
            reaction: "refuse".into(),
            entity: entity.into(),
        };
        let answer = client.clone().replay_parked(request).await.unwrap();
        answer.into_inner().replayed
    };
    assert_eq!(replay("rival/a").await, 0);
    assert_eq!(replay("shop/b").await, 1);
    // Parked again by the same refusal before long.
    ordo_testkit::eventually(SOON, async || replay("").await == 3).await;
}

#[tokio::test]
async fn parked_work_is_dropped_within_the_tenant_with_a_reason_and_listed_by_page() {
    let world = World::new().await;
    for (tenant, id) in [("rival", "a"), ("shop", "a"), ("shop", "b")] {
        sites::put(&world.log, tenant, 0, id).await;
    }
    let mut all = world.client(None);
    let list = ListParkedRequest::default();
    let mut parked = Vec::new();
    ordo_testkit::eventually(SOON, async || {
        let answer = all.list_parked(list.clone()).await.unwrap().into_inner();
        parked = answer.parked;
        parked.len() == 3
    })
    .await;
    let event_of = |entity: &str| {
        let found = parked.iter().find(|parked| parked.entity == entity);
        found.unwrap().event_id.clone()
    };
    let client = world.client(Some("shop"));
    let drop = async |entity: &str, event_id: &str, why: &str| {
        let request = DropParkedRequest {
            reaction: "refuse".into(),
            entity: entity.into(),
            event_id: event_id.into(),
            reason: why.into(),
        };
        let answer = client.clone().drop_parked(request).await;
        answer.map(|answer| answer.into_inner().dropped.unwrap())
    };
    let status = drop("shop/a", "", " ").await.unwrap_err();
    assert_eq!(reason(&status), "INVALID_REQUEST");
    let status = drop("shop/a", &event_of("shop/b"), "why not").await;
    assert_eq!(reason(&status.unwrap_err()), "UNKNOWN_NAME");
    let status = drop("rival/a", &event_of("rival/a"), "spite").await;
    assert_eq!(reason(&status.unwrap_err()), "UNKNOWN_NAME");
    for entity in ["shop/a", "shop/b"] {
        let dropped = drop(entity, &event_of(entity), "a test").await.unwrap();
        assert_eq!(
            (dropped.reaction.as_str(), dropped.reason.as_str()),
            ("refuse", "a test")
        );
        assert!(!dropped.actor.is_empty());
    }
    ordo_testkit::eventually(SOON, async || {
        let answer = all.list_parked(list.clone()).await.unwrap().into_inner();
        answer.parked.len() == 1 && answer.parked[0].entity == "rival/a"
    })
    .await;

    let mut request = ListDroppedRequest {
        reaction: String::new(),
        page: Some(Page {
            size: 1,
            token: String::new(),
        }),
    };
    let mut entities = Vec::new();
    loop {
        let answer = client.clone().list_dropped(request.clone()).await.unwrap();
        let answer = answer.into_inner();
        entities.extend(answer.dropped.into_iter().map(|dropped| dropped.entity));
        if answer.next_page_token.is_empty() {
            break;
        }
        request.page = Some(Page {
            size: 1,
            token: answer.next_page_token,
        });
    }
    assert_eq!(entities, ["shop/a", "shop/b"]);
    let rival = world
        .client(Some("rival"))
        .list_dropped(ListDroppedRequest::default())
        .await;
    assert!(rival.unwrap().into_inner().dropped.is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let world = World::new().await;
    let mut client = world.client(None);
    let request = RebuildProjectionRequest {
        name: "nothing".into(),
    };
    let status = client.rebuild_projection(request).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::NotFound, "UNKNOWN_NAME")
    );
    let request = ListParkedRequest {
        reaction: "nothing".into(),
        page: None,
    };
    let status = client.list_parked(request).await.unwrap_err();
    assert_eq!(reason(&status), "UNKNOWN_NAME");
}
