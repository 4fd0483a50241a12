//! Ids that say where they belong: `<order>-F<n>` and `<order>-F<n>-P<m>`.

/// Longest id, in bytes.
const MAX_ID: usize = 120;

/// The order of a fulfilment order's id; `None` when it is no such id.
pub fn order_of_fulfilment_order(id: &str) -> Option<&str> {
    let (order_id, number) = id.split_once("-F")?;
    (is_order_id(order_id) && is_number(number) && id.len() <= MAX_ID).then_some(order_id)
}

/// The fulfilment order and the order of a parcel's id; `None` when it is no such id.
pub fn orders_of_parcel(id: &str) -> Option<(&str, &str)> {
    let (fulfilment_order_id, number) = id.rsplit_once("-P")?;
    let order_id = order_of_fulfilment_order(fulfilment_order_id)?;
    (is_number(number) && id.len() <= MAX_ID).then_some((fulfilment_order_id, order_id))
}

fn is_order_id(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// 1 and up, without leading zeros, so that one thing has one id.
fn is_number(text: &str) -> bool {
    text.parse::<u32>()
        .is_ok_and(|number| number > 0 && number.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_names_its_order() {
        assert_eq!(order_of_fulfilment_order("01jq-F1"), Some("01jq"));
        assert_eq!(orders_of_parcel("01jq-F12-P3"), Some(("01jq-F12", "01jq")));
    }

    #[test]
    fn anything_else_is_no_id() {
        for id in [
            "",
            "01jq",
            "-F1",
            "01jq-F",
            "01jq-F0",
            "01jq-F01",
            "01jq-F1-P1",
            "01jq-F+1",
            "01JQ-F1",
            "01jq/2-F1",
        ] {
            assert_eq!(order_of_fulfilment_order(id), None, "{id}");
        }
        for id in ["", "01jq-F1", "01jq-P1", "01jq-F1-P0", "01jq-F1-Px"] {
            assert_eq!(orders_of_parcel(id), None, "{id}");
        }
        assert_eq!(
            order_of_fulfilment_order(&format!("{}-F1", "a".repeat(200))),
            None
        );
    }
}
