//! Page sizes and opaque page tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ordo_proto::types::Page;
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tonic::Status;

use crate::{
    reason::PAGE_TOKEN_INVALID,
    refusal::{Refusal, status},
    violations::Violations,
};

/// Rows when the request says 0.
pub const DEFAULT_PAGE_SIZE: u32 = 50;
/// Most rows that a page may have.
pub const MAX_PAGE_SIZE: u32 = 500;

/// The number of rows that `page` asks for: 1 to 500, 50 when absent or 0.
pub fn page_size(page: Option<&Page>, violations: &mut Violations) -> u32 {
    match page.map_or(0, |page| page.size) {
        0 => DEFAULT_PAGE_SIZE,
        size => {
            violations.require(size <= MAX_PAGE_SIZE, "page.size", "must be at most 500");
            size.min(MAX_PAGE_SIZE)
        }
    }
}

/// The token that leads to the rows after `key`: the sort key of the page's last row. `query` is the request with its page
/// and consistency token cleared; the token is only good for that query.
pub fn next_page_token(key: &impl Serialize, query: &impl prost::Message) -> String {
    let mut bytes = digest(query).to_vec();
    // A key is a tuple of texts and integers, which always serialise.
    bytes.extend(serde_json::to_vec(key).unwrap_or_default());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The sort key inside a page token; `None` for the first page. Fails with `PAGE_TOKEN_INVALID` when the token is not one
/// of this query.
pub fn page_key<K: DeserializeOwned>(
    page: Option<&Page>,
    query: &impl prost::Message,
) -> Result<Option<K>, Status> {
    let Some(token) = page
        .map(|page| page.token.as_str())
        .filter(|token| !token.is_empty())
    else {
        return Ok(None);
    };
    let invalid = || {
        status(Refusal::new(
            &PAGE_TOKEN_INVALID,
            "the page token does not belong to this query",
        ))
    };
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
    let (seal, key) = bytes.split_at_checked(8).ok_or_else(invalid)?;
    if seal != digest(query) {
        return Err(invalid());
    }
    serde_json::from_slice(key).map(Some).map_err(|_| invalid())
}

fn digest(query: &impl prost::Message) -> [u8; 8] {
    let full = Sha256::digest(query.encode_to_vec());
    let mut short = [0; 8];
    short.copy_from_slice(&full[..8]);
    short
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
