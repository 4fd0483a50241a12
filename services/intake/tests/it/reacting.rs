//! Reactions by themselves: an event in, and what the order is told; told again, nothing changes.

use std::{sync::Arc, time::Duration};

use ordo_event_log::{
    Command, EventHash, EventLog, EventLogConfig, Halt, RecordedEvent, StreamId, TenantId,
    Timestamp,
};
use ordo_intake::{
    order::{self, Intent, NewLine, Order, OrderError, Payment, Place},
    orders::Orders,
    reactions::{
        complete_delivered::CompleteDelivered, follow_aftersales::FollowAftersales,
        follow_fulfilment::FollowFulfilment, follow_inventory::FollowInventory,
    },
};
use ordo_projection::{Reaction, ReactionContext, ReactionError, Timer};
use ordo_proto::{
    aftersales::{CaseApproved, CaseKind, ReceivedLine, ReturnReceived},
    fulfilment::{
        FulfilmentOrderCancelled, LineShortPicked, ParcelDelivered, ParcelDispatched,
        TrackingNumberAssigned,
    },
    intake::{DeliveryMethod, LinesDelivered, PaymentTerms, ShortStockPolicy},
    inventory::{
        ReservationAllocated, ReservationAllocation, ReservationReleased, ReservationShort,
        ReservationShortage, ReservationUnitsLost,
    },
};
use ordo_testkit::TestStore;
use prost::{Message, Name};

use crate::{requests::*, shop::work};

/// An order of 2 x A, paid and asked for, in a log of its own.
struct Desk {
    orders: Orders,
    tenant: TenantId,
    order_id: String,
    _store: TestStore,
}

impl Desk {
    async fn open() -> Self {
        let store = ordo_testkit::sqlite().unwrap();
        let log = EventLog::open(EventLogConfig::new("intake", store.store_url()))
            .await
            .unwrap();
        let tenant = TenantId::new("shop-1").unwrap();
        let order_id = log.new_id_in(&tenant, 0);
        let place = Place {
            order_id: order_id.clone(),
            currency: "CNY".into(),
            lines: vec![NewLine {
                sku: "A".into(),
                quantity: 2,
                unit_price: Some(500),
                ..NewLine::default()
            }],
            payments: vec![Payment {
                payment_id: "p1".into(),
                method: "cash".into(),
                amount: cny(1_000).unwrap(),
                ..Payment::default()
            }],
            payment_terms: PaymentTerms::Prepaid,
            delivery_method: DeliveryMethod::TakeAway,
            short_stock_policy: ShortStockPolicy::Wait,
            ..Place::default()
        };
        let desk = Self {
            orders: Orders::new(log),
            tenant,
            order_id,
            _store: store,
        };
        desk.decide(Intent::Place(Box::new(place))).await;
        desk
    }

    async fn decide(&self, intent: Intent) {
        let order_id = self.order_id.clone();
        let command = Command::new(self.tenant.clone(), 0);
        let decided = self.orders.log().execute(command, move |unit| {
            let intent = intent.clone();
            unit.decide::<Order>(
                &order_id,
                order::Command {
                    at: Default::default(),
                    intent,
                },
            )?;
            Ok::<(), Halt<OrderError>>(())
        });
        decided.await.unwrap();
    }

    /// An event as a neighbour's log would hold it.
    fn event<M: Message + Name>(
        &self,
        aggregate: &str,
        id: &str,
        version: u64,
        message: &M,
    ) -> RecordedEvent {
        RecordedEvent {
            partition: 0,
            position: version,
            epoch: 1,
            tenant: self.tenant.clone(),
            stream: StreamId::new(aggregate, id),
            stream_version: version,
            event_id: uuid_of(version, &M::full_name()),
            type_name: M::full_name().into(),
            time: Timestamp(1_700_000_000_000_000),
            payload: message.encode_to_vec().into(),
            metadata: Default::default(),
            hash: EventHash::default(),
        }
    }

    async fn version(&self) -> u64 {
        self.orders
            .get(&self.tenant, &self.order_id)
            .await
            .unwrap()
            .1
    }

    /// Lets the reaction run twice, as after a crash, and then once more as if its command had been forgotten. The short
    /// names of the order's new events.
    async fn react(&self, reaction: &dyn Reaction, event: &RecordedEvent) -> Vec<String> {
        let before = self.version().await;
        assert_eq!(
            reaction.entity(event),
            Some(format!("shop-1/{}", self.order_id))
        );
        run(reaction, event).await.unwrap();
        let after = self.version().await;
        run(reaction, event).await.unwrap();
        assert_eq!(
            self.version().await,
            after,
            "the second run changed something"
        );
        let told_anew = RecordedEvent {
            event_id: uuid_of(event.stream_version + 1_000, &event.type_name),
            ..event.clone()
        };
        run(reaction, &told_anew).await.unwrap();
        assert_eq!(
            self.version().await,
            after,
            "the same fact told anew changed something"
        );
        let events = self
            .orders
            .events(&self.tenant, &self.order_id)
            .await
            .unwrap();
        let new = events.iter().filter(|event| event.stream_version > before);
        new.map(|event| event.short_type().to_owned()).collect()
    }

