//! Which sites serve an order. Pure: facts in, plan with its reason out.
//!
//! The first decisive rule wins; nothing is weighed against anything else:
//! 1. a site that the order names, and only that;
//! 2. one site that has everything (one parcel);
//! 3. if the order may be split: two sites that together have everything, then the site that has most of what is left, again
//!    and again; if it may not: the one site that has most.
//!
//! An order that may not be split and of which units are reserved already stays with the sites that serve it.
//!
//! Among equals: a site that serves the order already, then the nearest (same city, province, country as the recipient),
//! then the lowest priority number, then the id.

mod reason;
#[cfg(test)]
mod tests;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use ordo_proto::types::Region;

use crate::{
    ids::{LineId, SiteId, Sku},
    reservation::{Allocation, Missing},
};

/// Sites among which pairs are searched; beyond it only single sites and the greedy choice are tried.
const MAX_PAIR_SITES: usize = 64;

/// Units of a line that are to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// Which line.
    pub line_id: LineId,
    /// What.
    pub sku: Sku,
    /// How many, at least 1.
    pub quantity: i64,
}

/// A site that may serve the order.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Which.
    pub site_id: SiteId,
    /// Where it is.
    pub region: Region,
    /// Lower is tried first.
    pub priority: i32,
    /// Units that this order may have, by SKU.
    pub free: BTreeMap<Sku, i64>,
}

/// What the order says about sites.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// Where the recipient is.
    pub region: Region,
    /// Only this site.
    pub site_id: Option<SiteId>,
    /// Several sites may serve it.
    pub split_allowed: bool,
    /// All units or none.
    pub all_or_nothing: bool,
    /// Units of this order are reserved at these sites already.
    pub serving: BTreeSet<SiteId>,
}

impl Wish {
    /// No other site than those that serve the order already may serve it, whatever they have.
    fn is_bound(&self) -> bool {
        !self.split_allowed && self.site_id.is_none() && !self.serving.is_empty()
    }

    /// Several sites may serve the order. For one that is bound, those that do it already.
    fn several_may_serve(&self) -> bool {
        self.split_allowed || (self.is_bound() && self.serving.len() > 1)
    }

    fn is_served_by(&self, site: &Candidate) -> bool {
        self.serving.contains(&site.site_id)
    }
}

/// Where the units come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Units by line and site.
    pub allocations: Vec<Allocation>,
    /// What could not be found.
    pub missing: Vec<Missing>,
    /// Why these sites, for people; empty without allocations.
    pub why: String,
}

/// Chooses sites for `demand`. SKUs in `unknown` are reported and not looked for.
pub fn plan(
    demand: &[Demand],
    candidates: Vec<Candidate>,
    wish: &Wish,
    unknown: &BTreeSet<Sku>,
) -> Plan {
    let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
    for line in demand.iter().filter(|line| !unknown.contains(&line.sku)) {
        let units = wanted.entry(&line.sku).or_default();
        *units = units.saturating_add(line.quantity);
    }
    let sites = rank(candidates, wish);
    let choice = choose(&sites, &wanted, wish);
    let (allocations, missing) = distribute(demand, &choice.sites, unknown);
    if allocations.is_empty() || (wish.all_or_nothing && !missing.is_empty()) {
        return Plan {
            missing,
            ..Plan::default()
        };
    }
    let why = reason::explain(&choice, wish);
    Plan {
        allocations,
        missing,
        why,
    }
}

/// How the sites were chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// One site has everything.
    OneHasAll,
    /// Two have everything together.
    TwoHaveAll,
    /// Those that have most, one after the other.
    Most,
    /// One may serve, and has most.
    MostOfOne,
}

struct Choice<'a> {
    rule: Rule,
    /// In the order in which they are used up.
    sites: Vec<&'a Candidate>,
}

/// The sites that may serve the order, the best first.
fn rank(candidates: Vec<Candidate>, wish: &Wish) -> Vec<Candidate> {
    let mut sites = candidates;
    sites.retain(|site| {
        wish.site_id
            .as_ref()
            .is_none_or(|named| *named == site.site_id)
    });
    if wish.is_bound() {
        sites.retain(|site| wish.is_served_by(site));
    }
    sites.sort_by_cached_key(|site| {
        let nearness = nearness(&site.region, &wish.region);
        (
            Reverse(wish.is_served_by(site)),
            Reverse(nearness),
            site.priority,
            site.site_id.clone(),
        )
    });
    sites
}

