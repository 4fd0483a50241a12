use super::*;

#[test]
fn the_replacement_is_freed_when_the_return_is_in() {
    given(with(exchanging(true), [replacement_ordered()]))
        .when(CaseCommand::Receive(receipt(3, 0)))
        .then([
            received(vec![back(3, 0)], false),
            replacement_freed(),
            closed("REPLACED"),
        ]);
}

#[test]
fn a_part_of_the_return_frees_nothing() {
    given(with(exchanging(true), [replacement_ordered()]))
        .when(CaseCommand::Receive(receipt(2, 0)))
        .then([received(vec![back(2, 0)], false)]);
}

#[test]
fn a_return_that_is_faster_than_the_replacement_s_order_frees_it_as_soon_as_it_is_placed() {
    given(exchanging(true))
        .when(CaseCommand::Receive(receipt(3, 0)))
        .then([received(vec![back(3, 0)], false)]);
    given(with(exchanging(true), [received(vec![back(3, 0)], false)]))
        .when(ordered())
        .then([
            replacement_ordered(),
            replacement_freed(),
            closed("REPLACED"),
        ]);
}

#[test]
fn a_replacement_sent_in_advance_ends_the_case_once_the_return_is_in() {
    given(exchanging(false))
        .when(ordered())
        .then([replacement_ordered()]);
    given(with(exchanging(false), [replacement_ordered()]))
        .when(CaseCommand::Receive(receipt(3, 0)))
        .then([received(vec![back(3, 0)], false), closed("REPLACED")]);
}

#[test]
fn an_exchange_that_stays_incomplete_becomes_a_refund_of_what_came() {
    given(with(
        exchanging(true),
        [replacement_ordered(), received(vec![back(2, 0)], false)],
    ))
    .when(CaseCommand::Receive(nothing_more()))
    .then([
        received(vec![], true),
        replacement_withdrawn("o2"),
        granted(1, 6_666, 2, false),
    ]);
}

#[test]
fn units_kept_by_a_customer_who_has_the_replacement_end_the_case_without_money() {
    given(with(
        exchanging(false),
        [replacement_ordered(), received(vec![back(2, 0)], false)],
    ))
    .when(CaseCommand::Receive(nothing_more()))
    .then([received(vec![], true), closed("REPLACED")]);
}

#[test]
fn a_replacement_told_twice_changes_nothing() {
    given(with(exchanging(true), [replacement_ordered()]))
        .when(ordered())
        .then_nothing();
}

#[test]
fn a_return_has_no_replacement() {
    given(returning())
        .when(ordered())
        .then_error(CaseError::NoReplacement);
    given([]).when(ordered()).then_error(CaseError::Unknown);
}
