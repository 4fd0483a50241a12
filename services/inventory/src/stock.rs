//! Units of one SKU at one site. Counters are folds of typed movements, and movements are the only writers.
//!
//! Rules: units of any condition are never fewer than 0; reserved ≤ sellable; a reservation gives back or sends no more than
//! it holds; safety stock is kept back from new reservations and from nothing else.

mod alert;
mod command;
mod event;
mod snapshot;
#[cfg(test)]
mod tests;

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::inventory::{
    StockAdjusted, StockCondition, StockIssued, StockLevelsSet, StockReceived,
    StockReservationReleased, StockReserved, StockReturned,
};
use rpds::RedBlackTreeMapSync;

pub use self::{
    command::{StockChange, StockCommand, StockError},
    event::StockEvent,
};
use crate::ids::{Place, ReservationId};

/// Most units that one movement may carry, and that may lie at one place in one condition. Far above any warehouse and far
/// below where sums could overflow.
pub const MAX_UNITS: i64 = 1_000_000_000_000;

/// What lies at a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stock {
    sellable: i64,
    quarantine: i64,
    damaged: i64,
    reserved: i64,
    /// Reserved units by reservation; only those that hold some. Shares its nodes between copies.
    holds: RedBlackTreeMapSync<ReservationId, i64>,
    safety: i64,
    low_stock_level: i64,
    /// An alert was raised and has not recovered.
    low: bool,
}

impl Stock {
    /// Units in this condition, reserved ones included.
    pub fn on_hand(&self, condition: StockCondition) -> i64 {
        match condition {
            StockCondition::Sellable => self.sellable,
            StockCondition::Quarantine => self.quarantine,
            StockCondition::Damaged => self.damaged,
            StockCondition::Unspecified => 0,
        }
    }

    /// Units promised to orders.
    pub fn reserved(&self) -> i64 {
        self.reserved
    }

    /// Units promised to one order.
    pub fn reserved_for(&self, reservation: &ReservationId) -> i64 {
        self.holds.get(reservation).copied().unwrap_or(0)
    }

    /// Units that may still be promised: sellable less reserved less safety, at least 0.
    pub fn available(&self) -> i64 {
        self.sellable
            .saturating_sub(self.reserved)
            .saturating_sub(self.safety)
            .max(0)
    }

    /// Units in this condition that are promised to no order, safety stock included.
    pub fn unpromised(&self, condition: StockCondition) -> i64 {
        let promised = match condition {
            StockCondition::Sellable => self.reserved,
            StockCondition::Quarantine | StockCondition::Damaged | StockCondition::Unspecified => 0,
        };
        self.on_hand(condition).saturating_sub(promised)
    }

    fn counter(&mut self, condition: i32) -> Option<&mut i64> {
        match StockCondition::try_from(condition).unwrap_or_default() {
            StockCondition::Sellable => Some(&mut self.sellable),
            StockCondition::Quarantine => Some(&mut self.quarantine),
            StockCondition::Damaged => Some(&mut self.damaged),
            StockCondition::Unspecified => None,
        }
    }

    fn count(&mut self, condition: i32, delta: i64) {
        if let Some(units) = self.counter(condition) {
            *units = units.saturating_add(delta);
        }
    }

    fn hold(&mut self, reservation_id: &str, delta: i64) {
        let units = self
            .holds
            .get(reservation_id)
            .copied()
            .unwrap_or(0)
            .saturating_add(delta);
        if units == 0 {
            self.holds.remove_mut(reservation_id);
        } else {
            self.holds.insert_mut(reservation_id.into(), units);
        }
        self.reserved = self.reserved.saturating_add(delta);
    }
}

impl Decider for Stock {
    type State = Stock;
    type Command = StockCommand;
    type Event = StockEvent;
    type Error = StockError;

