//! The read model `case_list`: every case as it is shown, found by order, customer, status, kind and time.

mod query;
mod view;

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Projection, ProjectionError, Rows, Tx};
use ordo_proto::aftersales;
use prost::Message as _;

pub use query::{CaseFilter, CaseKey, find, list};

use crate::case::{Case, CaseEvent};
use ordo_event_log::Aggregate as _;

/// The projection.
pub struct CaseList;

ordo_projection::table! {
    /// One case. What is filtered by has a column; what is shown is the message.
    struct CaseRow in "cases" {
        key { tenant: String, case_id: String }
        order_id: String,
        customer_id: String,
        kind: i64,
        status: i64,
        /// Microseconds since 1970.
        opened_at: i64,
        /// An `ordo.aftersales.v1.Case`.
        document: Vec<u8>,
    }
}

const SCHEMA: &[&str] = &[
    "create table cases (
        tenant text not null,
        case_id text not null,
        order_id text not null,
        customer_id text not null,
        kind bigint not null,
        status bigint not null,
        opened_at bigint not null,
        document bytea not null,
        primary key (tenant, case_id)
    )",
    "create index cases_newest on cases (tenant, opened_at, case_id)",
    "create index cases_of_order on cases (tenant, order_id, opened_at, case_id)",
    "create index cases_of_customer on cases (tenant, customer_id, opened_at, case_id)",
    "create index cases_by_status on cases (tenant, status, opened_at, case_id)",
];

impl Projection for CaseList {
    fn name(&self) -> &'static str {
        "case_list"
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
            let of_cases = || {
                events
                    .iter()
                    .filter(|event| &*event.stream.aggregate == Case::NAME)
            };
            let mut rows = Rows::<CaseRow>::load(tx, of_cases().map(key)).await?;
            for recorded in of_cases() {
                let event = CaseEvent::decode_event(&recorded.type_name, &recorded.payload)?;
                let row = rows.entry(key(recorded));
                let mut case = aftersales::Case::decode(row.document.as_slice())?;
                view::apply(&mut case, &event, recorded.time);
                if matches!(event, CaseEvent::Opened(_)) {
                    row.opened_at = recorded.time.0;
                }
                row.order_id.clone_from(&case.order_id);
                row.customer_id.clone_from(&case.customer_id);
                row.kind = case.kind.into();
                row.status = case.status.into();
                row.document = case.encode_to_vec();
            }
            rows.save(tx).await?;
            Ok(())
        })
    }
}

fn key(event: &RecordedEvent) -> (String, String) {
    (event.tenant.to_string(), event.stream.id.to_string())
}
