//! How an order is named on the command line.

use std::time::{Duration, Instant};

use clap::Args;
use ordo_proto::intake::{ChannelOrderKey, GetOrderRequest, Order, get_order_request::Key};
use tonic::Code;

use crate::{client::Client, fault::Fault};

/// How long an order that was placed a moment ago may take to be found by its number.
const PATIENCE: Duration = Duration::from_secs(2);

/// An order.
#[derive(Debug, Clone, Args)]
pub struct WhichOrder {
    /// Order id, or `CHANNEL/NUMBER`.
    #[arg(value_name = "ORDER", value_parser = crate::commands::parse::text)]
    order: String,
}

impl WhichOrder {
    /// Its id.
    pub async fn id(&self, client: &Client) -> Result<String, Fault> {
        order_id(client, &self.order).await
    }

    /// The order itself.
    pub async fn get(&self, client: &Client) -> Result<Order, Fault> {
        get(client, &self.order).await
    }
}

/// The id of an order that is named by its id or by `CHANNEL/NUMBER`.
pub async fn order_id(client: &Client, order: &str) -> Result<String, Fault> {
    match key(order) {
        Key::OrderId(order_id) => Ok(order_id),
        Key::ChannelOrder(_) => Ok(get(client, order).await?.order_id),
    }
}

async fn get(client: &Client, order: &str) -> Result<Order, Fault> {
    let key = key(order);
    let by_number = matches!(key, Key::ChannelOrder(_));
    let request = GetOrderRequest {
        key: Some(key),
        at_least: None,
    };
    let end = Instant::now() + PATIENCE;
    loop {
        match client.intake()?.get_order(request.clone()).await {
            Ok(answer) => return Ok(answer.into_inner().order.unwrap_or_default()),
            Err(status) if by_number && status.code() == Code::NotFound && Instant::now() < end => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
}

/// Ids have no slash and channels neither; numbers may.
fn key(order: &str) -> Key {
    match order.split_once('/') {
        Some((channel, number)) => Key::ChannelOrder(ChannelOrderKey {
            channel: channel.to_owned(),
            channel_order_number: number.to_owned(),
        }),
        None => Key::OrderId(order.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_named_by_id_or_by_channel_and_number() {
        assert_eq!(key("01kq"), Key::OrderId("01kq".into()));
        let Key::ChannelOrder(named) = key("tmall/2026/11-7") else {
            panic!("a slash names a channel");
        };
        assert_eq!(
            (named.channel.as_str(), named.channel_order_number.as_str()),
            ("tmall", "2026/11-7")
        );
    }
}
