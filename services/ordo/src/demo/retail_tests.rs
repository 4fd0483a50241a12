use super::*;

const HEADER: &str =
    "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n";

fn history(rows: &str) -> History {
    parse(format!("{HEADER}{rows}").as_bytes(), None).unwrap()
}

#[test]
fn an_invoice_is_an_order_with_its_goods_and_charges() {
    let history = history(
        "489434,85048,GLASS BALL,12,2009-12-01 07:45:00,6.95,13085,United Kingdom\n\
         489434,POST,POSTAGE,1,2009-12-01 07:45:00,18.0,13085,United Kingdom\n",
    );
    let order = &history.orders[0];
    assert_eq!(order.number, "489434");
    assert_eq!(order.customer.as_deref(), Some("13085"));
    assert_eq!(
        (order.lines[0].quantity, order.lines[0].price_pence),
        (12, 695)
    );
    assert_eq!(
        (order.charges[0].code, order.charges[0].amount_pence),
        ("FREIGHT", 1800)
    );
    assert_eq!(history.articles["85048"].units, 12);
}

#[test]
fn exact_duplicates_are_taken_once_and_the_order_is_pushed_twice() {
    let row = "1,A,X,1,2009-12-01 07:45:00,1.0,5,France\n";
    let history = history(&format!("{row}{row}"));
    assert!(history.orders[0].pushed_twice);
    assert_eq!(history.orders[0].lines.len(), 1);
    assert_eq!(history.left_out.duplicate_rows, 1);
}

#[test]
fn a_cancellation_within_a_day_cancels_and_a_later_one_returns() {
    let history = history(
        "1,A,X,5,2009-12-01 08:00:00,1.0,5,France\n\
         C2,A,X,-2,2009-12-01 09:00:00,1.0,5,France\n\
         C3,A,X,-2,2009-12-09 09:00:00,1.0,5,France\n",
    );
    assert_eq!(history.orders[0].cancelled[&0], 2);
    assert_eq!(history.orders[0].returned[&0], 2);
}

#[test]
fn a_cancellation_never_takes_more_than_was_bought_and_the_rest_is_counted() {
    let history = history(
        "1,A,X,5,2009-12-01 08:00:00,1.0,5,France\n\
         2,A,X,3,2009-12-02 08:00:00,1.0,5,France\n\
         C3,A,X,-10,2009-12-09 09:00:00,1.0,5,France\n\
         C4,A,X,-1,2009-12-09 09:00:00,1.0,6,France\n",
    );
    assert_eq!(history.orders[1].returned[&0], 3);
    assert_eq!(history.orders[0].returned[&0], 5);
    assert_eq!(history.left_out.cancelled_without_purchase, 3);
}

#[test]
fn negative_quantities_outside_cancellations_write_stock_off() {
    let history = history("9,A,damages,-7,2009-12-01 08:00:00,0.0,,United Kingdom\n");
    assert!(history.orders.is_empty());
    assert_eq!(
        history.write_offs,
        [WriteOff {
            number: "9".into(),
            sku: "A".into(),
            quantity: 7,
            remark: "damages".into()
        }]
    );
}

#[test]
fn amounts_are_read_without_floats() {
    for (text, expected) in [
        ("6.95", 695),
        ("2.1", 210),
        ("0.001", 0),
        ("38.095", 3810),
        ("-5", -500),
        ("0", 0),
    ] {
        assert_eq!(pence(text), Some(expected), "{text}");
    }
    assert_eq!(pence("abc"), None);
}

#[test]
fn a_bad_value_is_named_by_line_and_column() {
    let error = parse(
        format!("{HEADER}1,A,X,many,2009-12-01 08:00:00,1,5,France\n").as_bytes(),
        None,
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: Quantity `many` is not a whole number"
    );
}

#[test]
fn the_sample_of_the_project_is_understood() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/data/online_retail/invoices.csv.zst");
    let history = read(&path, None).unwrap();
    assert!(history.orders.len() > 2_700, "{}", history.orders.len());
    assert!(
        history
            .orders
            .iter()
            .any(|order| !order.cancelled.is_empty())
    );
    assert!(
        history
            .orders
            .iter()
            .any(|order| !order.returned.is_empty())
    );
    assert!(history.orders.iter().any(|order| order.pushed_twice));
    assert!(!history.write_offs.is_empty());
}
