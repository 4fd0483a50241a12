//! The work list: every fulfilment order as it stands.

use futures::future::BoxFuture;
use ordo_event_log::{Aggregate as _, RecordedEvent};
use ordo_projection::{Db, Projection, ProjectionError, Rows, Tx, table};
use ordo_proto::{
    fulfilment::{
        FulfilmentOrder as View, FulfilmentOrderOpened, FulfilmentOrderStatus as Status, WorkLine,
        WorkLineView,
    },
    types::Sealed,
};
use ordo_sql::{SqlError, Value};
use prost::Message as _;

use super::known;
use crate::fulfilment_order::{
    FulfilmentOrder, FulfilmentOrderEvent as Event, Quantities, least_advanced,
};

table! {
    /// One fulfilment order.
    pub struct WorkRow in "work" {
        key { tenant: String, fulfilment_order_id: String }
        order_id: String,
        site_id: String,
        /// Number of the `FulfilmentOrderStatus`.
        status: i64,
        worker: String,
        /// Microseconds since 1970.
        opened_at: i64,
        /// [`Stored`] as protobuf.
        stored: Vec<u8>,
    }
}

const SCHEMA: &[&str] = &[
    "create table work (
        tenant text not null,
        fulfilment_order_id text not null,
        order_id text not null,
        site_id text not null,
        status bigint not null,
        worker text not null,
        opened_at bigint not null,
        stored bytea not null,
        primary key (tenant, fulfilment_order_id)
    )",
    "create index work_by_site on work (tenant, site_id, status, opened_at, fulfilment_order_id)",
    "create index work_by_status on work (tenant, status, opened_at, fulfilment_order_id)",
    "create index work_by_age on work (tenant, opened_at, fulfilment_order_id)",
    "create index work_by_order on work (tenant, order_id)",
];

/// A fulfilment order in a row: what is shown, and what only this projection or the packing desk needs.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Stored {
    /// As answered, without anything personal.
    #[prost(message, optional, tag = "1")]
    pub view: Option<View>,
    /// Units packed without a check, in the order of the view's lines.
    #[prost(int64, repeated, tag = "2")]
    pub skipped: Vec<i64>,
    /// Sealed `ordo.type.v1.Contact`.
    #[prost(message, optional, tag = "3")]
    pub contact: Option<Sealed>,
    /// Sealed `ordo.type.v1.Address`.
    #[prost(message, optional, tag = "4")]
    pub address: Option<Sealed>,
    /// Sealed text.
    #[prost(message, optional, tag = "5")]
    pub gift_message: Option<Sealed>,
}

/// Keeps [`WorkRow`]s.
#[derive(Debug)]
pub struct WorkProjection;

impl Projection for WorkProjection {
    fn name(&self) -> &'static str {
        "work"
    }

    fn version(&self) -> u32 {
        1
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
            let ours = || {
                events
                    .iter()
                    .filter(|event| &*event.stream.aggregate == FulfilmentOrder::NAME)
            };
            let key =
                |event: &RecordedEvent| (event.tenant.to_string(), event.stream.id.to_string());
            let mut rows = Rows::<WorkRow>::load(tx, ours().map(key)).await?;
            for recorded in ours() {
                let Some(event) = known(recorded, Event::decode_event)? else {
                    continue;
                };
                let row = rows.entry(key(recorded));
                let mut stored = Stored::decode(row.stored.as_slice())?;
                apply(&mut stored, event, recorded);
                row.save(&stored);
            }
            rows.save(tx).await?;
            Ok(())
        })
    }
}

impl WorkRow {
    fn save(&mut self, stored: &Stored) {
        if let Some(view) = &stored.view {
            self.order_id.clone_from(&view.order_id);
            self.site_id.clone_from(&view.site_id);
            self.status = view.status.into();
            self.worker.clone_from(&view.worker);
            self.opened_at = view
                .opened_at
                .as_ref()
                .map_or(0, |time| ordo_event_log::Timestamp::from(time).0);
        }
        self.stored = stored.encode_to_vec();
    }
}