/// 3: same city, 2: same province, 1: same country, 0: elsewhere or unknown.
fn nearness(site: &Region, recipient: &Region) -> u8 {
    let same = |a: &str, b: &str| !a.is_empty() && a.trim().eq_ignore_ascii_case(b.trim());
    match (
        same(&site.country_code, &recipient.country_code),
        same(&site.province, &recipient.province),
        same(&site.city, &recipient.city),
    ) {
        (true, true, true) => 3,
        (true, true, false) => 2,
        (true, false, _) => 1,
        (false, _, _) => 0,
    }
}

fn choose<'a>(sites: &'a [Candidate], wanted: &BTreeMap<&Sku, i64>, wish: &Wish) -> Choice<'a> {
    let have_all = |group: &[&Candidate]| {
        wanted.iter().all(|(sku, units)| {
            let free = group.iter().map(|site| free(site, sku));
            free.fold(0_i64, i64::saturating_add) >= *units
        })
    };
    if let Some(site) = sites.iter().find(|site| have_all(&[site])) {
        return Choice {
            rule: Rule::OneHasAll,
            sites: vec![site],
        };
    }
    if !wish.several_may_serve() {
        let best = best(sites.iter(), wanted).into_iter().collect();
        return Choice {
            rule: Rule::MostOfOne,
            sites: best,
        };
    }
    if sites.len() <= MAX_PAIR_SITES && have_all(&sites.iter().collect::<Vec<_>>()) {
        let mut pairs = sites.iter().enumerate().flat_map(|(place, first)| {
            sites
                .iter()
                .skip(place + 1)
                .map(move |second| [first, second])
        });
        if let Some(pair) = pairs.find(|pair| have_all(pair)) {
            return Choice {
                rule: Rule::TwoHaveAll,
                sites: pair.to_vec(),
            };
        }
    }
    let mut left = wanted.clone();
    let mut chosen: Vec<&Candidate> = Vec::new();
    while let Some(site) = best(
        sites
            .iter()
            .filter(|site| !chosen.iter().any(|one| one.site_id == site.site_id)),
        &left,
    ) {
        for (sku, units) in &mut left {
            *units -= free(site, sku).min(*units);
        }
        chosen.push(site);
    }
    Choice {
        rule: Rule::Most,
        sites: chosen,
    }
}

/// The site that has most of what is wanted; the first among equals. `None` when no site has anything.
fn best<'a>(
    sites: impl Iterator<Item = &'a Candidate>,
    wanted: &BTreeMap<&Sku, i64>,
) -> Option<&'a Candidate> {
    let mut best = None;
    let mut most = 0;
    for site in sites {
        let covers = wanted
            .iter()
            .map(|(sku, units)| free(site, sku).min(*units))
            .fold(0_i64, i64::saturating_add);
        if covers > most {
            most = covers;
            best = Some(site);
        }
    }
    best
}

fn free(site: &Candidate, sku: &Sku) -> i64 {
    site.free.get(sku).copied().unwrap_or(0).max(0)
}

/// Takes the units line by line, site by site; lines of one SKU share what there is.
fn distribute(
    demand: &[Demand],
    sites: &[&Candidate],
    unknown: &BTreeSet<Sku>,
) -> (Vec<Allocation>, Vec<Missing>) {
    let mut taken: BTreeMap<(&SiteId, &Sku), i64> = BTreeMap::new();
    let mut allocations = Vec::new();
    let mut missing = Vec::new();
    for line in demand {
        let unknown_sku = unknown.contains(&line.sku);
        let mut left = line.quantity;
        for site in sites.iter().filter(|_| !unknown_sku) {
            let used = taken.entry((&site.site_id, &line.sku)).or_default();
            let quantity = (free(site, &line.sku) - *used).min(left);
            if quantity > 0 {
                *used += quantity;
                left -= quantity;
                allocations.push(Allocation {
                    line_id: line.line_id.clone(),
                    sku: line.sku.clone(),
                    site_id: site.site_id.clone(),
                    quantity,
                });
            }
        }
        if left > 0 {
            missing.push(Missing {
                line_id: line.line_id.clone(),
                sku: line.sku.clone(),
                quantity: left,
                unknown_sku,
            });
        }
    }
    (allocations, missing)
}
