use ordo_decider::given;

use super::*;

fn put(name: &str) -> SkuPut {
    SkuPut {
        sku: "MUG-RED".into(),
        name: name.into(),
        ..SkuPut::default()
    }
}

fn pounds(minor_units: i64) -> Money {
    Money {
        currency_code: "GBP".into(),
        minor_units,
    }
}

fn priced(minor_units: i64, from: i64) -> SkuEvent {
    SkuPriceChanged {
        sku: "MUG-RED".into(),
        price: Some(pounds(minor_units)),
        effective_from: Some(Timestamp(from).into()),
    }
    .into()
}

fn costed(minor_units: i64, from: i64) -> SkuEvent {
    SkuCostChanged {
        sku: "MUG-RED".into(),
        cost: Some(pounds(minor_units)),
        effective_from: Some(Timestamp(from).into()),
    }
    .into()
}

fn command(name: &str, price: Option<i64>, cost: Option<i64>, from: i64) -> SkuCommand {
    SkuCommand::Put {
        put: Box::new(put(name)),
        price: price.map(pounds),
        cost: cost.map(pounds),
        effective_from: Timestamp(from),
    }
}

#[test]
fn a_sku_is_described_with_its_dated_price_and_cost() {
    given::<SkuItem>([])
        .when(command("Red mug", Some(999), Some(400), 100))
        .then([put("Red mug").into(), priced(999, 100), costed(400, 100)]);
}

#[test]
fn what_stays_the_same_is_not_told_again() {
    let history = || [put("Red mug").into(), priced(999, 100), costed(400, 100)];
    given::<SkuItem>(history())
        .when(command("Red mug", Some(999), Some(400), 200))
        .then_nothing();
    given::<SkuItem>(history())
        .when(command("Red mug", None, None, 200))
        .then_nothing();
    given::<SkuItem>(history())
        .when(command("Red mug", Some(899), Some(400), 200))
        .then([priced(899, 200)]);
    given::<SkuItem>(history())
        .when(command("Mug", None, None, 200))
        .then([put("Mug").into()]);
}

#[test]
fn the_price_of_a_time_is_the_latest_that_had_begun() {
    let state = SkuItem::fold(&[
        priced(999, 100),
        priced(799, 300),
        priced(899, 200),
        costed(400, 200),
    ]);
    let price = |time| {
        state
            .price_at(Timestamp(time))
            .map(|price| price.minor_units)
    };
    assert_eq!(
        [price(99), price(100), price(200), price(299), price(300)],
        [None, Some(999), Some(899), Some(899), Some(799)]
    );
    assert_eq!(state.cost_at(Timestamp(199)), None);
}

#[test]
fn a_site_is_noted_when_it_first_has_units() {
    let at = |site: &str| SkuCommand::StockAt {
        site_id: site.into(),
        sku: "MUG-RED".into(),
    };
    let stocked: SkuEvent = SkuStockedAt {
        sku: "MUG-RED".into(),
        site_id: "W1".into(),
    }
    .into();
    given::<SkuItem>([]).when(at("W1")).then([stocked.clone()]);
    let state = given::<SkuItem>([stocked])
        .when(at("W1"))
        .then_nothing()
        .state;
    assert_eq!(state.stocked_at().count(), 1);
}
