use ordo_decider::given;

use super::*;

fn mug(name: &str) -> ProductPut {
    ProductPut {
        product_id: "MUG".into(),
        name: name.into(),
        listed: true,
        ..ProductPut::default()
    }
}

#[test]
fn a_product_is_described_and_described_anew() {
    let state = given::<Product>([])
        .when(mug("Mug"))
        .then([mug("Mug").into()])
        .state;
    assert!(state.exists());
    given::<Product>([mug("Mug").into()])
        .when(mug("Big mug"))
        .then([mug("Big mug").into()]);
}

#[test]
fn the_same_description_changes_nothing() {
    given::<Product>([mug("Mug").into()])
        .when(mug("Mug"))
        .then_nothing();
}
