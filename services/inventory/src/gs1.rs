//! Barcodes: GS1 numbers and shops' own codes.

#[cfg(test)]
mod tests;

/// Why a text is no barcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BarcodeError {
    /// Empty, longer than 48, or with something else than digits.
    #[error("must be 1 to 48 digits")]
    NotDigits,
    /// Length of a GTIN, and the last digit is wrong.
    #[error("has the length of a GTIN-{length}, whose last digit would be {expected}")]
    CheckDigit {
        /// 8, 12, 13 or 14.
        length: usize,
        /// What the check digit should be.
        expected: u8,
    },
}

/// The form under which a barcode is kept and found: GTIN-8, -12, -13 and -14 as 14 digits with leading zeros (they are the
/// same number space: a scanner reads a UPC-A as an EAN-13 with a leading zero), every other code as it is.
pub fn canonical(barcode: &str) -> Result<String, BarcodeError> {
    if !(1..=48).contains(&barcode.len()) || !barcode.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BarcodeError::NotDigits);
    }
    if !matches!(barcode.len(), 8 | 12 | 13 | 14) {
        return Ok(barcode.to_owned());
    }
    let (body, last) = barcode.split_at(barcode.len() - 1);
    let expected = check_digit(body);
    if last.bytes().next() != Some(b'0' + expected) {
        return Err(BarcodeError::CheckDigit {
            length: barcode.len(),
            expected,
        });
    }
    Ok(format!("{barcode:0>14}"))
}

/// The check digit that follows `body`: weights 3 and 1 in turn from the right, up to the next multiple of ten
/// (GS1 General Specifications, section 7.9). Anything but ASCII digits counts as 0.
pub fn check_digit(body: &str) -> u8 {
    let sum: u32 = body
        .bytes()
        .rev()
        .map(|b| {
            if b.is_ascii_digit() {
                u32::from(b - b'0')
            } else {
                0
            }
        })
        .enumerate()
        .map(|(place, digit)| if place % 2 == 0 { 3 * digit } else { digit })
        .sum();
    ((10 - sum % 10) % 10) as u8
}
