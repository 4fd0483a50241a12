//! The vault over real key stores, SQLite and Postgres.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashMap;

use futures::future::{BoxFuture, join_all};
use ordo_privacy::{DataKey, KeyStore, MasterKeys, PrivacyError, Vault, vault::KeySource};
use ordo_proto::types::{Contact, Sealed};
use ordo_sql::OpenOptions;
use ordo_testkit::{TestStore, stores};

const MASTER: &str = "1111111111111111111111111111111111111111111111111111111111111111";

async fn vault(store: &TestStore) -> Vault {
    let db = store
        .store_url()
        .open("keys", OpenOptions::durable())
        .await
        .unwrap();
    let keys = KeyStore::open(db, MasterKeys::parse(MASTER).unwrap())
        .await
        .unwrap();
    Vault::local(keys).await.unwrap()
}

fn jane() -> Contact {
    Contact {
        name: "Jane Doe".into(),
        phone: "+44 20 7946 0958".into(),
        email: String::new(),
    }
}

#[tokio::test]
async fn what_one_vault_seals_another_over_the_same_store_opens() {
    for store in stores().await.unwrap() {
        let sealed = vault(&store)
            .await
            .seal("shop", "c1", "contact", &jane())
            .await
            .unwrap();
        let opened: Option<Contact> = vault(&store)
            .await
            .open(&sealed, "contact", "label")
            .await
            .unwrap();
        assert_eq!(opened, Some(jane()), "{}", store.name);
    }
}

#[tokio::test]
async fn a_subject_has_one_key_however_many_ask_at_once() {
    for store in stores().await.unwrap() {
        let (one, two) = (vault(&store).await, vault(&store).await);
        let contact = jane();
        let sealed = join_all((0..64).map(|n| {
            let vault = if n % 2 == 0 { &one } else { &two };
            vault.seal("shop", "c1", "contact", &contact)
        }))
        .await;
        let ids: Vec<String> = sealed.into_iter().map(|s| s.unwrap().key_id).collect();
        assert!(
            ids.iter().all(|id| *id == ids[0]),
            "{}: {ids:?}",
            store.name
        );
    }
}

#[tokio::test]
async fn after_erasure_old_data_is_gone_and_new_data_has_a_new_key() {
    for store in stores().await.unwrap() {
        let vault = vault(&store).await;
        let before = vault.seal("shop", "c1", "contact", &jane()).await.unwrap();
        let other = vault.seal("shop", "c2", "contact", &jane()).await.unwrap();
        // From here on the keys are in memory.
        for sealed in [&before, &other] {
            let opened: Option<Contact> = vault.open(sealed, "contact", "label").await.unwrap();
            assert_eq!(opened, Some(jane()), "{}", store.name);
        }
        assert!(vault.erase("shop", "c1").await.unwrap());
        assert!(!vault.erase("shop", "c1").await.unwrap());

        let gone: Option<Contact> = vault.open(&before, "contact", "label").await.unwrap();
        assert_eq!(gone, None, "{}", store.name);
        let kept: Option<Contact> = vault.open(&other, "contact", "label").await.unwrap();
        assert_eq!(kept, Some(jane()));
        let after = vault.seal("shop", "c1", "contact", &jane()).await.unwrap();
        assert_ne!(after.key_id, before.key_id);
    }
}

#[tokio::test]
async fn many_are_opened_in_order_with_erased_ones_absent() {
    for store in stores().await.unwrap() {
        let vault = vault(&store).await;
        let mut sealed: Vec<Sealed> = Vec::new();
        for subject in ["a", "b", "c"] {
            sealed.push(
                vault
                    .seal("shop", subject, "contact", &jane())
                    .await
                    .unwrap(),
            );
        }
        vault.erase("shop", "b").await.unwrap();
        let opened: Vec<Option<Contact>> =
            vault.open_many(&sealed, "contact", "list").await.unwrap();
        assert_eq!(opened, [Some(jane()), None, Some(jane())], "{}", store.name);
    }
}

#[tokio::test]
async fn one_subject_of_two_tenants_has_two_keys() {
    for store in stores().await.unwrap() {
        let vault = vault(&store).await;
        let one = vault.seal("shop", "c1", "contact", &jane()).await.unwrap();
        let two = vault.seal("other", "c1", "contact", &jane()).await.unwrap();
        assert_ne!(one.key_id, two.key_id);
        vault.erase("shop", "c1").await.unwrap();
        assert!(
            vault
                .open::<Contact>(&two, "contact", "x")
                .await
                .unwrap()
                .is_some()
        );
    }
}

#[tokio::test]
async fn blind_indexes_agree_between_vaults_and_differ_between_tenants_and_kinds() {
    for store in stores().await.unwrap() {
        let (one, two) = (vault(&store).await, vault(&store).await);
        let index = one
            .blind_index("shop", "phone", "+86 138-0013-8000")
            .unwrap();
        assert_eq!(
            index,
            two.blind_index("shop", "phone", "13800138000").unwrap()
        );
        assert_eq!(index.len(), 32);
        assert_ne!(
            index,
            one.blind_index("other", "phone", "13800138000").unwrap()
        );
        assert_ne!(
            index,
            one.blind_index("shop", "name", "13800138000").unwrap()
        );
        assert_eq!(
            one.fingerprint("shop", b"x").unwrap(),
            two.fingerprint("shop", b"x").unwrap()
        );
    }
}

/// Another service's vault, in one process.
struct Peer(Vault);

impl KeySource for Peer {
    fn fetch<'a>(
        &'a self,
        key_ids: &'a [String],
        _purpose: &'a str,
    ) -> BoxFuture<'a, Result<HashMap<String, DataKey>, PrivacyError>> {
        Box::pin(self.0.data_keys(key_ids))
    }
}

#[tokio::test]
async fn a_vault_without_keys_of_its_own_opens_but_does_not_seal_or_erase() {
    for store in stores().await.unwrap() {
        let owner = vault(&store).await;
        let sealed = owner.seal("shop", "c1", "contact", &jane()).await.unwrap();
        let remote = Vault::remote(Peer(owner));
        let opened: Option<Contact> = remote.open(&sealed, "contact", "label").await.unwrap();
        assert_eq!(opened, Some(jane()));
        assert!(matches!(
            remote.seal("shop", "c1", "contact", &jane()).await,
            Err(PrivacyError::NoKeyStore)
        ));
        assert!(matches!(
            remote.erase("shop", "c1").await,
            Err(PrivacyError::NoKeyStore)
        ));
        assert!(matches!(
            remote.blind_index("shop", "phone", "1"),
            Err(PrivacyError::NoKeyStore)
        ));
        assert!(matches!(
            remote.data_keys(&[]).await,
            Err(PrivacyError::NoKeyStore)
        ));
    }
}

#[tokio::test]
async fn the_store_holds_no_key_in_clear() {
    let store = ordo_testkit::sqlite().unwrap();
    let vault = vault(&store).await;
    let sealed = vault.seal("shop", "c1", "contact", &jane()).await.unwrap();
    let keys = vault
        .data_keys(std::slice::from_ref(&sealed.key_id))
        .await
        .unwrap();
    let key = &keys[&sealed.key_id];
    let folder = store.url.trim_start_matches("sqlite://");
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(32).any(|window| window == &key[..]));
    }
}
