//! An order's units by line and site, counted once: for steps that look at every line. An invoice of two thousand lines
//! would otherwise be walked through millions of times.

use std::collections::HashMap;

use super::{Body, Line};

/// Counts as they are when they are taken.
pub(super) struct Tally<'a> {
    reserved: HashMap<&'a str, i64>,
    released_at: HashMap<(&'a str, &'a str), i64>,
}

impl<'a> Tally<'a> {
    /// Counts the order's units.
    pub fn of(body: &'a Body) -> Self {
        let mut reserved = HashMap::new();
        for stock in &body.stock {
            *reserved.entry(stock.line_id.as_str()).or_default() += stock.quantity;
        }
        let mut released_at = HashMap::new();
        for fulfilment in &body.fulfilments {
            for line in &fulfilment.open {
                let place = (line.line_id.as_str(), fulfilment.site_id.as_str());
                *released_at.entry(place).or_default() += line.quantity;
            }
        }
        Self {
            reserved,
            released_at,
        }
    }

    /// See [`Body::reserved`].
    pub fn reserved(&self, line_id: &str) -> i64 {
        self.reserved.get(line_id).copied().unwrap_or_default()
    }

    /// See [`Body::released_at`].
    pub fn released_at(&self, line_id: &str, site_id: &str) -> i64 {
        let place = (line_id, site_id);
        self.released_at.get(&place).copied().unwrap_or_default()
    }

    /// See [`Body::unreserved`].
    pub fn unreserved(&self, line: &Line) -> i64 {
        (line.to_ship() - self.reserved(&line.line.line_id)).max(0)
    }
}