fn apply(stored: &mut Stored, event: Event, recorded: &RecordedEvent) {
    let now = Some(recorded.time.into());
    if let Event::Opened(opened) = event {
        *stored = first(opened);
        if let Some(view) = &mut stored.view {
            view.opened_at = now;
            view.updated_at = now;
        }
        return;
    }
    let Some(view) = &mut stored.view else {
        return;
    };
    view.updated_at = now;
    let mut quantities: Vec<_> = view
        .lines
        .iter()
        .zip(&stored.skipped)
        .map(|(line, skipped)| quantities(line, *skipped))
        .collect();
    let place = |line_id: &str| {
        view.lines
            .iter()
            .position(|line| line_id == line_of(line).line_id)
    };
    let mut on = |line_id: &str, change: &dyn Fn(&mut Quantities)| {
        if let Some(line) = place(line_id).and_then(|place| quantities.get_mut(place)) {
            change(line);
        }
    };
    match &event {
        Event::Opened(_)
        | Event::PickingStarted(_)
        | Event::Closed(_)
        | Event::Cancelled(_)
        | Event::AddressChanged(_) => {}
        Event::LinePicked(picked) => on(&picked.line_id, &|line| line.pick(picked.quantity)),
        Event::LineShortPicked(short) => on(&short.line_id, &|line| line.miss(short.missing)),
        Event::LineChecked(checked) => on(&checked.line_id, &|line| {
            line.check(checked.passed, checked.failed)
        }),
        Event::ParcelPacked(parcel) => {
            for line in summed(&parcel.lines) {
                on(&line.0, &|quantities| quantities.pack(line.1));
            }
        }
        Event::ParcelDispatched(parcel) => {
            for line in summed(&parcel.lines) {
                on(&line.0, &|quantities| quantities.dispatch(line.1));
            }
        }
    }
    for (line, quantities) in view.lines.iter_mut().zip(&quantities) {
        show(line, quantities);
    }
    stored.skipped = quantities.iter().map(|line| line.skipped).collect();
    let has_left = quantities.iter().any(|line| line.dispatched > 0);
    let ended = if has_left {
        Status::Dispatched
    } else {
        Status::Cancelled
    };
    let status = match &event {
        Event::Closed(_) | Event::Cancelled(_) => ended,
        Event::AddressChanged(_) => view.status(),
        _ => least_advanced(&quantities),
    };
    view.set_status(status);
    match event {
        Event::PickingStarted(started) => view.worker = started.worker,
        Event::ParcelPacked(parcel) => view.parcel_ids.push(parcel.parcel_id),
        Event::AddressChanged(changed) => {
            view.region = changed.region.or(view.region.take());
            stored.contact = changed.contact.or(stored.contact.take());
            stored.address = changed.address.or(stored.address.take());
        }
        _ => {}
    }
}

fn first(opened: FulfilmentOrderOpened) -> Stored {
    let lines: Vec<_> = opened
        .lines
        .into_iter()
        .map(|line| WorkLineView {
            line: Some(line),
            ..WorkLineView::default()
        })
        .collect();
    Stored {
        skipped: vec![0; lines.len()],
        view: Some(View {
            fulfilment_order_id: opened.fulfilment_order_id,
            order_id: opened.order_id,
            site_id: opened.site_id,
            status: Status::Open.into(),
            lines,
            channel: opened.channel,
            channel_order_number: opened.channel_order_number,
            delivery_method: opened.delivery_method,
            region: opened.region,
            gift_wrap: opened.gift_wrap,
            packaging: opened.packaging,
            collect_on_delivery: opened.collect_on_delivery,
            ..View::default()
        }),
        contact: opened.contact,
        address: opened.address,
        gift_message: opened.gift_message,
    }
}

fn line_of(view: &WorkLineView) -> WorkLine {
    view.line.clone().unwrap_or_default()
}

fn quantities(view: &WorkLineView, skipped: i64) -> Quantities {
    Quantities {
        asked: view.line.as_ref().map_or(0, |line| line.quantity),
        short: view.short_picked,
        picked: view.picked,
        passed: view.checked,
        skipped,
        packed: view.packed,
        dispatched: view.dispatched,
    }
}

