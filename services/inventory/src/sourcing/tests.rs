use super::*;

fn region(country: &str, province: &str, city: &str) -> Region {
    Region {
        country_code: country.into(),
        province: province.into(),
        city: city.into(),
    }
}

fn site(site_id: &str, priority: i32, free: &[(&str, i64)]) -> Candidate {
    Candidate {
        site_id: site_id.into(),
        region: Region::default(),
        priority,
        free: free
            .iter()
            .map(|(sku, units)| ((*sku).into(), *units))
            .collect(),
    }
}

fn near(candidate: Candidate, region: Region) -> Candidate {
    Candidate {
        region,
        ..candidate
    }
}

fn want(lines: &[(&str, &str, i64)]) -> Vec<Demand> {
    lines
        .iter()
        .map(|(line_id, sku, quantity)| Demand {
            line_id: (*line_id).into(),
            sku: (*sku).into(),
            quantity: *quantity,
        })
        .collect()
}

fn split() -> Wish {
    Wish {
        split_allowed: true,
        ..Wish::default()
    }
}

fn one_parcel() -> Wish {
    Wish::default()
}

fn served_by(sites: &[&str], wish: Wish) -> Wish {
    Wish {
        serving: sites.iter().map(|site| (*site).into()).collect(),
        ..wish
    }
}

fn found(plan: &Plan) -> Vec<(&str, &str, i64)> {
    plan.allocations
        .iter()
        .map(|found| {
            (
                found.line_id.as_str(),
                found.site_id.as_str(),
                found.quantity,
            )
        })
        .collect()
}

fn lacking(plan: &Plan) -> Vec<(&str, i64)> {
    plan.missing
        .iter()
        .map(|missing| (missing.line_id.as_str(), missing.quantity))
        .collect()
}

fn plan_of(demand: &[Demand], sites: Vec<Candidate>, wish: &Wish) -> Plan {
    plan(demand, sites, wish, &BTreeSet::new())
}

#[test]
fn one_site_that_has_everything_beats_two_that_share_it() {
    let sites = vec![
        site("A", 1, &[("MUG", 1)]),
        site("B", 2, &[("POT", 1)]),
        site("C", 9, &[("MUG", 1), ("POT", 1)]),
    ];
    let plan = plan_of(&want(&[("1", "MUG", 1), ("2", "POT", 1)]), sites, &split());
    assert_eq!(found(&plan), [("1", "C", 1), ("2", "C", 1)]);
    assert_eq!(
        plan.why,
        "C has everything: one parcel; no nearer site known, priority 9"
    );
}

#[test]
fn the_nearest_site_comes_before_the_one_with_better_priority() {
    let all = &[("MUG", 5)];
    let wish = Wish {
        region: region("CN", "Zhejiang", "Hangzhou"),
        ..split()
    };
    let sites = |ids: &[usize]| -> Vec<Candidate> {
        let everywhere = [
            site("ABROAD", 1, all),
            near(site("COUNTRY", 2, all), region("CN", "Hebei", "Hangzhou")),
            near(site("PROVINCE", 3, all), region("CN", "Zhejiang", "Ningbo")),
            near(site("CITY", 4, all), region("cn", "zhejiang", " hangzhou ")),
        ];
        ids.iter().map(|id| everywhere[*id].clone()).collect()
    };
    let chosen = |ids: &[usize]| {
        let plan = plan_of(&want(&[("1", "MUG", 1)]), sites(ids), &wish);
        plan.allocations
            .first()
            .map(|found| found.site_id.as_str().to_owned())
    };
    assert_eq!(chosen(&[0, 1, 2, 3]).as_deref(), Some("CITY"));
    assert_eq!(chosen(&[0, 1, 2]).as_deref(), Some("PROVINCE"));
    assert_eq!(chosen(&[0, 1]).as_deref(), Some("COUNTRY"));
    assert_eq!(chosen(&[0]).as_deref(), Some("ABROAD"));
}

#[test]
fn among_equally_near_sites_the_lower_priority_number_comes_first_then_the_id() {
    let all = &[("MUG", 5)];
    let demand = want(&[("1", "MUG", 1)]);
    let plan = plan_of(
        &demand,
        vec![site("A", 2, all), site("B", 1, all)],
        &split(),
    );
    assert_eq!(found(&plan), [("1", "B", 1)]);
    let plan = plan_of(
        &demand,
        vec![site("B", 1, all), site("A", 1, all)],
        &split(),
    );
    assert_eq!(found(&plan), [("1", "A", 1)]);
}

#[test]
fn a_site_that_serves_the_order_already_comes_first() {
    let all = &[("MUG", 5)];
    let plan = plan_of(
        &want(&[("1", "MUG", 1)]),
        vec![site("A", 1, all), site("B", 9, all)],
        &served_by(&["B"], split()),
    );
    assert_eq!(found(&plan), [("1", "B", 1)]);
    assert!(plan.why.contains("serves the order already"));
}

#[test]
fn a_site_that_the_order_names_is_the_only_one() {
    let wish = Wish {
        site_id: Some("SHOP".into()),
        ..split()
    };
    let sites = vec![site("A", 1, &[("MUG", 5)]), site("SHOP", 9, &[("MUG", 1)])];
    let plan = plan_of(&want(&[("1", "MUG", 2)]), sites, &wish);
    assert_eq!(
        (found(&plan), lacking(&plan)),
        (vec![("1", "SHOP", 1)], vec![("1", 1)])
    );
    assert_eq!(plan.why, "the order names SHOP");
}

