//! What an order lacks, and whether its sums agree. Missing data hold an order; they never refuse it.

use ordo_proto::intake::DeliveryMethod;

use super::{Body, Known, Line, amounts};

/// Countries and territories whose addresses name no city of their own (the country is the city).
const CITY_STATES: [&str; 6] = ["GI", "HK", "MC", "MO", "SG", "VA"];

/// Field paths of everything that is missing, given what is known of the recipient.
pub(super) fn missing(body: &Body, known: &Known) -> Vec<String> {
    let mut fields = missing_personal(body.delivery_method(), known);
    fields.extend(missing_beside_personal(body));
    fields
}

/// Whether `field` is about the recipient: only those who can open the sealed data can say whether it is there.
pub(super) fn is_personal(field: &str) -> bool {
    field.starts_with("contact.") || field.starts_with("address.")
}

/// What a carrier needs to find the recipient, or a shop to hand the goods over.
fn missing_personal(method: DeliveryMethod, known: &Known) -> Vec<String> {
    let (contact, address) = match method {
        DeliveryMethod::Ship => (true, true),
        DeliveryMethod::Pickup => (true, false),
        DeliveryMethod::TakeAway | DeliveryMethod::Unspecified => (false, false),
    };
    let mut fields = Vec::new();
    let mut need = |wanted: bool, there: bool, field: &str| {
        if wanted && !there {
            fields.push(field.to_owned());
        }
    };
    let country = known.country_code.as_str();
    need(contact, known.name, "contact.name");
    need(contact, known.phone, "contact.phone");
    need(address, !country.is_empty(), "address.country_code");
    need(
        address && country == "CN",
        known.province,
        "address.province",
    );
    need(
        address && !CITY_STATES.contains(&country),
        known.city,
        "address.city",
    );
    need(address, known.street, "address.street");
    fields
}

/// Missing fields that can be seen without opening sealed data.
pub(super) fn missing_beside_personal(body: &Body) -> Vec<String> {
    let mut fields = Vec::new();
    if body.delivery_method() == DeliveryMethod::Unspecified {
        fields.push("delivery_method".to_owned());
    }
    if body.payment_terms() == ordo_proto::intake::PaymentTerms::Unspecified {
        fields.push("payment_terms".to_owned());
    }
    if body.lines.is_empty() {
        fields.push("lines".to_owned());
    }
    for (index, line) in body.lines.iter().enumerate() {
        if line.line.quantity == 0 {
            fields.push(format!("lines[{index}].quantity"));
        }
        if lacks_price(line) {
            fields.push(format!("lines[{index}].unit_price"));
        }
    }
    fields
}

/// No price, or a price of zero that nobody confirmed.
fn lacks_price(line: &Line) -> bool {
    let price = line
        .line
        .unit_price
        .as_ref()
        .map_or(0, |price| price.minor_units);
    let all_cancelled = line.line.quantity > 0 && line.wanted() == 0;
    price == 0 && !line.line.no_charge && !all_cancelled
}

/// Lines that cannot be asked of inventory: `(field path, line id)`.
pub(super) fn unmapped(body: &Body) -> Vec<(String, String)> {
    let of_interest = body.lines.iter().enumerate().filter(|(_, line)| {
        (line.line.sku.is_empty() || line.unknown_sku)
            && (line.line.quantity == 0 || line.wanted() > 0)
    });
    of_interest
        .map(|(index, line)| (format!("lines[{index}].sku"), line.line.line_id.clone()))
        .collect()
}

/// How the agreed sums disagree: what to tell people, and the fields concerned. Nothing while prices are missing.
pub(super) fn disagreement(body: &Body) -> Option<(String, Vec<String>)> {
    if body.lines.iter().any(lacks_price) {
        return None;
    }
    let lines: Vec<_> = body.lines.iter().map(|line| line.line.clone()).collect();
    let agreed = amounts::agreed(
        &body.currency,
        &lines,
        &body.charges,
        body.agreed_discount,
        body.agreed_tax,
    );
    let due = agreed.ok()?.due?.minor_units;
    let negative: Vec<_> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| {
            line.total
                .as_ref()
                .is_some_and(|total| total.minor_units < 0)
        })
        .map(|(index, _)| format!("lines[{index}].discount"))
        .collect();
    if !negative.is_empty() {
        let detail = "the discount is more than the line costs".to_owned();
        return Some((detail, negative));
    }
    if due < 0 {
        let detail = format!("the sums give {} due, less than nothing", body.shown(due));
        return Some((detail, vec!["discount".to_owned()]));
    }
    let stated = body.stated_due.as_ref()?.minor_units;
    (stated != due).then(|| {
        let detail = format!(
            "the channel says {} is due, the sums give {}",
            body.shown(stated),
            body.shown(due)
        );
        (detail, vec!["due".to_owned()])
    })
}
