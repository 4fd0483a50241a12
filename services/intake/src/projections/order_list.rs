//! `order_list`: one row per order for ListOrders, and keys to find orders by.
//!
//! Statuses are derived by the order itself: its folded state stands beside the row, and every event is applied to it by
//! the same [`evolve`](ordo_decider::Decider::evolve) that decides. Phones and names are kept as keyed fingerprints only,
//! and forgotten when their person is.

#[cfg(test)]
mod plan_tests;
mod query;

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use ordo_decider::Decider as _;
use ordo_event_log::{Aggregate as _, RecordedEvent, Timestamp};
use ordo_privacy::{PrivacyError, Vault};
use ordo_projection::{Projection, ProjectionError, Rows, Tx, table};
use ordo_proto::{
    intake::{HoldReason, OrderPlaced, PersonalDataErased},
    types::{Contact, Sealed},
};
use ordo_sql::{Row, Value};
use prost::{Message as _, Name as _};

pub use query::{Found, Query, Sort, find, order_of_channel_number, orders_with_key, states};

use crate::{
    order::{Body, Order, OrderEvent, status},
    personal::field,
    projections::sku_codes,
};

/// Kinds of keys.
pub mod key {
    /// A live hold's reason, as its number.
    pub const HOLD: &str = "hold";
    /// A wanted SKU.
    pub const SKU: &str = "sku";
    /// A parcel's number.
    pub const TRACKING: &str = "tracking";
    /// Keyed fingerprint of a phone number.
    pub const PHONE: &str = "phone";
    /// Keyed fingerprint of a name.
    pub const NAME: &str = "name";
    /// What a line waits for in the catalogue; see `sku_codes`.
    pub const UNMAPPED: &str = "unmapped";
}

table! {
    /// One order.
    pub struct OrderRow in "order_list" {
        key { tenant: String, order_id: String }
        channel: String,
        channel_order_number: String,
        customer_id: String,
        data_subject: String,
        status: i64,
        payment_status: i64,
        fulfilment_status: i64,
        currency: String,
        due: i64,
        units: i64,
        /// When the present recipient was recorded, microseconds; 0: there is none.
        contact_at: i64,
        /// Comma-separated numbers of the live holds' reasons, oldest first.
        holds: String,
        ordered_at: i64,
        updated_at: i64,
    }
}

table! {
    /// An order's folded state.
    struct StateRow in "order_state" {
        key { tenant: String, order_id: String }
        state: Vec<u8>,
    }
}

table! {
    /// When a person's data was last erased: what was recorded before then is not searched by.
    struct ErasureRow in "erasure" {
        key { tenant: String, subject: String }
        erased_at: i64,
    }
}

table! {
    /// A value that an order is found by. In the order of a list, so that finding and sorting are one walk over the key.
    pub struct KeyRow in "order_key" {
        key { tenant: String, kind: String, value: String, ordered_at: i64, order_id: String }
    }
}

const SCHEMA: &[&str] = &[
    "create table order_list (
        tenant text not null, order_id text not null, channel text not null, channel_order_number text not null,
        customer_id text not null, data_subject text not null, status bigint not null, payment_status bigint not null,
        fulfilment_status bigint not null, currency text not null, due bigint not null, units bigint not null,
        contact_at bigint not null, holds text not null, ordered_at bigint not null, updated_at bigint not null,
        primary key (tenant, order_id))",
    "create index order_list_time on order_list (tenant, ordered_at, order_id)",
    "create index order_list_due on order_list (tenant, due, order_id)",
    "create index order_list_status on order_list (tenant, status, ordered_at, order_id)",
    "create index order_list_fulfilment on order_list (tenant, fulfilment_status, ordered_at, order_id)",
    "create index order_list_channel on order_list (tenant, channel, ordered_at, order_id)",
    "create index order_list_customer on order_list (tenant, customer_id, ordered_at, order_id)",
    "create index order_list_subject on order_list (tenant, data_subject)",
    "create index order_list_number on order_list (tenant, channel_order_number, channel)",
    "create table order_state (
        tenant text not null, order_id text not null, state bytea not null, primary key (tenant, order_id))",
    "create table order_key (
        tenant text not null, kind text not null, value text not null, ordered_at bigint not null, order_id text not null,
        primary key (tenant, kind, value, ordered_at, order_id))",
    // All columns, for SQLite prefers an index that has them all, and would walk the tenant's part of the primary key.
    "create index order_key_order on order_key (tenant, order_id, kind, value, ordered_at)",
    "create table erasure (
        tenant text not null, subject text not null, erased_at bigint not null, primary key (tenant, subject))",
];