    async fn reserve(&self) {
        let follow = FollowInventory::new(self.orders.clone());
        let allocated = self.event(
            "reservation",
            &self.order_id,
            2,
            &allocated(&self.order_id, 2),
        );
        let events = self.react(&follow, &allocated).await;
        assert_eq!(events, ["StockReserved", "FulfilmentRequested"]);
    }
}

/// Ids that differ by version and type.
fn uuid_of(version: u64, type_name: &str) -> uuid::Uuid {
    let sum = |sum: u64, byte: u8| sum.wrapping_mul(31).wrapping_add(byte.into());
    uuid::Uuid::from_u64_pair(version, type_name.bytes().fold(version, sum))
}

async fn run(reaction: &dyn Reaction, event: &RecordedEvent) -> Result<(), ReactionError> {
    let mut context = ReactionContext::for_event("intake", "reaction", event, 1);
    reaction.react(event, &mut context).await
}

fn allocated(order_id: &str, quantity: i64) -> ReservationAllocated {
    ReservationAllocated {
        reservation_id: order_id.into(),
        attempt: 1,
        allocations: vec![ReservationAllocation {
            line_id: "1".into(),
            sku: "A".into(),
            site_id: "HZ".into(),
            quantity,
        }],
        why: String::new(),
    }
}

#[tokio::test]
async fn inventorys_outcomes_are_recorded_once() {
    let desk = Desk::open().await;
    let follow = FollowInventory::new(desk.orders.clone());
    let short = ReservationShort {
        reservation_id: desk.order_id.clone(),
        attempt: 1,
        shortages: vec![ReservationShortage {
            line_id: "1".into(),
            sku: "A".into(),
            missing: 2,
            unknown_sku: false,
        }],
        waiting: true,
    };
    let event = desk.event("reservation", &desk.order_id, 1, &short);
    assert_eq!(
        desk.react(&follow, &event).await,
        ["StockShort", "OrderHeld"]
    );
    let event = desk.event(
        "reservation",
        &desk.order_id,
        2,
        &allocated(&desk.order_id, 2),
    );
    assert_eq!(
        desk.react(&follow, &event).await,
        ["StockReserved", "HoldReleased", "FulfilmentRequested"]
    );
    // A reservation of something that is no order.
    let foreign = desk.event("reservation", "manual", 1, &allocated("manual", 1));
    run(&follow, &foreign).await.unwrap();
}

#[tokio::test]
async fn what_inventory_released_is_lost_unless_the_order_gave_it_up() {
    let desk = Desk::open().await;
    let follow = FollowInventory::new(desk.orders.clone());
    desk.decide(Intent::Hold(order::Hold {
        detail: "look".into(),
    }))
    .await;
    let it = allocated(&desk.order_id, 2);
    let event = desk.event("reservation", &desk.order_id, 2, &it);
    assert_eq!(desk.react(&follow, &event).await, ["StockReserved"]);
    let released = ReservationReleased {
        reservation_id: desk.order_id.clone(),
        allocations: it.allocations,
        abandoned: vec![],
        cause: "CUSTOMER".into(),
    };
    let mut event = desk.event("reservation", &desk.order_id, 3, &released);
    let own = desk.orders.events(&desk.tenant, &desk.order_id).await;
    event.metadata.causation_id = own.unwrap()[0].event_id.to_string();
    assert!(desk.react(&follow, &event).await.is_empty());
    // As after a restore of intake: its event that caused this is not there any more.
    let mut event = desk.event("reservation", &desk.order_id, 4, &released);
    event.metadata.causation_id = uuid_of(77, "forgotten").to_string();
    assert_eq!(
        desk.react(&follow, &event).await,
        ["ReservationReleaseRequested"]
    );
}