#[test]
fn two_sites_that_have_everything_together_are_preferred_to_three() {
    let sites = vec![
        site("A", 1, &[("MUG", 3)]),
        site("B", 2, &[("MUG", 1), ("POT", 1)]),
        site("C", 3, &[("MUG", 1), ("POT", 1)]),
        site("D", 4, &[("MUG", 2), ("POT", 2)]),
    ];
    let plan = plan_of(&want(&[("1", "MUG", 3), ("2", "POT", 2)]), sites, &split());
    assert_eq!(found(&plan), [("1", "A", 3), ("2", "D", 2)]);
    assert!(plan.why.contains("two parcels"), "{}", plan.why);
}

#[test]
fn more_than_two_sites_are_taken_by_what_they_have_most_of() {
    let sites = vec![
        site("A", 1, &[("MUG", 1)]),
        site("B", 2, &[("MUG", 3)]),
        site("C", 3, &[("MUG", 2)]),
    ];
    let plan = plan_of(&want(&[("1", "MUG", 6)]), sites, &split());
    assert_eq!(found(&plan), [("1", "B", 3), ("1", "C", 2), ("1", "A", 1)]);
    assert!(
        plan.why.starts_with("taken from B, C, A in turn"),
        "{}",
        plan.why
    );
}

#[test]
fn an_order_that_may_not_be_split_gets_what_one_site_has() {
    let sites = vec![site("A", 1, &[("MUG", 2)]), site("B", 2, &[("MUG", 3)])];
    let plan = plan_of(&want(&[("1", "MUG", 5)]), sites, &one_parcel());
    assert_eq!(
        (found(&plan), lacking(&plan)),
        (vec![("1", "B", 3)], vec![("1", 2)])
    );
    assert_eq!(
        plan.why,
        "one parcel only, and B has most; no nearer site known, priority 2"
    );
}

#[test]
fn an_order_that_may_not_be_split_stays_with_the_site_that_serves_it() {
    let plan = plan_of(
        &want(&[("1", "MUG", 2)]),
        vec![site("A", 1, &[("MUG", 1)]), site("B", 2, &[("MUG", 9)])],
        &served_by(&["A"], one_parcel()),
    );
    assert_eq!(
        (found(&plan), lacking(&plan)),
        (vec![("1", "A", 1)], vec![("1", 1)])
    );
    let elsewhere = plan_of(
        &want(&[("2", "POT", 1)]),
        vec![site("B", 2, &[("POT", 9)])],
        &served_by(&["A"], one_parcel()),
    );
    assert_eq!(
        lacking(&elsewhere),
        [("2", 1)],
        "A, which serves it, never had a pot"
    );
}

#[test]
fn an_order_that_several_sites_serve_already_may_have_more_from_all_of_them() {
    let plan = plan_of(
        &want(&[("1", "MUG", 9)]),
        vec![
            site("A", 1, &[("MUG", 1)]),
            site("B", 2, &[("MUG", 2)]),
            site("C", 3, &[("MUG", 3)]),
        ],
        &served_by(&["A", "B"], one_parcel()),
    );
    assert_eq!(
        (found(&plan), lacking(&plan)),
        (vec![("1", "B", 2), ("1", "A", 1)], vec![("1", 6)])
    );
}

#[test]
fn all_or_nothing_takes_nothing_when_a_unit_is_missing_and_says_which() {
    let wish = Wish {
        all_or_nothing: true,
        ..split()
    };
    let sites = || vec![site("A", 1, &[("MUG", 2), ("POT", 1)])];
    let plan = plan_of(&want(&[("1", "MUG", 2), ("2", "POT", 2)]), sites(), &wish);
    assert_eq!((found(&plan), lacking(&plan)), (vec![], vec![("2", 1)]));
    assert_eq!(plan.why, "");
    let plan = plan_of(&want(&[("1", "MUG", 2), ("2", "POT", 1)]), sites(), &wish);
    assert_eq!(plan.missing, []);
}

#[test]
fn lines_of_one_sku_share_what_there_is() {
    let sites = vec![site("A", 1, &[("MUG", 3)])];
    let plan = plan_of(&want(&[("1", "MUG", 2), ("2", "MUG", 2)]), sites, &split());
    assert_eq!(
        (found(&plan), lacking(&plan)),
        (vec![("1", "A", 2), ("2", "A", 1)], vec![("2", 1)])
    );
}

#[test]
fn an_unknown_sku_is_reported_on_its_line_and_the_rest_is_found() {
    let unknown = BTreeSet::from([Sku::from("???")]);
    let demand = want(&[("1", "???", 2), ("2", "MUG", 1)]);
    let plan = plan(
        &demand,
        vec![site("A", 1, &[("MUG", 3)])],
        &split(),
        &unknown,
    );
    assert_eq!(found(&plan), [("2", "A", 1)]);
    let unknown_line = Missing {
        line_id: "1".into(),
        sku: "???".into(),
        quantity: 2,
        unknown_sku: true,
    };
    assert_eq!(plan.missing, [unknown_line]);
}

#[test]
fn without_any_units_everything_is_missing_and_nothing_is_explained() {
    let plan = plan_of(
        &want(&[("1", "MUG", 2)]),
        vec![site("A", 1, &[("MUG", 0)])],
        &split(),
    );
    assert_eq!(
        (found(&plan), lacking(&plan), plan.why.as_str()),
        (vec![], vec![("1", 2)], "")
    );
    let plan = plan_of(&want(&[("1", "MUG", 2)]), vec![], &split());
    assert_eq!(lacking(&plan), [("1", 2)]);
}
