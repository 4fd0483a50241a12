#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

/// `gs1_lint_csum` of the GS1 Barcode Syntax Tests: value, and whether its check digit is right.
const VECTORS: &[(&str, bool)] = &[
    ("02345673", true),
    ("12345673", false),
    ("416000336108", true),
    ("416000336109", false),
    ("1234567890128", true),
    ("1234567890129", false),
    ("12345678901231", true),
    ("12345678901232", false),
    ("123456789012345675", true),
    ("123456789012345670", false),
];

#[test]
fn check_digits_agree_with_the_vectors_of_gs1() {
    for (value, right) in VECTORS {
        let (body, last) = value.split_at(value.len() - 1);
        assert_eq!(check_digit(body).to_string() == last, *right, "{value}");
    }
}

#[test]
fn a_gtin_with_a_wrong_check_digit_is_refused_with_the_right_one() {
    assert_eq!(
        canonical("416000336109"),
        Err(BarcodeError::CheckDigit {
            length: 12,
            expected: 8
        })
    );
    for (value, right) in VECTORS.iter().filter(|(value, _)| value.len() <= 14) {
        assert_eq!(canonical(value).is_ok(), *right, "{value}");
    }
}

#[test]
fn a_upc_and_the_ean_that_scanners_make_of_it_are_one_barcode() {
    assert_eq!(canonical("416000336108").unwrap(), "00416000336108");
    assert_eq!(canonical("0416000336108").unwrap(), "00416000336108");
}

#[test]
fn a_shops_own_code_is_kept_as_it_is() {
    assert_eq!(canonical("007").unwrap(), "007");
    assert_eq!(
        canonical("123456789012345670").unwrap(),
        "123456789012345670"
    );
}

#[test]
fn anything_but_digits_is_no_barcode() {
    for text in ["", "12a", " 12", "１２", &"1".repeat(49)] {
        assert_eq!(canonical(text), Err(BarcodeError::NotDigits), "{text:?}");
    }
}
