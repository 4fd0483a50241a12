//! `ordo order confirm`

use ordo_proto::intake::{ConfirmDeliveryRequest, Order, OrderStatus};

use super::{WhichOrder, holds, status};
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, say},
};

/// Records the delivery. Where the order does not complete although the customer accepted it, says why.
pub async fn confirm(client: &Client, order: &WhichOrder, accepted: bool) -> Result<(), Fault> {
    let request = ConfirmDeliveryRequest {
        header: header("confirm-delivery", None),
        order_id: order.id(client).await?,
        accepted,
    };
    let answer = client
        .intake()?
        .confirm_delivery(request)
        .await?
        .into_inner();
    if client.json {
        return json(&answer);
    }
    say!("{}", status(answer.status))?;
    if !accepted || answer.status() == OrderStatus::Completed {
        return Ok(());
    }
    let order = order.get(client).await?;
    let left = left(&order);
    if left > 0 {
        let (units, have) = if left == 1 {
            ("unit", "has")
        } else {
            ("units", "have")
        };
        say!(
            "  not completed: {left} {units} {have} not left the warehouse yet; confirm with --accepted again when everything arrived, or cancel the rest with `ordo order cancel`"
        )?;
    } else {
        say!("  not completed: the order is held")?;
    }
    holds(&order.holds)
}

/// Units that are wanted and have not left.
fn left(order: &Order) -> i64 {
    let lines = order.lines.iter().filter_map(|line| line.quantities);
    lines
        .map(|at| (at.ordered - at.cancelled - at.shipped).max(0))
        .sum()
}

#[cfg(test)]
mod tests {
    use ordo_proto::intake::{LineQuantities, OrderLineView};

    use super::*;

    #[test]
    fn what_has_not_left_is_counted_over_all_lines() {
        let line = |ordered, cancelled, shipped| OrderLineView {
            line: None,
            quantities: Some(LineQuantities {
                ordered,
                cancelled,
                shipped,
                ..LineQuantities::default()
            }),
        };
        let order = Order {
            lines: vec![line(3, 1, 1), line(2, 0, 2), line(1, 1, 1)],
            ..Order::default()
        };
        assert_eq!(left(&order), 1);
    }
}
