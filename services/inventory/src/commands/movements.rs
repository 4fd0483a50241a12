//! Units come, go, and are corrected.

use std::collections::BTreeSet;

use ordo_event_log::{Halt, NotLoaded};
use ordo_proto::{inventory::StockCondition, types::Money};

use super::{
    InventoryError, Streams, facts,
    settle::{move_stock, record, serve_if_easier, units_came, waits},
};
use crate::{
    ids::{LineId, Place, ReservationId, SiteId, Sku},
    reservation::{Part, Reservation, ReservationCommand},
    sku::{SkuCommand, SkuItem},
    stock::{Stock, StockChange},
};

/// A delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Where it arrives.
    pub site_id: SiteId,
    /// What it brings.
    pub lines: Vec<ReceiptLine>,
    /// Delivery note, purchase order.
    pub cause_id: String,
}

/// Units of one SKU in a delivery.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceiptLine {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: i64,
    /// What state they are in.
    pub condition: StockCondition,
    /// Batch, where the goods have one.
    pub lot: String,
    /// What one unit cost.
    pub unit_cost: Option<Money>,
}

/// Units back from a customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Restocking {
    /// Where they arrive.
    pub site_id: SiteId,
    /// What, how many, in which state.
    pub lines: Vec<(Sku, i64, StockCondition)>,
    /// The after-sales case.
    pub case_id: String,
}

/// A correction of the book.
#[derive(Clone, Debug, PartialEq)]
pub struct Adjustment {
    /// Where.
    pub place: Place,
    /// Signed, not 0.
    pub delta: i64,
    /// Which units.
    pub condition: StockCondition,
    /// Upper-case code.
    pub reason: String,
    /// Count, incident, fulfilment order.
    pub cause_id: String,
    /// Of the lost units, at most this many were reserved for this line; they are released with the loss, as far as they
    /// still are reserved.
    pub release: Option<(ReservationId, LineId, i64)>,
    /// Every unit of that condition there that is promised to nobody is lost too; `delta` is negative.
    pub all_unpromised: bool,
}

/// Books a delivery in: all lines or none.
pub fn receive(streams: &mut impl Streams, receipt: Receipt) -> Result<(), Halt<InventoryError>> {
    let Receipt {
        site_id,
        lines,
        cause_id,
    } = receipt;
    check(streams, &site_id, lines.iter().map(|line| &line.sku))?;
    let mut sellable = BTreeSet::new();
    for line in lines {
        if line.condition == StockCondition::Sellable {
            sellable.insert(line.sku.clone());
        }
        let change = StockChange::Receive {
            quantity: line.quantity,
            condition: line.condition,
            lot: line.lot,
            cause_id: cause_id.clone(),
            unit_cost: line.unit_cost,
        };
        bring_in(streams, Place::new(&line.sku, &site_id), change)?;
    }
    units_came(streams, &sellable)
}

/// Books units in that come back from a customer.
pub fn restock(
    streams: &mut impl Streams,
    restocking: Restocking,
) -> Result<(), Halt<InventoryError>> {
    let Restocking {
        site_id,
        lines,
        case_id,
    } = restocking;
    check(streams, &site_id, lines.iter().map(|(sku, ..)| sku))?;
    let mut sellable = BTreeSet::new();
    for (sku, quantity, condition) in lines {
        if condition == StockCondition::Sellable {
            sellable.insert(sku.clone());
        }
        let case_id = case_id.clone();
        let change = StockChange::Return {
            quantity,
            condition,
            case_id,
        };
        bring_in(streams, Place::new(&sku, &site_id), change)?;
    }
    units_came(streams, &sellable)
}