    fn decide(
        state: &Stock,
        StockCommand { place, change }: StockCommand,
    ) -> Result<Vec<StockEvent>, StockError> {
        let sku = String::from(&place.sku);
        let site_id = String::from(&place.site_id);
        let mut events: Vec<StockEvent> = match change {
            StockChange::Receive {
                quantity,
                condition,
                lot,
                cause_id,
                unit_cost,
            } => {
                comes_in(state, &place, quantity, condition)?;
                let condition = condition.into();
                vec![
                    StockReceived {
                        sku,
                        site_id,
                        quantity,
                        condition,
                        lot,
                        cause_id,
                        unit_cost,
                    }
                    .into(),
                ]
            }
            StockChange::Return {
                quantity,
                condition,
                case_id,
            } => {
                comes_in(state, &place, quantity, condition)?;
                let condition = condition.into();
                vec![
                    StockReturned {
                        sku,
                        site_id,
                        quantity,
                        condition,
                        case_id,
                    }
                    .into(),
                ]
            }
            StockChange::Adjust {
                delta,
                condition,
                reason,
                cause_id,
                release,
            } => {
                let released = release.as_ref().map_or(0, |(_, quantity)| *quantity);
                if reason.is_empty() {
                    return Err(StockError::ReasonMissing);
                }
                let lost = if condition == StockCondition::Sellable {
                    delta.saturating_neg()
                } else {
                    0
                };
                if released > lost.max(0) {
                    return Err(StockError::ReleaseWithoutLoss);
                }
                if delta > 0 {
                    comes_in(state, &place, delta, condition)?;
                } else {
                    goes_out(state, &place, delta, condition, released)?;
                }
                let mut events = Vec::new();
                if let Some((reservation_id, quantity)) = release {
                    held(state, &place, &reservation_id, quantity)?;
                    events.push(
                        StockReservationReleased {
                            sku: sku.clone(),
                            site_id: site_id.clone(),
                            reservation_id: String::from(&reservation_id),
                            quantity,
                            cause: reason.clone(),
                        }
                        .into(),
                    );
                }
                let condition = condition.into();
                events.push(
                    StockAdjusted {
                        sku,
                        site_id,
                        delta,
                        condition,
                        reason,
                        cause_id,
                    }
                    .into(),
                );
                events
            }
            StockChange::Reserve {
                reservation_id,
                quantity,
            } => {
                positive(quantity)?;
                if quantity > state.available() {
                    return Err(StockError::NotAvailable {
                        place,
                        wanted: quantity,
                        available: state.available(),
                    });
                }
                let reservation_id = String::from(&reservation_id);
                vec![
                    StockReserved {
                        sku,
                        site_id,
                        reservation_id,
                        quantity,
                    }
                    .into(),
                ]
            }
            StockChange::Release {
                reservation_id,
                quantity,
                cause,
            } => {
                held(state, &place, &reservation_id, quantity)?;
                let reservation_id = String::from(&reservation_id);
                vec![
                    StockReservationReleased {
                        sku,
                        site_id,
                        reservation_id,
                        quantity,
                        cause,
                    }
                    .into(),
                ]
            }
            StockChange::Issue {
                reservation_id,
                quantity,
                parcel_id,
            } => {
                held(state, &place, &reservation_id, quantity)?;
                let reservation_id = String::from(&reservation_id);
                vec![
                    StockIssued {
                        sku,
                        site_id,
                        reservation_id,
                        quantity,
                        parcel_id,
                    }
                    .into(),
                ]
            }
            StockChange::SetLevels {
                safety,
                low_stock_level,
            } => {
                let valid = 0..=MAX_UNITS;
                if !valid.contains(&safety) || !valid.contains(&low_stock_level) {
                    return Err(StockError::Level);
                }
                if (safety, low_stock_level) == (state.safety, state.low_stock_level) {
                    return Ok(Vec::new());
                }
                vec![
                    StockLevelsSet {
                        sku,
                        site_id,
                        safety,
                        low_stock_level,
                    }
                    .into(),
                ]
            }
        };
        let after = events.iter().fold(state.clone(), Stock::evolve);
        events.extend(alert::crossing(&after, &place));
        Ok(events)
    }

    fn evolve(mut state: Stock, event: &StockEvent) -> Stock {
        match event {
            StockEvent::Received(e) => state.count(e.condition, e.quantity),
            StockEvent::Returned(e) => state.count(e.condition, e.quantity),
            StockEvent::Adjusted(e) => state.count(e.condition, e.delta),
            StockEvent::Reserved(e) => state.hold(&e.reservation_id, e.quantity),
            StockEvent::ReservationReleased(e) => {
                state.hold(&e.reservation_id, e.quantity.saturating_neg())
            }
            StockEvent::Issued(e) => {
                state.hold(&e.reservation_id, e.quantity.saturating_neg());
                state.sellable = state.sellable.saturating_sub(e.quantity);
            }
            StockEvent::LevelsSet(e) => {
                state.safety = e.safety;
                state.low_stock_level = e.low_stock_level;
                state.low &= e.low_stock_level > 0;
            }
            StockEvent::LowReached(_) => state.low = true,
            StockEvent::LowRecovered(_) => state.low = false,
        }
        state
    }
}

fn positive(quantity: i64) -> Result<(), StockError> {
    if (1..=MAX_UNITS).contains(&quantity) {
        Ok(())
    } else {
        Err(StockError::Quantity)
    }
}

fn comes_in(
    state: &Stock,
    place: &Place,
    quantity: i64,
    condition: StockCondition,
) -> Result<(), StockError> {
    positive(quantity)?;
    if condition == StockCondition::Unspecified {
        return Err(StockError::ConditionMissing);
    }
    if state.on_hand(condition) > MAX_UNITS - quantity {
        return Err(StockError::TooMany {
            place: place.clone(),
        });
    }
    Ok(())
}

/// `released` of the units were reserved and stop being so in the same step.
fn goes_out(
    state: &Stock,
    place: &Place,
    delta: i64,
    condition: StockCondition,
    released: i64,
) -> Result<(), StockError> {
    if !(-MAX_UNITS..=-1).contains(&delta) {
        return Err(StockError::Quantity);
    }
    let on_hand = state.on_hand(condition);
    let reserved = match condition {
        StockCondition::Sellable => state.reserved.saturating_sub(released),
        StockCondition::Quarantine | StockCondition::Damaged => 0,
        StockCondition::Unspecified => return Err(StockError::ConditionMissing),
    };
    let may_take = on_hand.saturating_sub(reserved);
    if -delta > may_take {
        return Err(StockError::TakesTooMany {
            place: place.clone(),
            wanted: -delta,
            may_take,
            on_hand,
            reserved,
        });
    }
    Ok(())
}

fn held(
    state: &Stock,
    place: &Place,
    reservation_id: &ReservationId,
    quantity: i64,
) -> Result<(), StockError> {
    positive(quantity)?;
    let reserved = state.reserved_for(reservation_id);
    if quantity > reserved {
        return Err(StockError::NotReserved {
            place: place.clone(),
            reservation_id: reservation_id.clone(),
            wanted: quantity,
            reserved,
        });
    }
    Ok(())
}

impl Aggregate for Stock {
    const NAME: &'static str = "stock";

    fn encode(event: &StockEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<StockEvent, CodecError> {
        StockEvent::decode_event(type_name, payload)
    }

    fn snapshot(state: &Stock) -> Option<Vec<u8>> {
        Some(snapshot::write(state))
    }

    fn restore(bytes: &[u8]) -> Result<Stock, CodecError> {
        snapshot::read(bytes)
    }
}
