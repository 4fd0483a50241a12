#![allow(clippy::unwrap_used, clippy::expect_used)]

use ordo_decider::given;

use super::*;

fn barcode(sku: &str) -> BarcodeEvent {
    BarcodeAssigned {
        barcode: "007".into(),
        sku: sku.into(),
    }
    .into()
}

fn taobao() -> ChannelSku {
    ChannelSku {
        channel: "taobao".into(),
        code: "T-1".into(),
    }
}

fn mapped(sku: &str) -> ChannelCodeEvent {
    ChannelSkuMapped {
        channel: "taobao".into(),
        code: "T-1".into(),
        sku: sku.into(),
    }
    .into()
}

fn take<C>(code: C, sku: &str) -> CodeCommand<C> {
    CodeCommand::Take {
        code,
        sku: sku.into(),
    }
}

fn free<C>(code: C, sku: &str) -> CodeCommand<C> {
    CodeCommand::Free {
        code,
        sku: sku.into(),
    }
}

#[test]
fn a_free_barcode_is_taken_and_stays_with_its_sku() {
    given::<Barcode>([])
        .when(take("007".to_owned(), "MUG"))
        .then([barcode("MUG")]);
    given::<Barcode>([barcode("MUG")])
        .when(take("007".to_owned(), "MUG"))
        .then_nothing();
}

#[test]
fn a_barcode_of_another_sku_is_refused_until_that_gives_it_up() {
    let taken = CodeTaken {
        code: "007".into(),
        owner: "MUG".into(),
    };
    given::<Barcode>([barcode("MUG")])
        .when(take("007".to_owned(), "POT"))
        .then_error(taken);
    let freed: BarcodeEvent = BarcodeFreed {
        barcode: "007".into(),
        sku: "MUG".into(),
    }
    .into();
    given::<Barcode>([barcode("MUG")])
        .when(free("007".to_owned(), "POT"))
        .then_nothing();
    given::<Barcode>([barcode("MUG")])
        .when(free("007".to_owned(), "MUG"))
        .then([freed.clone()]);
    given::<Barcode>([barcode("MUG"), freed])
        .when(take("007".to_owned(), "POT"))
        .then([barcode("POT")]);
}

#[test]
fn a_channels_code_belongs_to_one_sku_at_a_time() {
    let taken = CodeTaken {
        code: "taobao/T-1".into(),
        owner: "MUG".into(),
    };
    given::<ChannelCode>([])
        .when(take(taobao(), "MUG"))
        .then([mapped("MUG")]);
    given::<ChannelCode>([mapped("MUG")])
        .when(take(taobao(), "MUG"))
        .then_nothing();
    given::<ChannelCode>([mapped("MUG")])
        .when(take(taobao(), "POT"))
        .then_error(taken);
    let unmapped: ChannelCodeEvent = ChannelSkuUnmapped {
        channel: "taobao".into(),
        code: "T-1".into(),
        sku: "MUG".into(),
    }
    .into();
    given::<ChannelCode>([mapped("MUG")])
        .when(free(taobao(), "POT"))
        .then_nothing();
    given::<ChannelCode>([mapped("MUG")])
        .when(free(taobao(), "MUG"))
        .then([unmapped.clone()]);
    given::<ChannelCode>([mapped("MUG"), unmapped])
        .when(take(taobao(), "POT"))
        .then([mapped("POT")]);
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    let encoded = Barcode::encode(&barcode("MUG"));
    assert_eq!(
        Barcode::decode(encoded.type_name, &encoded.payload).unwrap(),
        barcode("MUG")
    );
    let encoded = ChannelCode::encode(&mapped("MUG"));
    assert_eq!(
        ChannelCode::decode(encoded.type_name, &encoded.payload).unwrap(),
        mapped("MUG")
    );
}