/// Corrects the book. Units of that condition there afterwards.
pub fn adjust(
    streams: &mut impl Streams,
    adjustment: Adjustment,
) -> Result<i64, Halt<InventoryError>> {
    let Adjustment {
        place,
        delta,
        condition,
        reason,
        cause_id,
        release,
        all_unpromised,
    } = adjustment;
    check(streams, &place.site_id, [&place.sku])?;
    let before = match &release {
        Some((reservation_id, ..)) => {
            Some((reservation_id.clone(), waits(streams, reservation_id)?))
        }
        None => None,
    };
    let release = match release {
        Some((reservation_id, line_id, quantity)) => {
            lose(streams, &place, &reservation_id, line_id, quantity, &reason)?
                .map(|lost| (reservation_id, lost))
        }
        None => None,
    };
    let delta = if all_unpromised {
        let stock = streams.state::<Stock>(&place.stream_id())?;
        let released = release.as_ref().map_or(0, |(_, lost)| *lost);
        delta.min(-(stock.unpromised(condition) + released))
    } else {
        delta
    };
    let change = StockChange::Adjust {
        delta,
        condition,
        reason,
        cause_id,
        release,
    };
    if delta > 0 {
        bring_in(streams, place.clone(), change)?;
    } else {
        move_stock(streams, place.clone(), change)?;
    }
    if delta > 0 && condition == StockCondition::Sellable {
        units_came(streams, [&place.sku])?;
    }
    if let Some((reservation_id, before)) = before {
        serve_if_easier(streams, &reservation_id, &before)?;
    }
    Ok(streams
        .state::<Stock>(&place.stream_id())?
        .on_hand(condition))
}

/// Takes units off a reservation because they are gone. How many; `None` when it holds none.
fn lose(
    streams: &mut impl Streams,
    place: &Place,
    reservation_id: &ReservationId,
    line_id: LineId,
    quantity: i64,
    reason: &str,
) -> Result<Option<i64>, Halt<InventoryError>> {
    let reservation = streams.state::<Reservation>(reservation_id.as_str())?;
    let part = Part { line_id, quantity };
    let lost: Vec<_> = (reservation.newest(&[part], &place.site_id).into_iter())
        .filter(|allocation| allocation.sku == place.sku)
        .collect();
    let units = lost.iter().map(|allocation| allocation.quantity);
    let units = units.fold(0_i64, i64::saturating_add);
    let lose = ReservationCommand::Lose {
        allocations: lost,
        cause: reason.to_owned(),
    };
    record(streams, reservation_id, lose)?;
    Ok((units > 0).then_some(units))
}

/// Sets safety stock and the low-stock level.
pub fn set_levels(
    streams: &mut impl Streams,
    place: Place,
    safety: i64,
    low_stock_level: i64,
) -> Result<(), Halt<InventoryError>> {
    check(streams, &place.site_id, [&place.sku])?;
    let before = streams.state::<Stock>(&place.stream_id())?.available();
    let change = StockChange::SetLevels {
        safety,
        low_stock_level,
    };
    move_stock(streams, place.clone(), change)?;
    if streams.state::<Stock>(&place.stream_id())?.available() > before {
        units_came(streams, [&place.sku])?;
    }
    Ok(())
}

/// A movement that may be the SKU's first at this site.
fn bring_in(
    streams: &mut impl Streams,
    place: Place,
    change: StockChange,
) -> Result<(), Halt<InventoryError>> {
    let command = SkuCommand::StockAt {
        site_id: place.site_id.clone(),
        sku: place.sku.clone(),
    };
    streams
        .decide::<SkuItem>(place.sku.as_str(), command)
        .map_err(|halt| halt.map(InventoryError::from))?;
    move_stock(streams, place, change)
}

/// The site and all SKUs are known; otherwise all that are not are named.
fn check<'a>(
    streams: &mut impl Streams,
    site_id: &SiteId,
    skus: impl IntoIterator<Item = &'a Sku>,
) -> Result<(), Halt<InventoryError>> {
    if facts::sites(streams)?.get(site_id).is_none() {
        let site_id = site_id.clone();
        return Err(Halt::Refuse(InventoryError::UnknownSite { site_id }));
    }
    let skus: BTreeSet<&Sku> = skus.into_iter().collect();
    let unknown = skus
        .into_iter()
        .filter_map(|sku| match facts::is_known(streams, sku) {
            Ok(true) => None,
            Ok(false) => Some(Ok(sku.clone())),
            Err(halt) => Some(Err(halt)),
        })
        .collect::<Result<Vec<Sku>, NotLoaded>>()?;
    if unknown.is_empty() {
        Ok(())
    } else {
        Err(Halt::Refuse(InventoryError::UnknownSkus { skus: unknown }))
    }
}
