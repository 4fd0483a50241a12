//! What came of a replay, checked against the running services.

use std::{fmt, time::Duration};

use ordo_proto::{
    intake::OrderStatus, inventory::GetAvailabilityRequest, log::GetHeadsRequest, types::Page,
};
use serde::Serialize;

use super::{
    replay::{Life, is_delivered},
    retail,
};
use crate::{
    client::{Client, SERVICES},
    commands::operations::checks,
    fault::Fault,
};

/// The figures.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Orders placed.
    pub orders: usize,
    /// With everything wanted in the customer's hands at some time.
    pub delivered: usize,
    /// Cancelled whole.
    pub cancelled: usize,
    /// Still held at the end, for reasons that a person must settle.
    pub held: usize,
    /// With a return received and settled.
    pub returned: usize,
    /// Paid back, in pence.
    pub refunded_minor: i64,
    /// In all four logs.
    pub events: u64,
    /// Acknowledged orders that are gone or never reached an end.
    pub lost: usize,
    /// Orders that a second push made twice.
    pub duplicated: usize,
    /// SKUs with less than nothing on hand, or more reserved than on hand.
    pub oversold: usize,
    /// `ok`, or the first difference.
    pub verify: String,
    /// From the first push to the last end.
    pub seconds: f64,
    #[serde(skip)]
    left_out: retail::LeftOut,
    #[serde(skip)]
    stuck: Vec<String>,
}

impl Report {
    /// Nothing lost, duplicated or oversold, and every check passed.
    pub fn is_clean(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.oversold == 0 && self.verify == "ok"
    }

    /// One line.
    pub fn to_json(&self) -> String {
        // Numbers and text only: it cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} orders in {:.1} s", self.orders, self.seconds)?;
        writeln!(
            f,
            "  {} delivered, {} cancelled, {} held for a person to decide",
            self.delivered, self.cancelled, self.held
        )?;
        let (pounds, pence) = (self.refunded_minor / 100, self.refunded_minor % 100);
        writeln!(
            f,
            "  {} returned, {pounds}.{pence:02} GBP paid back",
            self.returned
        )?;
        writeln!(
            f,
            "  {} events; {} lost, {} duplicated, {} oversold",
            self.events, self.lost, self.duplicated, self.oversold
        )?;
        let left = &self.left_out;
        writeln!(
            f,
            "  not replayed: {} units cancelled without a purchase in the file, {} charges on cancellations, {} rows of bad debt",
            left.cancelled_without_purchase, left.charges_on_cancellations, left.bad_debt_rows
        )?;
        for order in &self.stuck {
            writeln!(f, "  stuck: {order}")?;
        }
        write!(f, "verify: {}", self.verify)
    }
}

/// Runs every check and counts. `behind` names what had not caught up.
pub async fn verify(
    client: &Client,
    history: &retail::History,
    lives: &[Life],
    behind: Option<String>,
    seconds: Duration,
) -> Result<Report, Fault> {
    let verify = match behind {
        Some(behind) => behind,
        None => first_difference(client).await?,
    };
    let mut report = Report {
        orders: lives.len(),
        delivered: 0,
        cancelled: 0,
        held: 0,
        returned: lives.iter().filter(|life| life.returned).count(),
        refunded_minor: 0,
        events: events(client).await?,
        lost: 0,
        duplicated: lives.iter().filter(|life| life.duplicated).count(),
        oversold: oversold(client).await?,
        verify,
        seconds: (seconds.as_secs_f64() * 10.0).round() / 10.0,
        left_out: history.left_out.clone(),
        stuck: Vec::new(),
    };
    for life in lives {
        // The order as it is now, not as its replay last saw it.
        let key = ordo_proto::intake::get_order_request::Key::OrderId(life.order_id.clone());
        let request = ordo_proto::intake::GetOrderRequest {
            key: Some(key),
            at_least: None,
        };
        let order = match client.intake()?.get_order(request).await {
            Ok(answer) => answer.into_inner().order.unwrap_or_default(),
            Err(_) => {
                report.lost += 1;
                continue;
            }
        };
        report.refunded_minor += order
            .refunded
            .as_ref()
            .map_or(0, |refunded| refunded.minor_units);
        let cancelled = matches!(
            order.status(),
            OrderStatus::Cancelled | OrderStatus::Rejected
        );
        if cancelled {
            report.cancelled += 1;
        } else if !order.holds.is_empty() {
            report.held += 1;
        } else if is_delivered(&order) && !life.stuck {
            report.delivered += 1;
        } else {
            report.lost += 1;
            report
                .stuck
                .push(format!("{} {}", order.channel_order_number, order.order_id));
        }
    }
    Ok(report)
}

async fn first_difference(client: &Client) -> Result<String, Fault> {
    for service in SERVICES {
        let results = checks(client, service).await?;
        if let Some(result) = results.into_iter().find(|result| !result.ok) {
            return Ok(format!(
                "{service}: {}: {}",
                result.check, result.difference
            ));
        }
    }
    Ok("ok".to_owned())
}

async fn events(client: &Client) -> Result<u64, Fault> {
    let mut events = 0;
    for service in SERVICES {
        let heads = client
            .event_log(service)?
            .get_heads(GetHeadsRequest {})
            .await?
            .into_inner();
        events += heads.heads.iter().map(|head| head.position).sum::<u64>();
    }
    Ok(events)
}

async fn oversold(client: &Client) -> Result<usize, Fault> {
    let mut oversold = 0;
    let mut token = String::new();
    loop {
        let request = GetAvailabilityRequest {
            page: Some(Page { size: 500, token }),
            ..GetAvailabilityRequest::default()
        };
        let answer = client
            .inventory()?
            .get_availability(request)
            .await?
            .into_inner();
        oversold += answer
            .availability
            .iter()
            .filter(|row| row.on_hand < 0 || row.reserved > row.on_hand)
            .count();
        token = answer.next_page_token;
        if token.is_empty() {
            return Ok(oversold);
        }
    }
}
