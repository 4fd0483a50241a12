//! What channels and customers do.

use ordo_proto::{
    aftersales::{
        Case, CaseKind, CaseLine, CaseStatus, GetCaseRequest, OpenCaseRequest, RecordReceiptRequest,
    },
    intake::{
        CancelOrderRequest, CancelOrderResponse, DeliveryMethod, GetOrderRequest, Order, Payment,
        PaymentTerms, PlaceOrderLine, PlaceOrderRequest, PlaceOrderResponse,
        get_order_request::Key,
    },
    types::{Address, Contact, LineQuantity, Money},
};
use ordo_testkit::eventually;
use tonic::{Code, Status};

use crate::{PATIENCE, Shop, again, header, seen_when};

/// Personal data of the scenarios' customer, unlike anything else that is stored.
pub const NAME: &str = "Quentin Zyxwick";
/// See [`NAME`].
pub const PHONE: &str = "+44 20 7946 0123";
/// See [`NAME`].
pub const STREET: &str = "17 Vermilionplatz";

/// An amount in pence.
pub fn pence(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".to_owned(),
        minor_units,
    }
}

/// A complete, paid order of channel `web` for one unit price of 10.00 each.
pub fn order(number: &str, lines: &[(&str, i64)]) -> PlaceOrderRequest {
    let due: i64 = lines.iter().map(|(_, quantity)| quantity * 1000).sum();
    PlaceOrderRequest {
        header: header(),
        channel: "web".to_owned(),
        channel_order_number: number.to_owned(),
        channel_customer_id: "customer-1".to_owned(),
        lines: lines
            .iter()
            .map(|(sku, quantity)| PlaceOrderLine {
                channel_sku: (*sku).to_owned(),
                sku: (*sku).to_owned(),
                title: format!("Article {sku}"),
                quantity: *quantity,
                unit_price: Some(pence(1000)),
                ..PlaceOrderLine::default()
            })
            .collect(),
        due: Some(pence(due)),
        payment_terms: PaymentTerms::Prepaid.into(),
        payments: vec![Payment {
            payment_id: format!("pay-{number}"),
            method: "card".to_owned(),
            amount: Some(pence(due)),
            ..Payment::default()
        }],
        delivery_method: DeliveryMethod::Ship.into(),
        contact: Some(contact()),
        address: Some(address()),
        ..PlaceOrderRequest::default()
    }
}

/// The scenarios' customer.
pub fn contact() -> Contact {
    Contact {
        name: NAME.to_owned(),
        phone: PHONE.to_owned(),
        email: String::new(),
    }
}

/// Where they live.
pub fn address() -> Address {
    Address {
        country_code: "GB".to_owned(),
        province: "London".to_owned(),
        city: "London".to_owned(),
        district: String::new(),
        street: STREET.to_owned(),
        postcode: "N1 9GU".to_owned(),
    }
}

/// Units of each line, in order.
pub fn quantities(
    of: &Order,
    step: impl Fn(&ordo_proto::intake::LineQuantities) -> i64,
) -> Vec<i64> {
    of.lines
        .iter()
        .map(|view| step(&view.quantities.unwrap_or_default()))
        .collect()
}

impl Shop {
    /// Pushes an order, as often as it takes to get an answer.
    pub async fn place(&self, request: PlaceOrderRequest) -> Result<PlaceOrderResponse, Status> {
        again(|| async { self.intake().place_order(request.clone()).await }).await
    }

    /// Pushes an order that must be taken, and returns its id.
    pub async fn placed(&self, request: PlaceOrderRequest) -> String {
        self.place(request).await.unwrap().order_id
    }

    /// The order as it is.
    pub async fn get(&self, order_id: &str) -> Result<Order, Status> {
        let request = GetOrderRequest {
            key: Some(Key::OrderId(order_id.to_owned())),
            at_least: None,
        };
        let answer = again(|| async { self.intake().get_order(request.clone()).await }).await?;
        Ok(answer.order.unwrap_or_default())
    }

    /// The order once `condition` holds.
    pub async fn order_when(&self, order_id: &str, condition: impl FnMut(&Order) -> bool) -> Order {
        let ask = async || self.get(order_id).await.unwrap();
        seen_when(ask, condition).await
    }

    /// Cancels an order, or units of its lines.
    pub async fn cancel(
        &self,
        order_id: &str,
        lines: Vec<LineQuantity>,
    ) -> Result<CancelOrderResponse, Status> {
        let request = CancelOrderRequest {
            header: header(),
            order_id: order_id.to_owned(),
            lines,
        };
        again(|| async { self.intake().cancel_order(request.clone()).await }).await
    }

    /// Opens an approved case for units of one line, once aftersales knows that they were delivered.
    pub async fn open_case(
        &self,
        order_id: &str,
        kind: CaseKind,
        line_id: &str,
        quantity: i64,
    ) -> String {
        let request = OpenCaseRequest {
            header: header(),
            order_id: order_id.to_owned(),
            kind: kind.into(),
            lines: vec![CaseLine {
                line_id: line_id.to_owned(),
                quantity,
                reason: "CHANGED_MIND".to_owned(),
                ..CaseLine::default()
            }],
            approve: true,
            ..OpenCaseRequest::default()
        };
        let mut case_id = String::new();
        eventually(PATIENCE, async || {
            match again(|| async { self.aftersales().open_case(request.clone()).await }).await {
                Ok(answer) => {
                    case_id = answer.case_id;
                    true
                }
                Err(status)
                    if matches!(status.code(), Code::NotFound | Code::FailedPrecondition) =>
                {
                    false
                }
                Err(status) => panic!("{status}"),
            }
        })
        .await;
        case_id
    }

    /// Everything that was approved comes back resellable.
    pub async fn receive_return(&self, case_id: &str) {
        let request = RecordReceiptRequest {
            header: header(),
            case_id: case_id.to_owned(),
            ..RecordReceiptRequest::default()
        };
        again(|| async { self.aftersales().record_receipt(request.clone()).await })
            .await
            .unwrap();
    }

    /// The case once `condition` holds.
    pub async fn case_when(&self, case_id: &str, condition: impl Fn(&Case) -> bool) -> Case {
        let request = GetCaseRequest {
            case_id: case_id.to_owned(),
            at_least: None,
        };
        let ask = async || {
            match again(|| async { self.aftersales().get_case(request.clone()).await }).await {
                Ok(answer) => answer.case.unwrap_or_default(),
                // The read model has not seen it yet.
                Err(status) => {
                    assert_eq!(status.code(), Code::NotFound, "{status}");
                    Case::default()
                }
            }
        };
        seen_when(ask, condition).await
    }

    /// The case once it is closed.
    pub async fn closed_case(&self, case_id: &str) -> Case {
        self.case_when(case_id, |case| case.status() == CaseStatus::Closed)
            .await
    }
}
