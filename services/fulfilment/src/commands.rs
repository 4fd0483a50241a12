//! Commands that touch several streams, each as one decision that is recorded as a whole.

use ordo_decider::Decider as _;
use ordo_event_log::{Halt, Timestamp, Unit};
use ordo_proto::fulfilment::{
    FulfilmentOrderOpened, ParcelHandedOver, TrackingRecorded, TrackingStatus,
};

use crate::{
    fulfilment_order::{
        CheckPolicy, FulfilmentOrder, FulfilmentOrderCommand, FulfilmentOrderError,
        FulfilmentOrderEvent, FulfilmentOrderState, NewRecipient, ParcelContents, Pick,
    },
    parcel::{Parcel, ParcelCommand, ParcelError, ParcelState},
};

/// `delivery_method` of goods that the customer has in hand already.
pub const TAKE_AWAY: &str = "TAKE_AWAY";

/// Most fulfilment orders of one order.
const MAX_FULFILMENT_ORDERS: u32 = 1_000;

/// Why a command is refused, and what it was about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The fulfilment order does not allow it.
    #[error("fulfilment order {fulfilment_order_id}: {error}")]
    FulfilmentOrder {
        /// Which.
        fulfilment_order_id: String,
        /// Why.
        error: FulfilmentOrderError,
    },
    /// The parcel does not allow it.
    #[error("parcel {parcel_id}: {error}")]
    Parcel {
        /// Which.
        parcel_id: String,
        /// Why.
        error: ParcelError,
    },
}

type Decision<T> = Result<T, Halt<CommandError>>;

/// Decides one command on one fulfilment order. The state after it.
pub fn on_fulfilment_order<'u>(
    unit: &'u mut Unit<'_>,
    id: &str,
    command: FulfilmentOrderCommand,
) -> Decision<&'u FulfilmentOrderState> {
    unit.decide::<FulfilmentOrder>(id, command)
        .map_err(|halt| halt.map(|error| about_fulfilment_order(id, error)))
}

/// Decides one command on one parcel. The state after it.
pub fn on_parcel<'u>(
    unit: &'u mut Unit<'_>,
    id: &str,
    command: ParcelCommand,
) -> Decision<&'u ParcelState> {
    unit.decide::<Parcel>(id, command).map_err(|halt| {
        halt.map(|error| CommandError::Parcel {
            parcel_id: id.to_owned(),
            error,
        })
    })
}

/// Opens a fulfilment order. Goods that were handed over at the till are recorded as picked, packed, dispatched and
/// delivered in the same step: the customer has them, and nobody at a shelf has anything to do.
pub fn open(
    unit: &mut Unit<'_>,
    instruction: FulfilmentOrderOpened,
    at: Timestamp,
) -> Decision<()> {
    let id = instruction.fulfilment_order_id.clone();
    let handed_over = instruction.delivery_method == TAKE_AWAY;
    let lines = instruction.lines.clone();
    let is_new = unit.version::<FulfilmentOrder>(&id)? == 0;
    on_fulfilment_order(
        unit,
        &id,
        FulfilmentOrderCommand::Open(Box::new(instruction)),
    )?;
    if !(handed_over && is_new) {
        return Ok(());
    }
    for line in lines {
        let pick = Pick {
            worker: "till".to_owned(),
            line_id: line.line_id,
            quantity: line.quantity,
            ..Pick::default()
        };
        on_fulfilment_order(unit, &id, FulfilmentOrderCommand::RecordPick(pick))?;
    }
    pack(unit, &id, CheckPolicy::Optional, Vec::new())?;
    for parcel_id in dispatch(unit, &id, Vec::new(), String::new(), String::new())? {
        let scan = TrackingRecorded {
            status: TrackingStatus::Delivered.into(),
            description: "handed over at the till".to_owned(),
            occurred_at: Some(at.into()),
            ..TrackingRecorded::default()
        };
        on_parcel(unit, &parcel_id, ParcelCommand::RecordScans(vec![scan]))?;
    }
    Ok(())
}

