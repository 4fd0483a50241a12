//! An order's life in words that a customer understands, in English and Chinese.

use ordo_event_log::{Aggregate, CodecError, RecordedEvent};
use ordo_proto::{
    intake::{HoldReason, TimelineEntry},
    types::{LineQuantity, Money},
};

use crate::order::{Order, OrderEvent};

/// The entry of one event.
pub fn entry(recorded: &RecordedEvent) -> Result<TimelineEntry, CodecError> {
    let event = Order::decode(&recorded.type_name, &recorded.payload)?;
    let (text_en, text_zh) = text(&event);
    Ok(TimelineEntry {
        time: Some(recorded.time.into()),
        event: recorded.short_type().to_owned(),
        event_id: recorded.event_id.to_string(),
        version: recorded.stream_version,
        actor: recorded.metadata.actor.clone(),
        text_en,
        text_zh,
        reason: recorded.metadata.reason.clone(),
    })
}

fn text(event: &OrderEvent) -> (String, String) {
    let said = |en: &str, zh: &str| (en.to_owned(), zh.to_owned());
    match event {
        OrderEvent::Placed(_) => said("We received your order.", "我们已收到您的订单。"),
        OrderEvent::Held(held) => {
            let reason = held
                .hold
                .as_ref()
                .map_or(HoldReason::Unspecified, |hold| hold.reason());
            waiting(reason)
        }
        OrderEvent::HoldReleased(released) => no_longer_waiting(released.reason()),
        OrderEvent::Opened(_) => said("Your order is confirmed.", "订单已确认。"),
        OrderEvent::InformationCompleted(_) => {
            said("Missing information was added.", "订单信息已补充。")
        }
        OrderEvent::AddressAmended(_) => {
            said("The delivery address was changed.", "收货信息已修改。")
        }
        OrderEvent::PaymentCaptured(it) => with_money(
            "We received your payment of",
            "已收到付款",
            it.amount.as_ref(),
        ),
        OrderEvent::PaymentFailed(_) => said(
            "A payment failed. Please try again or choose another way to pay.",
            "付款失败，请重试或更换付款方式。",
        ),
        OrderEvent::PaymentRefunded(it) => with_money("We refunded", "已退款", it.amount.as_ref()),
        OrderEvent::ReservationRequested(_) => {
            said("We are setting your goods aside.", "正在为您备货。")
        }
        OrderEvent::StockReserved(_) => said(
            "Your goods are in stock and set aside.",
            "商品有货，已为您预留。",
        ),
        OrderEvent::StockShort(_) => said(
            "Some goods are out of stock at the moment.",
            "部分商品暂时缺货。",
        ),
        OrderEvent::StockLossBooked(_) => said(
            "Some goods could not be found; we look for others.",
            "部分商品未找到，正在为您重新配货。",
        ),
        OrderEvent::ReservationReleaseRequested(_) => said(
            "Goods that were set aside were put back.",
            "预留的商品已释放。",
        ),
        OrderEvent::FulfilmentRequested(_) => {
            said("Your goods are being prepared.", "仓库正在配货。")
        }
        OrderEvent::LinesCancelled(it) => with_units("Cancelled:", "已取消", &it.lines),
        OrderEvent::CancellationRequested(_) => said(
            "We asked the warehouse to stop; we will tell you the outcome.",
            "已通知仓库停止发货，结果将告知您。",
        ),
        OrderEvent::CancellationRefused(_) => said(
            "It was too late to cancel: the parcel has left. You can refuse it or return the goods.",
            "包裹已发出，无法取消；您可以拒收或申请退货。",
        ),
        OrderEvent::FulfilmentStopped(_) => said("Preparation was stopped.", "配货已停止。"),
        OrderEvent::LinesShipped(it) if it.lines.is_empty() => parcel(
            "Your parcel's tracking number:",
            "包裹运单号：",
            &it.carrier,
            &it.tracking_number,
        ),
        OrderEvent::LinesShipped(it) => parcel(
            "Your parcel is on its way:",
            "包裹已发出：",
            &it.carrier,
            &it.tracking_number,
        ),
        OrderEvent::LinesDelivered(_) => said("Your goods were delivered.", "商品已送达。"),
        OrderEvent::ReturnApproved(_) => said("Your return was approved.", "退货申请已通过。"),
        OrderEvent::LinesReturned(_) => {
            said("Your returned goods arrived.", "已收到您退回的商品。")
        }
        OrderEvent::ReturnAbandoned(_) => said(
            "Some goods of your return will not come back.",
            "部分退货商品不再退回。",
        ),
        OrderEvent::Completed(_) => said(
            "Your order is complete. Thank you!",
            "订单已完成，感谢您的惠顾！",
        ),
        OrderEvent::Cancelled(_) => said("Your order was cancelled.", "订单已取消。"),
        OrderEvent::Rejected(_) => said(
            "We could not accept your order.",
            "很抱歉，我们无法接受该订单。",
        ),
    }
}

