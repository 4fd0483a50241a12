//! `ordo order refund`

use clap::Args;
use ordo_proto::{
    intake::{Order, RefundPaymentRequest},
    types::Money,
};

use super::WhichOrder;
use crate::{
    client::{Client, header},
    commands::parse,
    fault::Fault,
    output::{json, money, say},
};

pub const EXAMPLES: &str = "\
Example:
  ordo order refund phone/1001                          # what was paid beyond what is due
  ordo order refund phone/1001 --amount 5.00 --reason \"paid twice\"

Goods that come back, and goodwill: `ordo case open`.";

/// How much.
#[derive(Debug, Args)]
pub struct RefundOptions {
    #[command(flatten)]
    order: WhichOrder,
    /// Amount, such as 12.50; what was paid beyond what is due when not given.
    #[arg(long, allow_negative_numbers = true)]
    amount: Option<String>,
    /// Why, for the record.
    #[arg(long, value_parser = parse::text)]
    reason: Option<String>,
    /// Id of the refund; a new one when not given. The same id pays back once, however often it is asked.
    #[arg(long, value_parser = parse::text)]
    refund_id: Option<String>,
}

/// Pays back.
pub async fn refund(client: &Client, options: RefundOptions) -> Result<(), Fault> {
    let order = options.order.get(client).await?;
    let currency = order
        .captured
        .as_ref()
        .map(|captured| captured.currency_code.clone())
        .unwrap_or_default();
    let amount = match &options.amount {
        Some(amount) => named(amount, &currency)?,
        None => Money {
            minor_units: overpaid(&order),
            currency_code: currency,
        },
    };
    if amount.minor_units <= 0 {
        let paid = money(order.captured.as_ref());
        return Err(Fault::refused(
            "REFUND_ABOVE_PAID",
            format_args!(
                "nothing was paid beyond what is due (captured {paid}); name an --amount, or open a case for goods that come back"
            ),
        ));
    }
    let request = RefundPaymentRequest {
        header: header("refund-payment", options.reason.as_deref()),
        order_id: order.order_id,
        refund_id: options
            .refund_id
            .unwrap_or_else(|| format!("cli-{}", uuid::Uuid::now_v7())),
        amount: Some(amount.clone()),
        ..RefundPaymentRequest::default()
    };
    let answer = client.intake()?.refund_payment(request).await?.into_inner();
    if client.json {
        return json(&answer);
    }
    say!(
        "refunded {}, in all {}",
        money(Some(&amount)),
        money(answer.refunded.as_ref())
    )
}

/// An amount to pay back.
fn named(text: &str, currency: &str) -> Result<Money, Fault> {
    let wrong = |why: String| Fault::usage(why).about("--amount");
    let amount = parse::amount(text, currency).map_err(wrong)?;
    if amount.minor_units > 0 {
        Ok(amount)
    } else {
        Err(wrong(format!("`{text}` is not more than 0")))
    }
}

/// Captured and not refunded, beyond what is due.
fn overpaid(order: &Order) -> i64 {
    let minor = |money: Option<&Money>| money.map_or(0, |money| money.minor_units);
    let due = order
        .amounts
        .as_ref()
        .and_then(|amounts| amounts.due.as_ref());
    minor(order.captured.as_ref()) - minor(order.refunded.as_ref()) - minor(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn something_is_paid_back() {
        let told = |text| named(text, "CNY").map_err(|fault| fault.to_string());
        assert_eq!(told("5.00").map(|money| money.minor_units), Ok(500));
        for nothing in ["0", "0.00"] {
            let refused = told(nothing);
            assert!(
                matches!(&refused, Err(why) if why.contains("--amount")),
                "{nothing}: {refused:?}"
            );
        }
    }
}