/// The read model.
pub struct OrderList {
    vault: Vault,
}

impl OrderList {
    /// Fingerprints recipients with the keys of `vault`.
    pub fn new(vault: Vault) -> Self {
        Self { vault }
    }

    /// The recipients inside `events`, opened in one go: `None` where the key is gone.
    async fn contacts(
        &self,
        events: &[(&RecordedEvent, OrderEvent)],
    ) -> Result<BTreeMap<u64, Option<Contact>>, ProjectionError> {
        let sealed: Vec<(u64, Sealed)> = events
            .iter()
            .enumerate()
            .filter_map(|(index, (_, event))| Some((index as u64, contact_of(event)?.clone())))
            .collect();
        let (indexes, sealed): (Vec<_>, Vec<_>) = sealed.into_iter().unzip();
        let opened = self.vault.open_many(&sealed, field::CONTACT, "index").await;
        Ok(indexes.into_iter().zip(opened.map_err(private)?).collect())
    }

    async fn apply_orders(
        &self,
        tx: &mut Tx,
        events: &[RecordedEvent],
    ) -> Result<(), ProjectionError> {
        let mut decoded = Vec::with_capacity(events.len());
        for event in events
            .iter()
            .filter(|event| &*event.stream.aggregate == Order::NAME)
        {
            decoded.push((event, Order::decode(&event.type_name, &event.payload)?));
        }
        let contacts = self.contacts(&decoded).await?;
        let ids: BTreeSet<_> = decoded.iter().map(|(event, _)| id(event)).collect();
        let mut rows = Rows::<OrderRow>::load(tx, ids.clone()).await?;
        let mut states = Rows::<StateRow>::load(tx, ids.clone()).await?;
        let mut keys = Keys::load(tx, &ids).await?;
        let placed = decoded
            .iter()
            .filter_map(|(event, decoded)| Some((event.tenant.to_string(), subject_of(decoded)?)));
        let known = rows
            .iter()
            .map(|((tenant, _), row)| (tenant.clone(), row.data_subject.clone()));
        let subjects: BTreeSet<_> = placed.chain(known).collect();
        let erasures = Rows::<ErasureRow>::load(tx, subjects).await?;
        let mut orders: BTreeMap<(String, String), Order> = BTreeMap::new();
        for (index, (recorded, event)) in decoded.iter().enumerate() {
            let id = id(recorded);
            let order = match orders.remove(&id) {
                Some(order) => order,
                None => states
                    .get(&id)
                    .map_or(Ok(Order::Unplaced), |row| Order::from_bytes(&row.state))?,
            };
            let row = rows.entry(id.clone());
            row.updated_at = recorded.time.0;
            if let OrderEvent::Placed(placed) = event {
                place(row, recorded, placed);
            }
            if let Some(contact) = contacts.get(&(index as u64)) {
                row.contact_at = recorded.time.0;
                let subject = (id.0.clone(), row.data_subject.clone());
                let erased = erasures
                    .get(&subject)
                    .is_some_and(|row| row.erased_at >= recorded.time.0);
                let contact = contact.as_ref().filter(|_| !erased);
                keys.set_person(&id, self.fingerprints(&id.0, contact)?);
            }
            orders.insert(id, Order::evolve(order, event));
        }
        for (id, order) in &orders {
            if let Some((_, body)) = order.placed() {
                let row = rows.entry(id.clone());
                show(row, order, body);
                keys.set(id, row.ordered_at, body);
            }
            states.entry(id.clone()).state = order.to_bytes();
        }
        rows.save(tx).await?;
        states.save(tx).await?;
        keys.save(tx).await?;
        Ok(())
    }

