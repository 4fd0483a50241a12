//! The order list asked over gRPC.

use std::time::Instant;

use ordo_proto::{
    intake::{ListOrdersRequest, OrderStatus, intake_client::IntakeClient},
    types::Page,
};
use ordo_rpc::SignedChannel;

use super::{Client, orders, report::QueryFigures};
use crate::{
    error::{BenchError, During as _},
    latency::Latencies,
};

/// Rows of a page.
const PAGE: u32 = 50;

/// What is asked, of an order with this number.
type Ask = fn(u64) -> ListOrdersRequest;

const QUERIES: [(&str, Ask); 5] = [
    ("first page, newest first", |_| ListOrdersRequest::default()),
    ("completed orders of a channel", |_| ListOrdersRequest {
        statuses: vec![OrderStatus::Completed.into()],
        channel: "taobao".to_owned(),
        ..ListOrdersRequest::default()
    }),
    ("search by channel number", |order| ListOrdersRequest {
        channel_order_number: orders::channel_number(order),
        ..ListOrdersRequest::default()
    }),
    ("search by customer", |order| ListOrdersRequest {
        customer_id: orders::customer(order),
        ..ListOrdersRequest::default()
    }),
    ("search by SKU", |order| ListOrdersRequest {
        sku: orders::sku(order % 5000),
        ..ListOrdersRequest::default()
    }),
];

/// Each query so many times, one after another; each must find something.
pub(super) async fn measure(
    client: &Client,
    orders: u64,
    count: u32,
) -> Result<Vec<QueryFigures>, BenchError> {
    let mut intake = client
        .remote
        .intake(&client.call)
        .during("connecting to intake")?;
    let mut figures = Vec::new();
    for (query, ask) in QUERIES {
        let mut latencies = Latencies::default();
        for _ in 0..count {
            let request = ListOrdersRequest {
                page: Some(Page {
                    size: PAGE,
                    ..Page::default()
                }),
                ..ask(rand::random_range(0..orders))
            };
            let asked = Instant::now();
            let found = found(&mut intake, request).await.during(query)?;
            latencies.add(asked.elapsed());
            // Of a few orders none need have the SKU.
            if found == 0 && query != "search by SKU" {
                return Err(BenchError::Wrong(format!("{query}: nothing found")));
            }
        }
        figures.push(QueryFigures {
            query,
            count,
            p50_ms: latencies.percentile_ms(0.5),
            p99_ms: latencies.percentile_ms(0.99),
        });
    }
    Ok(figures)
}

async fn found(
    intake: &mut IntakeClient<SignedChannel>,
    request: ListOrdersRequest,
) -> Result<usize, tonic::Status> {
    Ok(intake.list_orders(request).await?.into_inner().orders.len())
}
