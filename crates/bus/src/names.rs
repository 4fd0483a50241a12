//! Names of streams and subjects.

use std::fmt::Write as _;

use ordo_event_log::RecordedEvent;

/// The stream that holds a partition, for example `ORDO_INTAKE_0`.
pub fn stream(prefix: &str, service: &str, partition: u32) -> String {
    let mut name = String::with_capacity(prefix.len() + service.len() + 8);
    for part in [prefix, service] {
        name.extend(part.chars().map(|c| match c {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => c.to_ascii_uppercase(),
            _ => '_',
        }));
        name.push('_');
    }
    let _ = write!(name, "{partition}");
    name
}

/// What the stream of a partition takes, for example `ordo.intake.0.>`.
pub fn partition_subjects(prefix: &str, service: &str, partition: u32) -> String {
    format!("{prefix}.{service}.{partition}.>")
}

/// An event's subject, for example `ordo.intake.0.acme.order.01jq….OrderPlaced`: one filter picks a tenant, a kind of
/// stream, one stream or a type of event. Bytes that mean something in subjects are escaped as `%2E`.
pub fn subject(prefix: &str, service: &str, event: &RecordedEvent) -> String {
    let mut subject = format!("{prefix}.{service}.{}", event.partition);
    for token in [
        event.tenant.as_str(),
        &event.stream.aggregate,
        &event.stream.id,
        event.short_type(),
    ] {
        subject.push('.');
        push_token(&mut subject, token);
    }
    subject
}

/// One token of a subject: letters, digits, `-`, `_` and `~` as they are, every other byte as `%` and two hex digits. An
/// empty text becomes a single `%`, because a subject has no empty tokens.
pub fn push_token(subject: &mut String, text: &str) {
    if text.is_empty() {
        subject.push('%');
    }
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                subject.push(char::from(byte));
            }
            _ => {
                let _ = write!(subject, "%{byte:02X}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> String {
        let mut token = String::new();
        push_token(&mut token, text);
        token
    }

    #[test]
    fn a_stream_is_named_after_service_and_partition() {
        assert_eq!(stream("ordo", "intake", 3), "ORDO_INTAKE_3");
        assert_eq!(stream("ordo", "a.b c", 0), "ORDO_A_B_C_0");
    }

    #[test]
    fn bytes_that_mean_something_in_subjects_are_escaped() {
        assert_eq!(token("sku-1_A~"), "sku-1_A~");
        assert_eq!(token("a.b"), "a%2Eb");
        assert_eq!(token("* > %"), "%2A%20%3E%20%25");
        assert_eq!(token("红"), "%E7%BA%A2");
        assert_eq!(token(""), "%");
    }

    #[test]
    fn different_texts_never_share_a_token() {
        let texts = ["", "%", "%25", ".", "%2E", "a", "A", " ", "\n"];
        let mut tokens: Vec<String> = texts.iter().map(|text| token(text)).collect();
        tokens.sort();
        tokens.dedup();
        assert_eq!(tokens.len(), texts.len());
    }
}
