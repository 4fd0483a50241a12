//! docs/EVENTS.md lists every event and every field of `proto/*/events.proto`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use ordo_proto::{FILE_DESCRIPTOR_SET, json::POOL};
use prost::Message as _;
use prost_reflect::{EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use prost_types::FileDescriptorSet;

const BEGIN: &str = "<!-- generated: events -->\n";
const END: &str = "<!-- end -->";

#[test]
fn the_document_lists_every_event_with_its_fields() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/EVENTS.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let wanted = format!("{BEGIN}{}{END}", catalogue());
    if document.contains(&wanted) {
        return;
    }
    if std::env::var_os("UPDATE_DOCS").is_none() {
        panic!("docs/EVENTS.md is out of date; run this test again with UPDATE_DOCS=1");
    }
    let written = match (document.find(BEGIN), document.find(END)) {
        (Some(from), Some(to)) => format!(
            "{}{wanted}{}",
            &document[..from],
            &document[to + END.len()..]
        ),
        _ => format!("{document}{wanted}\n"),
    };
    std::fs::write(&path, written).unwrap();
}

#[test]
fn the_catalogue_knows_events_from_values() {
    let catalogue = catalogue();
    for event in [
        "OrderPlaced",
        "StockReserved",
        "FulfilmentOrderOpened",
        "CaseOpened",
    ] {
        assert!(catalogue.contains(&format!("\n**`{event}`**")), "{event}");
    }
    for value in ["WorkLine", "Hold", "Money"] {
        assert!(catalogue.contains(&format!("\n*`{value}`*")), "{value}");
    }
}

fn catalogue() -> String {
    let mut out = String::new();
    let mut files: Vec<_> = POOL
        .files()
        .filter(|file| file.name().ends_with("/events.proto"))
        .collect();
    files.sort_by_key(|file| {
        ["intake", "inventory", "fulfilment", "aftersales"]
            .iter()
            .position(|service| file.name().contains(service))
    });
    assert_eq!(files.len(), 4);
    for file in files {
        let service = file.package_name().split('.').nth(1).unwrap();
        let _ = writeln!(out, "\n### {service} (`{}`)\n", file.package_name());
        let _ = writeln!(out, "{}", Comments::of(&file).at(&[2]));
        let used = used_as_values(&file);
        for message in file
            .messages()
            .filter(|message| !used.contains(message.full_name()))
        {
            describe(&mut out, &message, "**");
        }
        let _ = writeln!(out, "\n#### Values in {service}'s events");
        for message in file
            .messages()
            .filter(|message| used.contains(message.full_name()))
        {
            describe(&mut out, &message, "*");
        }
        for kind in file.enums() {
            list(&mut out, &kind);
        }
    }
    let _ = writeln!(out, "\n### Shared values (`ordo.type.v1`)");
    let shared = POOL.get_file_by_name("ordo/type/v1/type.proto").unwrap();
    for message in shared.messages() {
        describe(&mut out, &message, "*");
    }
    for kind in shared.enums() {
        list(&mut out, &kind);
    }
    out
}

/// Messages that are fields of others are values; what nothing else holds is an event.
fn used_as_values(file: &FileDescriptor) -> BTreeSet<String> {
    let fields = file
        .messages()
        .flat_map(|message| message.fields().collect::<Vec<_>>());
    fields
        .filter_map(|field| match field.kind() {
            Kind::Message(message) => Some(message.full_name().to_owned()),
            _ => None,
        })
        .collect()
}

fn describe(out: &mut String, message: &MessageDescriptor, mark: &str) {
    let file = message.parent_file();
    let comments = Comments::of(&file);
    let index = file.messages().position(|other| other == *message).unwrap() as i32;
    let _ = writeln!(
        out,
        "\n{}",
        format!(
            "{mark}`{}`{mark} {}",
            message.name(),
            comments.at(&[4, index])
        )
        .trim_end()
    );
    let fields: Vec<_> = message.fields().collect();
    if fields.is_empty() {
        return;
    }
    out.push('\n');
    for field in fields {
        // Fields are numbered by their place in the file there, and by their tag here.
        let declared = message.descriptor_proto().field.iter();
        let place = declared
            .clone()
            .position(|other| other.number() == field.number() as i32)
            .unwrap() as i32;
        let comment = comments.at(&[4, index, 2, place]);
        let comment = if comment.is_empty() {
            comment
        } else {
            format!(": {comment}")
        };
        let _ = writeln!(out, "- `{}` {}{comment}", field.name(), type_of(&field));
    }
}

fn list(out: &mut String, kind: &EnumDescriptor) {
    let file = kind.parent_file();
    let comments = Comments::of(&file);
    let index = file.enums().position(|other| other == *kind).unwrap() as i32;
    let heading = format!("*`{}`* {}", kind.name(), comments.at(&[5, index]));
    let _ = writeln!(out, "\n{}\n", heading.trim_end());
    for (place, value) in kind.values().enumerate().skip(1) {
        let comment = comments.at(&[5, index, 2, place as i32]);
        let comment = if comment.is_empty() {
            comment
        } else {
            format!(": {comment}")
        };
        let _ = writeln!(out, "- `{}` = {}{comment}", value.name(), value.number());
    }
}

fn type_of(field: &FieldDescriptor) -> String {
    let name = match field.kind() {
        Kind::Message(message) if message.is_map_entry() => return "map".to_owned(),
        Kind::Message(message) => message.name().to_owned(),
        Kind::Enum(kind) => kind.name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    };
    if field.is_list() {
        format!("list of {name}")
    } else {
        name
    }
}

/// Comments of one file, from its source information.
struct Comments(Vec<(Vec<i32>, String)>);

impl Comments {
    fn of(file: &FileDescriptor) -> Self {
        let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
        let found = set
            .file
            .into_iter()
            .find(|other| other.name() == file.name())
            .unwrap();
        let locations = found
            .source_code_info
            .expect("descriptors keep comments")
            .location;
        Self(
            locations
                .into_iter()
                .map(|location| {
                    let text = location.leading_comments().replace('|', "\\|");
                    let words: Vec<_> = text.split_whitespace().collect();
                    (location.path, words.join(" "))
                })
                .collect(),
        )
    }

    fn at(&self, path: &[i32]) -> String {
        self.0
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, text)| text.clone())
            .unwrap_or_default()
    }
}
