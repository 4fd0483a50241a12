//! `ordo order complete`

use clap::Args;
use ordo_proto::intake::{
    CompleteInformationRequest, DeliveryMethod, LineCompletion, PaymentTerms,
};

use super::{Recipient, WhichOrder, after};
use crate::{
    client::{Client, header},
    commands::parse,
    fault::Fault,
};

pub const EXAMPLES: &str = "\
Example:
  ordo order complete phone/1001 --name \"Alice Zhang\" --phone 13800138000
  ordo order complete phone/1001 --line 1:sku=TEA-1,quantity=2,price=12.50 --line 2:free
  ordo order complete phone/1001 --new-line TEA-1:2:12.50    # an order that came without lines
  ordo order complete phone/1001 --delivery-method pickup --terms cash-on-delivery";

/// What was missing.
#[derive(Debug, Args)]
pub struct CompleteOptions {
    #[command(flatten)]
    order: WhichOrder,
    /// Who and where; what is not given stays.
    #[command(flatten)]
    recipient: Recipient,
    /// What an existing line lacks: `LINE:sku=CODE,quantity=UNITS,price=12.50`, or `LINE:free`; once for each line.
    #[arg(long = "line", value_name = "LINE:FIELD=VALUE,…", value_parser = line)]
    lines: Vec<Completed>,
    /// `SKU:QUANTITY:PRICE`, for an order that came without lines; once for each line.
    #[arg(long = "new-line", value_name = "SKU:QUANTITY:PRICE", value_parser = parse::order_line)]
    new_lines: Vec<parse::OrderLine>,
    /// Currency of the prices, ISO 4217 code.
    #[arg(long, default_value = "CNY")]
    currency: String,
    /// How the goods get to the customer.
    #[arg(long, value_parser = parse::words(DeliveryMethod::as_str_name, "DELIVERY_METHOD_"))]
    delivery_method: Option<DeliveryMethod>,
    /// When the customer pays.
    #[arg(long, value_parser = parse::words(PaymentTerms::as_str_name, "PAYMENT_TERMS_"))]
    terms: Option<PaymentTerms>,
}

/// What a line lacked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Completed {
    line_id: String,
    sku: String,
    quantity: i64,
    price: Option<String>,
    free: bool,
}

fn line(text: &str) -> Result<Completed, String> {
    let wrong = || {
        format!(
            "`{text}` is not LINE:FIELD=VALUE,… with the fields sku, quantity, price and free, such as 1:sku=TEA-1,price=12.50"
        )
    };
    let (line_id, fields) = text.split_once(':').ok_or_else(wrong)?;
    let mut line = Completed {
        line_id: line_id.to_owned(),
        ..Completed::default()
    };
    for field in fields.split(',') {
        match field.split_once('=') {
            None if field == "free" => line.free = true,
            Some(("sku", sku)) if !sku.trim().is_empty() => line.sku = sku.to_owned(),
            Some(("quantity", units)) => {
                let units = units.parse().ok().filter(|units| *units > 0);
                line.quantity = units.ok_or_else(wrong)?;
            }
            Some(("price", price)) => line.price = Some(price.to_owned()),
            _ => return Err(wrong()),
        }
    }
    if line.line_id.trim().is_empty() {
        return Err(wrong());
    }
    Ok(line)
}

/// Asks intake to complete the order.
pub async fn complete(client: &Client, options: CompleteOptions) -> Result<(), Fault> {
    let price = |text: Option<&str>| {
        text.map(|text| parse::amount(text, &options.currency))
            .transpose()
            .map_err(Fault::usage)
    };
    let mut lines = Vec::new();
    for line in &options.lines {
        lines.push(LineCompletion {
            line_id: line.line_id.clone(),
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price: price(line.price.as_deref())?,
            no_charge: line.free,
            ..LineCompletion::default()
        });
    }
    for (number, line) in (1..).zip(&options.new_lines) {
        lines.push(LineCompletion {
            line_id: i64::to_string(&number),
            sku: line.sku.clone(),
            quantity: line.quantity,
            unit_price: price(line.price.as_deref())?,
            ..LineCompletion::default()
        });
    }
    let request = CompleteInformationRequest {
        header: header("complete-information", None),
        order_id: options.order.id(client).await?,
        contact: options.recipient.contact(),
        address: options.recipient.address(),
        lines,
        delivery_method: options.delivery_method.unwrap_or_default().into(),
        payment_terms: options.terms.unwrap_or_default().into(),
    };
    let answer = client
        .intake()?
        .complete_information(request)
        .await?
        .into_inner();
    after(client, &answer, answer.status, &answer.holds)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_line_is_completed_field_by_field() {
        let expected = Completed {
            line_id: "1".into(),
            sku: "A:B".into(),
            quantity: 2,
            price: Some("12.50".into()),
            free: false,
        };
        assert_eq!(line("1:sku=A:B,quantity=2,price=12.50").unwrap(), expected);
        assert!(line("2:free").unwrap().free);
        for wrong in [
            "1",
            "1:",
            ":sku=A",
            "1:colour=red",
            "1:quantity=0",
            "1:quantity=x",
            "1:sku=",
        ] {
            assert!(line(wrong).is_err(), "{wrong}");
        }
    }
}
