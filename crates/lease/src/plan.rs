//! Who should have which unit. Every replica computes the same from the same tables.

use std::collections::{BTreeMap, BTreeSet};

/// A replica that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub id: String,
    /// What it can do.
    pub units: BTreeSet<String>,
}

/// Units that are alike: what stands before the first `/`.
pub(crate) fn kind(unit: &str) -> &str {
    unit.split_once('/').map_or(unit, |(kind, _)| kind)
}

/// Gives each unit to one of the candidates that can do it: as few as possible change hands, and no candidate ends with two
/// more than another, neither of one kind nor of all, as far as what they can do allows it.
pub(crate) fn plan(
    candidates: &[Candidate],
    holders: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut plan = Plan::default();
    let known: BTreeMap<&str, &Candidate> = candidates
        .iter()
        .map(|candidate| (candidate.id.as_str(), candidate))
        .collect();
    let units: BTreeSet<&str> = candidates
        .iter()
        .flat_map(|candidate| candidate.units.iter().map(String::as_str))
        .collect();
    let mut free = Vec::new();
    for unit in units {
        let holder = holders.get(unit).and_then(|id| known.get(id.as_str()));
        match holder {
            Some(holder) if holder.units.contains(unit) => plan.give(unit, &holder.id),
            _ => free.push(unit),
        }
    }
    for unit in free {
        let able = candidates.iter().filter(|one| one.units.contains(unit));
        if let Some(best) = able.min_by_key(|one| plan.load(&one.id, unit)) {
            plan.give(unit, &best.id);
        }
    }
    // Each move makes the shares of a kind more equal, or those of all without touching the former; so this ends.
    while let Some((unit, to)) = plan.next_move(candidates) {
        plan.give(&unit, &to);
    }
    plan.by_unit
}

#[derive(Default)]
struct Plan {
    by_unit: BTreeMap<String, String>,
}

impl Plan {
    fn give(&mut self, unit: &str, to: &str) {
        self.by_unit.insert(unit.to_owned(), to.to_owned());
    }

    /// How many of the unit's kind, and how many of all, `id` has; then the id, so that everybody decides alike.
    fn load<'a>(&self, id: &'a str, unit: &str) -> (usize, usize, &'a str) {
        let of_kind = |held: &String| kind(held) == kind(unit);
        (self.count(id, of_kind), self.count(id, |_| true), id)
    }

    fn count(&self, id: &str, counts: impl Fn(&String) -> bool) -> usize {
        let held = self.by_unit.iter();
        held.filter(|(unit, holder)| *holder == id && counts(unit))
            .count()
    }

    /// A unit that somebody has who has two more of its kind than another who can do it, or as many as the other and one more
    /// of its kind but two more of all.
    fn next_move(&self, candidates: &[Candidate]) -> Option<(String, String)> {
        for (unit, holder) in &self.by_unit {
            let (kind_here, all_here, _) = self.load(holder, unit);
            for to in candidates {
                if to.id == *holder || !to.units.contains(unit) {
                    continue;
                }
                let (kind_there, all_there, _) = self.load(&to.id, unit);
                if kind_here >= kind_there + 2
                    || (kind_here > kind_there && all_here >= all_there + 2)
                {
                    return Some((unit.clone(), to.id.clone()));
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn candidate(id: &str, units: &[&str]) -> Candidate {
        Candidate {
            id: id.to_owned(),
            units: units.iter().map(|unit| (*unit).to_owned()).collect(),
        }
    }

    fn share(plan: &BTreeMap<String, String>, id: &str, of: &str) -> usize {
        let held = plan.iter();
        held.filter(|(unit, holder)| *holder == id && (of.is_empty() || kind(unit) == of))
            .count()
    }

    const UNITS: [&str; 7] = [
        "relay/0",
        "relay/1",
        "relay/2",
        "relay/3",
        "reaction/a",
        "reaction/b",
        "projection/x",
    ];

    #[test]
    fn one_replica_gets_everything() {
        let plan = plan(&[candidate("a", &UNITS)], &BTreeMap::new());
        assert_eq!(share(&plan, "a", ""), UNITS.len());
    }

    #[test]
    fn a_replica_that_joins_gets_its_share_of_every_kind() {
        let alone = plan(&[candidate("a", &UNITS)], &BTreeMap::new());
        let both = [candidate("a", &UNITS), candidate("b", &UNITS)];
        let shared = plan(&both, &alone);
        assert_eq!(share(&shared, "b", "relay"), 2);
        assert_eq!(share(&shared, "b", "reaction"), 1);
        assert!(share(&shared, "b", "").abs_diff(share(&shared, "a", "")) <= 1);
    }

    #[test]
    fn what_is_shared_already_stays_where_it_is() {
        let both = [candidate("a", &UNITS), candidate("b", &UNITS)];
        let shared = plan(&both, &BTreeMap::new());
        assert_eq!(plan(&both, &shared), shared);
    }

    #[test]
    fn a_unit_that_only_a_newer_version_knows_goes_to_a_replica_of_that_version() {
        let both = [
            candidate("a", &["relay/0"]),
            candidate("b", &["relay/0", "projection/x/2"]),
        ];
        let shared = plan(&both, &BTreeMap::new());
        assert_eq!(shared["projection/x/2"], "b");
    }

    proptest! {
        #[test]
        fn every_unit_has_one_holder_and_shares_are_equal(
            replicas in 1_usize..6,
            relays in 0_usize..9,
            reactions in 0_usize..9,
            models in 0_usize..5,
            holders in proptest::collection::vec(0_usize..8, 23),
        ) {
            let units: Vec<String> = (0..relays).map(|n| format!("relay/{n}"))
                .chain((0..reactions).map(|n| format!("reaction/{n}")))
                .chain((0..models).map(|n| format!("projection/{n}")))
                .collect();
            let candidates: Vec<Candidate> = (0..replicas)
                .map(|n| Candidate { id: format!("r{n}"), units: units.iter().cloned().collect() })
                .collect();
            let before = units.iter().zip(holders).map(|(unit, n)| (unit.clone(), format!("r{n}"))).collect();
            let after = plan(&candidates, &before);
            prop_assert_eq!(after.len(), units.len());
            for of in ["relay", "reaction", "projection", ""] {
                let shares: Vec<usize> = candidates.iter().map(|one| share(&after, &one.id, of)).collect();
                let (least, most) = (shares.iter().min().unwrap(), shares.iter().max().unwrap());
                prop_assert!(most - least <= 1, "{of}: {shares:?}");
            }
            prop_assert_eq!(plan(&candidates, &after), after);
        }
    }
}
