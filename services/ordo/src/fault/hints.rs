//! What a service says to do next, in commands: services name the methods of their contracts.

use std::borrow::Cow;

/// The command that does what a method does, as far as there is one.
const COMMANDS: &[(&str, &str)] = &[
    ("AmendAddress", "order address"),
    ("AssignTracking", "work assign"),
    ("CancelFulfilment", "work cancel"),
    ("CancelOrder", "order cancel"),
    ("CompleteInformation", "order complete"),
    ("Decide", "case approve"),
    ("DropParked", "parked drop"),
    ("GetAvailability", "stock show"),
    ("GetCase", "case show"),
    ("GetFulfilmentOrder", "work show"),
    ("GetOrder", "order show"),
    ("GetParcel", "work parcel"),
    ("GetSku", "catalogue show"),
    ("GetTimeline", "order timeline"),
    ("ListCases", "case list"),
    ("ListMovements", "stock movements"),
    ("ListOrders", "order list"),
    ("ListParked", "parked list"),
    ("ListSites", "catalogue sites"),
    ("ListWork", "work list"),
    ("PutSite", "catalogue site"),
    ("PutSku", "catalogue sku"),
    ("RecordCheck", "work check"),
    ("RecordPayment", "order pay"),
    ("RecordPick", "work pick"),
    ("RefundPayment", "order refund"),
    ("ReleaseHold", "order release"),
    ("ReplayParked", "parked replay"),
    ("StartPicking", "work pick"),
];

/// The option that sets a field of a request, where a way out names the field.
const OPTIONS: &[(&str, &str)] = &[("take_over", "--take-over")];

/// `text` with the commands in the place of the methods' names.
pub fn in_commands(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric()) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (word, after) = from.split_at(end.unwrap_or(from.len()));
        told.push_str(before);
        told.push_str(&in_command(word));
        rest = after;
    }
    told + rest
}

fn in_command(word: &str) -> Cow<'_, str> {
    if let Some((_, command)) = COMMANDS.iter().find(|(method, _)| *method == word) {
        return format!("`ordo {command}`").into();
    }
    match OPTIONS.iter().find(|(field, _)| *field == word) {
        Some((_, option)) => (*option).into(),
        None => word.into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{collections::BTreeSet, fs, path::Path};

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    /// Named by ways out, without a command.
    const WITHOUT_COMMAND: [&str; 3] = ["GetPurchase", "GetReservation", "PutProduct"];

    #[test]
    fn methods_are_told_as_commands_and_other_words_stay() {
        assert_eq!(
            in_commands("Check the id; GetOrder, or ListOrders finds it."),
            "Check the id; `ordo order show`, or `ordo order list` finds it."
        );
        assert_eq!(
            in_commands("Leave it to them, or set `take_over`."),
            "Leave it to them, or set `--take-over`."
        );
        for same in [
            "",
            "GetOrderSoon",
            "PutProduct first: \u{5355}.",
            "Decided.",
        ] {
            assert_eq!(in_commands(same), same);
        }
    }

    #[test]
    fn every_command_that_is_named_exists() {
        for (method, path) in COMMANDS {
            let mut at = &Cli::command();
            for name in path.split(' ') {
                let found = at
                    .get_subcommands()
                    .find(|command| command.get_name() == name);
                at = found.unwrap_or_else(|| panic!("{method}: there is no `ordo {path}`"));
            }
        }
    }

    #[test]
    fn every_method_that_a_way_out_names_is_told_as_a_command_or_has_none() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut methods = BTreeSet::new();
        for service in ["intake", "inventory", "fulfilment", "aftersales"] {
            let contract = root.join(format!("proto/ordo/{service}/v1/service.proto"));
            for line in fs::read_to_string(contract).unwrap().lines() {
                let name = line
                    .trim()
                    .strip_prefix("rpc ")
                    .and_then(|rest| rest.split('(').next());
                methods.extend(name.map(str::to_owned));
            }
        }
        // Those of one word, such as `Pack`, are plain English in a sentence.
        methods.retain(|name| name.chars().filter(char::is_ascii_uppercase).count() > 1);
        assert!(methods.len() > 40, "{methods:?}");
        let errors = fs::read_to_string(root.join("docs/ERRORS.md")).unwrap();
        let ways_out = errors.lines().filter(|line| line.starts_with("| `"));
        let ways_out =
            ways_out.filter_map(|line| line.trim_end_matches([' ', '|']).rsplit(" | ").next());
        for way_out in ways_out {
            for word in in_commands(way_out).split(|c: char| !c.is_ascii_alphanumeric()) {
                assert!(
                    !methods.contains(word) || WITHOUT_COMMAND.contains(&word),
                    "{word} of `{way_out}` has no command here"
                );
            }
        }
    }
}
