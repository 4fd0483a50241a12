//! Ids that carry the order they belong to.

use std::fmt;

/// `<order_id>-C<n>`: names a case, and by its order the partition that the case lives in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId {
    order_id: String,
    number: u32,
}

impl CaseId {
    /// The order's `number`-th case, from 1.
    pub fn new(order_id: &str, number: u32) -> Self {
        Self {
            order_id: order_id.to_owned(),
            number,
        }
    }

    /// Reads `<order_id>-C<n>`. `None` when it is anything else.
    pub fn parse(id: &str) -> Option<Self> {
        let (order_id, number) = id.split_once("-C")?;
        let number = number.parse().ok().filter(|n: &u32| *n > 0)?;
        let parsed = Self {
            order_id: order_id.to_owned(),
            number,
        };
        // `-C007` and `-C+7` parse as numbers, but are not how an id is written.
        (is_order_id(order_id) && parsed.to_string() == id).then_some(parsed)
    }

    /// The order that the case is about.
    pub fn order_id(&self) -> &str {
        &self.order_id
    }

    /// Id of the case's `number`-th refund, from 1.
    pub fn refund(&self, number: usize) -> String {
        format!("{self}-R{number}")
    }
}

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-C{}", self.order_id, self.number)
    }
}

/// An order id is 1 to 40 lower-case letters and digits; the first `-` ends it in every id that is made from it.
pub fn is_order_id(id: &str) -> bool {
    (1..=40).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_id_is_read_back_as_it_is_written() {
        let id = CaseId::new("0198fa1", 12);
        assert_eq!(id.to_string(), "0198fa1-C12");
        assert_eq!(CaseId::parse("0198fa1-C12"), Some(id.clone()));
        assert_eq!(id.refund(2), "0198fa1-C12-R2");
    }

    #[test]
    fn anything_else_is_no_case_id() {
        for id in [
            "", "x", "x-C", "x-C0", "x-C01", "x-C+1", "x-F1", "x-C1-R1", "-C1", "X-C1", "a b-C1",
        ] {
            assert_eq!(CaseId::parse(id), None, "{id}");
        }
    }
}