#[tokio::test]
async fn the_warehouses_facts_are_recorded_once() {
    let desk = Desk::open().await;
    desk.reserve().await;
    let follow = FollowFulfilment::new(desk.orders.clone());
    let (fulfilment_order_id, order_id) = (format!("{}-F1", desk.order_id), desk.order_id.clone());
    let parcel_id = format!("{fulfilment_order_id}-P1");
    let sent = ParcelDispatched {
        fulfilment_order_id: fulfilment_order_id.clone(),
        order_id: order_id.clone(),
        parcel_id: parcel_id.clone(),
        lines: work(&[units("1", 1)]),
        ..ParcelDispatched::default()
    };
    let event = desk.event("fulfilment_order", &fulfilment_order_id, 3, &sent);
    assert_eq!(desk.react(&follow, &event).await, ["LinesShipped"]);
    let number = TrackingNumberAssigned {
        parcel_id: parcel_id.clone(),
        fulfilment_order_id: fulfilment_order_id.clone(),
        order_id: order_id.clone(),
        carrier: "sf".into(),
        tracking_number: "SF1".into(),
    };
    let event = desk.event("parcel", &parcel_id, 4, &number);
    assert_eq!(desk.react(&follow, &event).await, ["LinesShipped"]);
    let arrived = ParcelDelivered {
        parcel_id: parcel_id.clone(),
        order_id: order_id.clone(),
        fulfilment_order_id: fulfilment_order_id.clone(),
        lines: work(&[units("1", 1)]),
        delivered_at: None,
    };
    let event = desk.event("parcel", &parcel_id, 5, &arrived);
    assert_eq!(desk.react(&follow, &event).await, ["LinesDelivered"]);
    let stopped = FulfilmentOrderCancelled {
        fulfilment_order_id: fulfilment_order_id.clone(),
        order_id,
        cause: "FIRE".into(),
        lines: work(&[units("1", 1)]),
    };
    let event = desk.event("fulfilment_order", &fulfilment_order_id, 6, &stopped);
    assert_eq!(
        desk.react(&follow, &event).await,
        ["FulfilmentStopped", "OrderHeld"]
    );
}

#[tokio::test]
async fn units_that_were_not_found_leave_their_fulfilment_order() {
    let desk = Desk::open().await;
    desk.reserve().await;
    let follow = FollowFulfilment::new(desk.orders.clone());
    let fulfilment_order_id = format!("{}-F1", desk.order_id);
    let missing = LineShortPicked {
        fulfilment_order_id: fulfilment_order_id.clone(),
        order_id: desk.order_id.clone(),
        line_id: "1".into(),
        missing: 2,
        ..LineShortPicked::default()
    };
    let event = desk.event("fulfilment_order", &fulfilment_order_id, 3, &missing);
    assert_eq!(
        desk.react(&follow, &event).await,
        [
            "FulfilmentStopped",
            "ReservationReleaseRequested",
            "OrderHeld"
        ]
    );
    let lost = ReservationUnitsLost {
        reservation_id: desk.order_id.clone(),
        allocations: vec![ReservationAllocation {
            line_id: "1".into(),
            sku: "A".into(),
            site_id: "HZ".into(),
            quantity: 2,
        }],
        cause: "SHORT_PICK".into(),
    };
    let follow = FollowInventory::new(desk.orders.clone());
    let event = desk.event("reservation", &desk.order_id, 9, &lost);
    assert_eq!(
        desk.react(&follow, &event).await,
        ["StockLossBooked", "ReservationRequested"],
        "what is asked for now is not reserved from where it was not found"
    );
}

/// Everything is sent and has arrived.
async fn delivered(desk: &Desk) {
    desk.reserve().await;
    let fulfilment_order_id = format!("{}-F1", desk.order_id);
    let arrived = ParcelDelivered {
        parcel_id: format!("{fulfilment_order_id}-P1"),
        order_id: desk.order_id.clone(),
        fulfilment_order_id: fulfilment_order_id.clone(),
        lines: work(&[units("1", 2)]),
        delivered_at: None,
    };
    let event = desk.event("parcel", &arrived.parcel_id.clone(), 9, &arrived);
    let follow = FollowFulfilment::new(desk.orders.clone());
    assert_eq!(desk.react(&follow, &event).await, ["LinesDelivered"]);
}