    fn fingerprints(
        &self,
        tenant: &str,
        contact: Option<&Contact>,
    ) -> Result<BTreeSet<(&'static str, String)>, ProjectionError> {
        let mut prints = BTreeSet::new();
        for (kind, value) in contact
            .into_iter()
            .flat_map(|contact| [(key::PHONE, &contact.phone), (key::NAME, &contact.name)])
        {
            if !value.trim().is_empty() {
                let print = self
                    .vault
                    .blind_index(tenant, kind, value)
                    .map_err(private)?;
                prints.insert((kind, print));
            }
        }
        Ok(prints)
    }

    /// Forgets by what a person's orders are found. Erasures and orders come from different partitions, in no certain order;
    /// that the time of recording decides makes it all the same.
    async fn forget(&self, tx: &mut Tx, events: &[RecordedEvent]) -> Result<(), ProjectionError> {
        for event in events.iter().filter(|event| is_erasure(event)) {
            let PersonalDataErased { subject } = PersonalDataErased::decode(event.payload.clone())?;
            let key = (event.tenant.to_string(), subject.clone());
            let mut erasures = Rows::<ErasureRow>::load(tx, [key.clone()]).await?;
            let erasure = erasures.entry(key);
            erasure.erased_at = erasure.erased_at.max(event.time.0);
            erasures.save(tx).await?;
            tx.execute(
                "delete from order_key where tenant = $1 and kind in ($2, $3) and order_id in
                    (select order_id from order_list
                     where tenant = $1 and data_subject = $4 and contact_at <= $5)",
                &ordo_sql::params![
                    event.tenant.as_str(),
                    key::PHONE,
                    key::NAME,
                    subject,
                    event.time.0
                ],
            )
            .await?;
        }
        Ok(())
    }
}

impl Projection for OrderList {
    fn name(&self) -> &'static str {
        "order_list"
    }

    fn version(&self) -> u32 {
        3
    }

    fn schema(&self) -> &'static [&'static str] {
        SCHEMA
    }

    fn apply<'a>(
        &'a self,
        tx: &'a mut Tx,
        events: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async move {
            self.apply_orders(tx, events).await?;
            self.forget(tx, events).await?;
            Ok(())
        })
    }
}

fn is_erasure(event: &RecordedEvent) -> bool {
    *event.type_name == PersonalDataErased::full_name()
}

fn private(error: PrivacyError) -> ProjectionError {
    ProjectionError::Inconsistent(format!("a recipient cannot be opened: {error}"))
}

fn id(event: &RecordedEvent) -> (String, String) {
    (event.tenant.to_string(), event.stream.id.to_string())
}

fn subject_of(event: &OrderEvent) -> Option<String> {
    match event {
        OrderEvent::Placed(placed) => Some(placed.data_subject.clone()),
        _ => None,
    }
}

fn contact_of(event: &OrderEvent) -> Option<&Sealed> {
    match event {
        OrderEvent::Placed(placed) => placed.contact.as_ref(),
        OrderEvent::InformationCompleted(completed) => completed.contact.as_ref(),
        OrderEvent::AddressAmended(amended) => amended.contact.as_ref(),
        _ => None,
    }
}

fn place(row: &mut OrderRow, recorded: &RecordedEvent, placed: &OrderPlaced) {
    row.channel.clone_from(&placed.channel);
    row.channel_order_number
        .clone_from(&placed.channel_order_number);
    row.customer_id.clone_from(&placed.customer_id);
    row.data_subject.clone_from(&placed.data_subject);
    row.ordered_at = placed
        .ordered_at
        .as_ref()
        .map_or(recorded.time.0, |at| Timestamp::from(at).0);
}

fn show(row: &mut OrderRow, order: &Order, body: &Body) {
    row.status = i32::from(status::order(order)).into();
    row.payment_status = i32::from(status::payment(body)).into();
    row.fulfilment_status = i32::from(status::fulfilment(body)).into();
    row.currency.clone_from(&body.currency);
    row.due = body.due();
    row.units = body.lines.iter().map(|line| line.wanted()).sum();
    let holds: Vec<_> = body
        .holds
        .iter()
        .map(|hold| hold.reason.to_string())
        .collect();
    row.holds = holds.join(",");
}