/// Packs parcels. Their ids.
pub fn pack(
    unit: &mut Unit<'_>,
    id: &str,
    check: CheckPolicy,
    parcels: Vec<ParcelContents>,
) -> Decision<Vec<String>> {
    let events = decide(unit, id, FulfilmentOrderCommand::Pack { check, parcels })?;
    let packed = events.iter().filter_map(|event| match event {
        FulfilmentOrderEvent::ParcelPacked(parcel) => Some(parcel.parcel_id.clone()),
        _ => None,
    });
    let parcel_ids = packed.collect();
    unit.emit::<FulfilmentOrder>(id, events)?;
    Ok(parcel_ids)
}

/// Records that parcels left, on the fulfilment order and as the beginning of each parcel's own stream. Their ids.
pub fn dispatch(
    unit: &mut Unit<'_>,
    id: &str,
    parcel_ids: Vec<String>,
    carrier: String,
    tracking_number: String,
) -> Decision<Vec<String>> {
    let command = FulfilmentOrderCommand::Dispatch {
        parcel_ids,
        carrier,
        tracking_number,
    };
    let events = decide(unit, id, command)?;
    let left: Vec<_> = events.iter().filter_map(handed_over).collect();
    unit.emit::<FulfilmentOrder>(id, events)?;
    let mut parcel_ids = Vec::with_capacity(left.len());
    for parcel in left {
        let parcel_id = parcel.parcel_id.clone();
        on_parcel(unit, &parcel_id, ParcelCommand::HandOver(parcel))?;
        parcel_ids.push(parcel_id);
    }
    Ok(parcel_ids)
}

/// Changes the recipient of every fulfilment order of the order that has not left; the others stay as they are.
pub fn change_address(
    unit: &mut Unit<'_>,
    order_id: &str,
    recipient: &NewRecipient,
) -> Decision<()> {
    for n in 1..=MAX_FULFILMENT_ORDERS {
        let id = format!("{order_id}-F{n}");
        if unit.version::<FulfilmentOrder>(&id)? == 0 {
            break;
        }
        let command = FulfilmentOrderCommand::ChangeAddress(recipient.clone());
        match unit.decide::<FulfilmentOrder>(&id, command) {
            Ok(_) => {}
            Err(Halt::Load(not_loaded)) => return Err(not_loaded.into()),
            Err(Halt::Refuse(
                FulfilmentOrderError::AlreadyDispatched { .. }
                | FulfilmentOrderError::NothingFound
                | FulfilmentOrderError::Cancelled,
            )) => {}
            Err(Halt::Refuse(error)) => {
                return Err(Halt::Refuse(about_fulfilment_order(&id, error)));
            }
        }
    }
    Ok(())
}

fn decide(
    unit: &mut Unit<'_>,
    id: &str,
    command: FulfilmentOrderCommand,
) -> Decision<Vec<FulfilmentOrderEvent>> {
    FulfilmentOrder::decide(unit.state::<FulfilmentOrder>(id)?, command)
        .map_err(|error| Halt::Refuse(about_fulfilment_order(id, error)))
}

fn about_fulfilment_order(id: &str, error: FulfilmentOrderError) -> CommandError {
    CommandError::FulfilmentOrder {
        fulfilment_order_id: id.to_owned(),
        error,
    }
}

fn handed_over(event: &FulfilmentOrderEvent) -> Option<ParcelHandedOver> {
    let FulfilmentOrderEvent::ParcelDispatched(left) = event else {
        return None;
    };
    Some(ParcelHandedOver {
        parcel_id: left.parcel_id.clone(),
        fulfilment_order_id: left.fulfilment_order_id.clone(),
        order_id: left.order_id.clone(),
        site_id: left.site_id.clone(),
        carrier: left.carrier.clone(),
        tracking_number: left.tracking_number.clone(),
        lines: left.lines.clone(),
    })
}