fn show(view: &mut WorkLineView, quantities: &Quantities) {
    view.short_picked = quantities.short;
    view.picked = quantities.picked;
    view.checked = quantities.passed;
    view.packed = quantities.packed;
    view.dispatched = quantities.dispatched;
}

fn summed(lines: &[WorkLine]) -> Vec<(String, i64)> {
    let mut sums: Vec<(String, i64)> = Vec::new();
    for line in lines {
        match sums
            .iter_mut()
            .find(|(line_id, _)| *line_id == line.line_id)
        {
            Some((_, units)) => *units = units.saturating_add(line.quantity),
            None => sums.push((line.line_id.clone(), line.quantity)),
        }
    }
    sums
}

/// Which work is wanted; empty fields want everything.
#[derive(Clone, Debug, Default)]
pub struct WorkFilter {
    /// One warehouse or shop.
    pub site_id: String,
    /// Numbers of `FulfilmentOrderStatus`.
    pub statuses: Vec<i32>,
    /// Who picks it.
    pub worker: String,
    /// One customer's order.
    pub order_id: String,
}

/// Sort key of the list: opened at, fulfilment order id.
pub type WorkKey = (i64, String);

/// The oldest `limit` fulfilment orders after `after`, and the key of the last one when there are more.
pub async fn list(
    db: &Db,
    tenant: &str,
    filter: &WorkFilter,
    after: Option<&WorkKey>,
    limit: u32,
) -> Result<(Vec<View>, Option<WorkKey>), ListError> {
    let mut sql =
        "select opened_at, fulfilment_order_id, stored from work where tenant = $1".to_owned();
    let mut params: Vec<Value> = vec![tenant.into()];
    let mut placeholder = |value: Value| {
        params.push(value);
        format!("${}", params.len())
    };
    for (column, wanted) in [
        ("site_id", &filter.site_id),
        ("worker", &filter.worker),
        ("order_id", &filter.order_id),
    ] {
        if !wanted.is_empty() {
            sql += &format!(" and {column} = {}", placeholder(wanted.as_str().into()));
        }
    }
    if !filter.statuses.is_empty() {
        let statuses: Vec<_> = filter
            .statuses
            .iter()
            .map(|status| placeholder((*status).into()))
            .collect();
        sql += &format!(" and status in ({})", statuses.join(", "));
    }
    if let Some((opened_at, id)) = after {
        let (opened_at, id) = (
            placeholder((*opened_at).into()),
            placeholder(id.as_str().into()),
        );
        sql += &format!(" and (opened_at, fulfilment_order_id) > ({opened_at}, {id})");
    }
    // One more than wanted tells whether there is another page.
    sql += &format!(
        " order by opened_at, fulfilment_order_id limit {}",
        u64::from(limit) + 1
    );
    let mut rows = db.fetch_all(&sql, &params).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = match rows.last() {
        Some(row) if more => Some((row.i64(0)?, row.text(1)?)),
        _ => None,
    };
    let views = rows.iter().map(|row| {
        Ok(Stored::decode(row.bytes(2)?.as_slice())?
            .view
            .unwrap_or_default())
    });
    Ok((views.collect::<Result<_, ListError>>()?, last))
}

/// One fulfilment order with what is sealed.
pub async fn find(db: &Db, tenant: &str, id: &str) -> Result<Option<Stored>, ListError> {
    let sql = "select stored from work where tenant = $1 and fulfilment_order_id = $2";
    let row = db
        .fetch_optional(sql, &ordo_sql::params![tenant, id])
        .await?;
    row.map(|row| Ok(Stored::decode(row.bytes(0)?.as_slice())?))
        .transpose()
}

/// A query failed.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The database refused or is away.
    #[error("the read model's database failed")]
    Sql(#[from] SqlError),
    /// A row's bytes are damaged.
    #[error("a row of the read model cannot be decoded")]
    Decode(#[from] prost::DecodeError),
}
