#![allow(clippy::unwrap_used)]

use ordo_proto::ops::ListParkedRequest;
use tonic::Code;

use super::*;

fn query(reaction: &str) -> ListParkedRequest {
    ListParkedRequest {
        reaction: reaction.into(),
        page: None,
    }
}

fn page(token: String) -> Page {
    Page { size: 0, token }
}

#[test]
fn a_token_gives_its_key_back() {
    let token = next_page_token(&("o-1", 42_i64), &query("reserve"));
    let key: Option<(String, i64)> = page_key(Some(&page(token)), &query("reserve")).unwrap();
    assert_eq!(key, Some(("o-1".to_owned(), 42)));
}

#[test]
fn the_first_page_has_no_key() {
    assert_eq!(page_key::<String>(None, &query("x")).unwrap(), None);
    assert_eq!(
        page_key::<String>(Some(&page(String::new())), &query("x")).unwrap(),
        None
    );
}

#[test]
fn a_token_of_another_query_or_a_made_up_one_is_refused() {
    let token = next_page_token(&"o-1", &query("reserve"));
    for (token, asked) in [
        (token, query("other")),
        ("bm8".to_owned(), query("reserve")),
        ("!".to_owned(), query("reserve")),
    ] {
        let status = page_key::<String>(Some(&page(token)), &asked).unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument);
    }
}

#[test]
fn the_page_size_has_a_default_and_a_limit() {
    let mut violations = Violations::new();
    assert_eq!(page_size(None, &mut violations), 50);
    assert_eq!(
        page_size(
            Some(&Page {
                size: 500,
                token: String::new()
            }),
            &mut violations
        ),
        500
    );
    assert!(violations.is_empty());
    page_size(
        Some(&Page {
            size: 501,
            token: String::new(),
        }),
        &mut violations,
    );
    assert!(!violations.is_empty());
}
