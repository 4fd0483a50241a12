//! One form for values that are looked up by equality.

/// Digits only; an international prefix (`+`, `00`) and the mainland code 86 before an 11-digit mobile number are dropped, so
/// that `+86 138-0013-8000` and `13800138000` are one number.
pub fn phone(value: &str) -> String {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.strip_prefix("00").unwrap_or(&digits);
    match digits.strip_prefix("86") {
        Some(rest) if rest.len() == 11 && rest.starts_with('1') => rest.to_owned(),
        _ => digits.to_owned(),
    }
}

/// Lower case, with every run of white space as one space.
pub fn name(value: &str) -> String {
    value
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}

/// By kind: `phone` and `email` and `name` have their own form, everything else is trimmed.
pub fn by_kind(kind: &str, value: &str) -> String {
    match kind {
        "phone" => phone(value),
        "name" | "email" => name(value),
        _ => value.trim().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_written_differently_are_one_number() {
        for written in ["13800138000", "+86 138-0013-8000", "0086 (138) 00138000"] {
            assert_eq!(phone(written), "13800138000");
        }
        assert_eq!(phone("+44 20 7946 0958"), "442079460958");
    }

    #[test]
    fn names_are_folded() {
        assert_eq!(name("  Jane\t DOE "), "jane doe");
        assert_eq!(by_kind("name", "王 小明"), "王 小明");
        assert_eq!(by_kind("other", " A "), "A");
    }
}
