//! Why these sites, in a sentence.

use super::{Candidate, Choice, Rule, Wish, nearness};

pub(super) fn explain(choice: &Choice<'_>, wish: &Wish) -> String {
    let names = choice
        .sites
        .iter()
        .map(|site| site.site_id.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let qualities = choice
        .sites
        .first()
        .map(|site| qualities(site, wish))
        .unwrap_or_default();
    if wish.site_id.is_some() {
        return format!("the order names {names}");
    }
    match choice.rule {
        Rule::OneHasAll => format!("{names} has everything: one parcel; {qualities}"),
        Rule::TwoHaveAll => format!(
            "no single site has everything, {names} have it together: two parcels; first {qualities}"
        ),
        Rule::Most if choice.sites.len() == 1 => {
            format!("{names} is the only site that has any; {qualities}")
        }
        Rule::Most => format!(
            "taken from {names} in turn, each having most of what was left; first {qualities}"
        ),
        Rule::MostOfOne => format!("one parcel only, and {names} has most; {qualities}"),
    }
}

fn qualities(site: &Candidate, wish: &Wish) -> String {
    let near = match nearness(&site.region, &wish.region) {
        3 => "same city",
        2 => "same province",
        1 => "same country",
        _ => "no nearer site known",
    };
    let already = if wish.is_served_by(site) {
        "serves the order already, "
    } else {
        ""
    };
    format!("{already}{near}, priority {}", site.priority)
}