#[tokio::test]
async fn what_is_told_before_what_it_rests_on_is_tried_again_and_recorded_once_that_is_there() {
    // As after a restore: neighbours are heard again, and none waits for another.
    let desk = Desk::open().await;
    let warehouse = FollowFulfilment::new(desk.orders.clone());
    let aftersales = FollowAftersales::new(desk.orders.clone());
    let fulfilment_order_id = format!("{}-F1", desk.order_id);
    let sent = ParcelDispatched {
        fulfilment_order_id: fulfilment_order_id.clone(),
        order_id: desk.order_id.clone(),
        parcel_id: format!("{fulfilment_order_id}-P1"),
        lines: work(&[units("1", 2)]),
        ..ParcelDispatched::default()
    };
    let sent = desk.event("fulfilment_order", &fulfilment_order_id, 3, &sent);
    let case_id = format!("{}-C1", desk.order_id);
    let back = CaseApproved {
        case_id: case_id.clone(),
        order_id: desk.order_id.clone(),
        lines: vec![units("1", 1)],
        kind: CaseKind::Return.into(),
        ..CaseApproved::default()
    };
    let back = desk.event("case", &case_id, 4, &back);
    let early = run(&warehouse, &sent).await;
    assert!(matches!(early, Err(ReactionError::Failed(_))), "{early:?}");
    let early = run(&aftersales, &back).await;
    assert!(matches!(early, Err(ReactionError::Failed(_))), "{early:?}");

    desk.reserve().await;
    assert_eq!(desk.react(&warehouse, &sent).await, ["LinesShipped"]);
    assert_eq!(desk.react(&aftersales, &back).await, ["ReturnApproved"]);

    // An order that does not exist is not waited for: a channel that pushes it again gets another id.
    let lost = ParcelDispatched {
        fulfilment_order_id: "lost-F1".into(),
        order_id: "lost".into(),
        ..ParcelDispatched::default()
    };
    let lost = desk.event("fulfilment_order", "lost-F1", 30, &lost);
    let refused = run(&warehouse, &lost).await;
    assert!(
        matches!(refused, Err(ReactionError::Park(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn returns_are_recorded_once_and_refunds_without_goods_are_none() {
    let desk = Desk::open().await;
    delivered(&desk).await;
    let follow = FollowAftersales::new(desk.orders.clone());
    let case_id = format!("{}-C1", desk.order_id);
    let approved = |kind: CaseKind| CaseApproved {
        case_id: case_id.clone(),
        order_id: desk.order_id.clone(),
        lines: vec![units("1", 1)],
        kind: kind.into(),
        ..CaseApproved::default()
    };
    let event = desk.event("case", &case_id, 1, &approved(CaseKind::RefundOnly));
    assert_eq!(desk.react(&follow, &event).await, Vec::<String>::new());
    let event = desk.event("case", &case_id, 2, &approved(CaseKind::Return));
    assert_eq!(desk.react(&follow, &event).await, ["ReturnApproved"]);
    let received = ReturnReceived {
        case_id: case_id.clone(),
        order_id: desk.order_id.clone(),
        lines: vec![ReceivedLine {
            line_id: "1".into(),
            not_resellable: 1,
            ..ReceivedLine::default()
        }],
        ..ReturnReceived::default()
    };
    let event = desk.event("case", &case_id, 3, &received);
    assert_eq!(desk.react(&follow, &event).await, ["LinesReturned"]);
}

#[tokio::test]
async fn a_delivered_order_completes_when_its_timer_fires_and_a_held_one_later() {
    let desk = Desk::open().await;
    delivered(&desk).await;
    let week = Duration::from_secs(7 * 24 * 3_600);
    let complete: Arc<dyn Reaction> = Arc::new(CompleteDelivered::new(desk.orders.clone(), week));
    let event = desk.event("order", &desk.order_id, 7, &LinesDelivered::default());
    let mut context = ReactionContext::for_event("intake", "complete_delivered", &event, 1);
    complete.react(&event, &mut context).await.unwrap();
    let (key, due, payload) = context.scheduled().next().unwrap();
    assert_eq!(due.0 - event.time.0, 7 * 24 * 3_600 * 1_000_000);
    let timer = Timer {
        entity: complete.entity(&event).unwrap(),
        tenant: desk.tenant.clone(),
        key: key.to_owned(),
        due,
        payload: payload.to_vec(),
        cause: context.metadata(),
    };
    desk.decide(Intent::Hold(order::Hold::default())).await;
    let mut held = ReactionContext::for_timer("intake", "complete_delivered", &timer, 1);
    complete.on_timer(&timer, &mut held).await.unwrap();
    let (_, again, _) = held.scheduled().next().unwrap();
    assert_eq!(again.0 - due.0, 24 * 3_600 * 1_000_000);
    let release = order::ReleaseHold {
        hold_id: "REVIEW-1".into(),
        note: String::new(),
    };
    desk.decide(Intent::ReleaseHold(release)).await;
    for _ in 0..2 {
        let later = Timer {
            due: again,
            ..timer.clone()
        };
        let mut context = ReactionContext::for_timer("intake", "complete_delivered", &later, 1);
        complete.on_timer(&later, &mut context).await.unwrap();
        assert_eq!(context.scheduled().count(), 0);
    }
    let (completed, _) = desk.orders.get(&desk.tenant, &desk.order_id).await.unwrap();
    assert!(matches!(completed, Order::Completed(_)));
}
