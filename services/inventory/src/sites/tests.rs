use ordo_decider::given;

use super::*;

fn put(name: &str) -> SitePut {
    SitePut {
        site_id: "W1".into(),
        name: name.into(),
        serves_orders: true,
        ..SitePut::default()
    }
}

fn listed(site_id: &str, priority: i32) -> SiteListed {
    SiteListed {
        site_id: site_id.into(),
        priority,
        serves_orders: true,
        ..SiteListed::default()
    }
}

#[test]
fn a_site_is_described_and_the_same_description_changes_nothing() {
    let state = given::<Site>([])
        .when(put("North"))
        .then([put("North").into()])
        .state;
    assert!(state.exists());
    given::<Site>([put("North").into()])
        .when(put("North"))
        .then_nothing();
    given::<Site>([put("North").into()])
        .when(put("South"))
        .then([put("South").into()]);
}

#[test]
fn the_list_holds_every_site_as_it_was_last_put() {
    let history = [listed("W1", 1).into(), listed("W2", 2).into()];
    given::<Sites>(history.clone())
        .when(listed("W2", 2))
        .then_nothing();
    let state = given::<Sites>(history)
        .when(listed("W1", 9))
        .then([listed("W1", 9).into()])
        .state;
    assert_eq!(state.iter().count(), 2);
    assert_eq!(state.get(&"W1".into()).map(|site| site.priority), Some(9));
}