/// Keys of the orders of a batch: what is there, and what should be.
struct Keys {
    rows: Rows<KeyRow>,
    /// Keys of each order as the batch finds them.
    present: BTreeMap<(String, String), BTreeSet<<KeyRow as ordo_projection::TableRow>::Key>>,
    /// Fingerprints of those whose recipient the batch changes.
    persons: BTreeMap<(String, String), BTreeSet<(&'static str, String)>>,
}

impl Keys {
    async fn load(tx: &mut Tx, ids: &BTreeSet<(String, String)>) -> Result<Self, ProjectionError> {
        let groups = ids
            .iter()
            .map(|(tenant, order_id)| vec![Value::from(tenant), Value::from(order_id)]);
        let mut rows = Rows::<KeyRow>::default();
        rows.load_groups(tx, &["tenant", "order_id"], groups)
            .await?;
        let mut present: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (key, row) in rows.iter() {
            let order = (row.tenant.clone(), row.order_id.clone());
            present.entry(order).or_default().insert(key.clone());
        }
        Ok(Self {
            rows,
            present,
            persons: BTreeMap::new(),
        })
    }

    fn set_person(&mut self, id: &(String, String), prints: BTreeSet<(&'static str, String)>) {
        self.persons.insert(id.clone(), prints);
    }

    /// Makes the order's keys what they should be; fingerprints stay unless the recipient changed.
    fn set(&mut self, id: &(String, String), ordered_at: i64, body: &Body) {
        let present = self.present.remove(id).unwrap_or_default();
        let mut wanted = keys_of(body);
        match self.persons.remove(id) {
            Some(prints) => wanted.extend(prints),
            None => wanted.extend(present.iter().filter_map(|(_, kind, value, ..)| {
                let kind = [key::PHONE, key::NAME]
                    .into_iter()
                    .find(|person| person == kind)?;
                Some((kind, value.clone()))
            })),
        }
        let wanted: BTreeSet<_> = wanted
            .into_iter()
            .map(|(kind, value)| {
                (
                    id.0.clone(),
                    kind.to_owned(),
                    value,
                    ordered_at,
                    id.1.clone(),
                )
            })
            .collect();
        for gone in present.difference(&wanted) {
            self.rows.remove(gone);
        }
        for new in wanted.difference(&present) {
            self.rows.entry(new.clone());
        }
    }

    async fn save(&mut self, tx: &mut Tx) -> Result<(), ProjectionError> {
        Ok(self.rows.save(tx).await?)
    }
}

/// Everything that an order is found by, beside its recipient.
fn keys_of(body: &Body) -> BTreeSet<(&'static str, String)> {
    let mut keys = BTreeSet::new();
    for hold in &body.holds {
        keys.insert((key::HOLD, hold.reason.to_string()));
    }
    for parcel in body
        .parcels
        .iter()
        .filter(|parcel| !parcel.tracking_number.is_empty())
    {
        keys.insert((key::TRACKING, parcel.tracking_number.clone()));
    }
    let unmapped = body.holds_for(HoldReason::UnmappedSku).next().is_some();
    for line in &body.lines {
        if !line.line.sku.is_empty() {
            keys.insert((key::SKU, line.line.sku.clone()));
        }
        if unmapped && line.line.sku.is_empty() {
            let codes = sku_codes::awaited(&body.channel, &line.line.channel_sku);
            keys.extend(codes.map(|code| (key::UNMAPPED, code)));
        } else if unmapped && line.unknown_sku {
            keys.insert((key::UNMAPPED, sku_codes::awaited_sku(&line.line.sku)));
        }
    }
    keys
}

impl OrderRow {
    /// Columns in the order in which [`read_row`](Self::read_row) takes them, prefixed with `o.`.
    pub(super) fn columns() -> String {
        let columns = <Self as ordo_projection::TableRow>::COLUMNS.iter();
        columns
            .map(|column| format!("o.{column}"))
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(super) fn read_row(row: &Row) -> Result<Self, ordo_sql::SqlError> {
        <Self as ordo_projection::TableRow>::read(row).map(|(_, row)| row)
    }
}