fn waiting(reason: HoldReason) -> (String, String) {
    let (en, zh) = match reason {
        HoldReason::Incomplete => ("We need some more information.", "订单信息不完整，请补充。"),
        HoldReason::Unpaid => ("Waiting for your payment.", "等待付款。"),
        HoldReason::PaymentFailed => ("Waiting for another payment.", "付款失败，等待重新付款。"),
        HoldReason::AmountMismatch => ("We are checking the amounts.", "正在核对金额。"),
        HoldReason::ShortStock => ("Waiting for goods to come in.", "缺货，等待到货。"),
        HoldReason::UnmappedSku => ("We are identifying the goods.", "正在核对商品编码。"),
        HoldReason::Review => ("A colleague is looking at your order.", "订单审核中。"),
        HoldReason::CustomerDecision => ("Waiting for your decision.", "等待您的选择。"),
        HoldReason::AwaitingReturn => ("Waiting for your return.", "等待收到退回的商品。"),
        HoldReason::ShortPick => (
            "We are looking for your goods elsewhere.",
            "正在其他仓库调货。",
        ),
        HoldReason::Unspecified => ("Your order is waiting.", "订单等待处理。"),
    };
    (en.to_owned(), zh.to_owned())
}

fn no_longer_waiting(reason: HoldReason) -> (String, String) {
    let (en, zh) = match reason {
        HoldReason::Incomplete => ("The information is updated.", "订单信息已更新。"),
        HoldReason::Unpaid | HoldReason::PaymentFailed => {
            ("The payment is settled.", "款项已处理。")
        }
        HoldReason::AmountMismatch => ("The amounts are settled.", "金额已核对。"),
        HoldReason::ShortStock | HoldReason::ShortPick => {
            ("The goods are settled.", "缺货已处理。")
        }
        HoldReason::UnmappedSku => ("The goods are identified.", "商品已核对。"),
        HoldReason::Review => ("Your order was looked at.", "订单审核通过。"),
        HoldReason::CustomerDecision => ("Thank you for your decision.", "已收到您的选择。"),
        HoldReason::AwaitingReturn => ("Your return is in.", "退回的商品已收到。"),
        HoldReason::Unspecified => ("Your order goes on.", "订单继续处理。"),
    };
    (en.to_owned(), zh.to_owned())
}

fn amount(money: &Money) -> String {
    ordo_iso::amount(&money.currency_code, money.minor_units)
}

fn with_money(en: &str, zh: &str, money: Option<&Money>) -> (String, String) {
    let amount = money.map(amount).unwrap_or_default();
    (format!("{en} {amount}."), format!("{zh} {amount}。"))
}

fn with_units(en: &str, zh: &str, lines: &[LineQuantity]) -> (String, String) {
    let units: i64 = lines.iter().map(|line| line.quantity).sum();
    (
        format!("{en} {units} item(s)."),
        format!("{zh} {units} 件商品。"),
    )
}

fn parcel(en: &str, zh: &str, carrier: &str, number: &str) -> (String, String) {
    (
        format!("{en} {carrier} {number}").trim_end().to_owned(),
        format!("{zh}{carrier} {number}").trim_end().to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::specs::golden_events;

    #[test]
    fn every_event_has_a_text_in_both_languages() {
        for event in golden_events() {
            let (en, zh) = text(&event);
            assert!(!en.is_empty() && !zh.is_empty(), "{event:?}");
            assert!(zh.chars().any(|c| c > '\u{2e80}'), "{zh}");
        }
    }

    #[test]
    fn amounts_are_written_with_the_currencys_decimals() {
        let money = |currency_code: &str, minor_units| Money {
            currency_code: currency_code.into(),
            minor_units,
        };
        assert_eq!(amount(&money("CNY", 1_205)), "12.05 CNY");
        assert_eq!(amount(&money("JPY", 500)), "500 JPY");
        assert_eq!(amount(&money("KWD", -1_002)), "-1.002 KWD");
    }
}
