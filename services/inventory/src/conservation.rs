//! The check `stock.conservation`: no unit appears from nowhere or vanishes, none is promised twice.
//!
//! Reads a log from its first event, with none of the code that decides, and holds it against these rules:
//! - at every place and after every event: units of each condition ≥ 0 and 0 ≤ reserved ≤ sellable;
//! - units in (received, returned, found) = units out (sent, lost) + units there;
//! - what stock says is reserved for an order at a place = what the order's reservation says is open there;
//! - what stock says has left for an order = what the reservation says was sent;
//! - who waits in a SKU's queue, and for how many = what the reservations say is waited for.

mod fold;

use std::collections::BTreeMap;

use ordo_event_log::{CodecError, EventLog, ReadError, RecordedEvent, TenantId};

pub use self::fold::Ledger;
use crate::{ids::Place, stock::Stock};

/// Events read at a time.
const PAGE: u32 = 1_000;

/// Units at one place, counted from the events alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Sellable, reserved ones included.
    pub sellable: i64,
    /// Not to be sold before somebody looked at them.
    pub quarantine: i64,
    /// Not to be sold.
    pub damaged: i64,
    /// Promised to orders.
    pub reserved: i64,
    /// Received, returned or found.
    pub came: i64,
    /// Sent or lost.
    pub left: i64,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Places, reservations and queues compared.
    pub examined: u64,
    /// The first rule that is broken.
    pub difference: Option<String>,
}

/// Why the check could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Read(#[from] ReadError),
    /// An event cannot be read.
    #[error("an event cannot be read")]
    Codec(#[from] CodecError),
}

/// Checks one partition, up to its end at the time of the call, and holds the counts against the states that decisions use.
pub async fn check(log: &EventLog, partition: u32) -> Result<Finding, CheckError> {
    let end = log.read_head(partition).await?.position;
    let mut ledgers: BTreeMap<TenantId, Ledger> = BTreeMap::new();
    let mut versions: BTreeMap<(TenantId, String), u64> = BTreeMap::new();
    let mut position = 0;
    while position < end {
        let events = log.read(partition, position, PAGE).await?;
        for event in events.iter().take_while(|event| event.position <= end) {
            note_version(&mut versions, event);
            ledgers
                .entry(event.tenant.clone())
                .or_default()
                .apply(&event.type_name, &event.payload)?;
        }
        match events.last() {
            Some(last) => position = last.position,
            None => break,
        }
    }
    let mut finding = Finding {
        examined: 0,
        difference: None,
    };
    for (tenant, ledger) in &ledgers {
        finding.examined += ledger.examined();
        if let Some(difference) = ledger.difference() {
            finding
                .difference
                .get_or_insert(format!("tenant {tenant}: {difference}"));
        }
        for (place, count) in ledger.counts() {
            let id = place.stream_id();
            let (state, version) = log.state::<Stock>(partition, tenant, &id).await?;
            let counted_at = versions.get(&(tenant.clone(), id)).copied().unwrap_or(0);
            // A place that moved on since the end was noted is left to the next check.
            if version == counted_at && !agrees(&state, count) {
                let difference =
                    format!("tenant {tenant}: {place} has {state:?} and its events say {count:?}");
                finding.difference.get_or_insert(difference);
            }
        }
    }
    Ok(finding)
}

fn note_version(versions: &mut BTreeMap<(TenantId, String), u64>, event: &RecordedEvent) {
    use ordo_event_log::Aggregate as _;
    if event.stream.aggregate.as_ref() == Stock::NAME {
        versions.insert(
            (event.tenant.clone(), event.stream.id.as_ref().to_owned()),
            event.stream_version,
        );
    }
}

/// The state that decisions use holds what the events count.
pub fn agrees(state: &Stock, count: &Count) -> bool {
    use ordo_proto::inventory::StockCondition::{Damaged, Quarantine, Sellable};
    (
        state.on_hand(Sellable),
        state.on_hand(Quarantine),
        state.on_hand(Damaged),
        state.reserved(),
    ) == (
        count.sellable,
        count.quarantine,
        count.damaged,
        count.reserved,
    )
}

/// Units by place.
type Counts = BTreeMap<Place, Count>;
