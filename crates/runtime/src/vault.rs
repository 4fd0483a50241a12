//! The vault of a service: its own key store, or intake's over gRPC.

use std::collections::HashMap;

use futures::future::BoxFuture;
use ordo_privacy::{DataKey, KeySource, KeyStore, MasterKeys, PrivacyError, Vault};
use ordo_proto::privacy::GetDataKeysRequest;
use ordo_rpc::{Call, Remote};
use ordo_sql::OpenOptions;

use crate::{config::ServiceConfig, host::HostError};

/// Keys asked for at a time; the key store takes no more.
const KEYS_PER_CALL: usize = 500;

pub(crate) async fn open(
    service: &str,
    config: &ServiceConfig,
    remote: &Remote,
) -> Result<Vault, HostError> {
    let Some(path) = &config.keys.master_key_file else {
        return Ok(Vault::remote(RemoteKeys(remote.clone())));
    };
    let masters = MasterKeys::read(path)?;
    let store = config.keys.store.as_ref().unwrap_or(&config.store);
    let db = store
        .open(&format!("{service}.keys"), OpenOptions::durable())
        .await?;
    Ok(Vault::local(KeyStore::open(db, masters).await?).await?)
}

/// Intake's key store.
struct RemoteKeys(Remote);

impl RemoteKeys {
    async fn ask(
        &self,
        key_ids: &[String],
        purpose: &str,
    ) -> Result<HashMap<String, DataKey>, PrivacyError> {
        let unavailable = |status: tonic::Status| PrivacyError::Unavailable(status.into());
        let mut keys = HashMap::with_capacity(key_ids.len());
        for key_ids in key_ids.chunks(KEYS_PER_CALL) {
            let request = GetDataKeysRequest {
                key_ids: key_ids.to_vec(),
                purpose: purpose.to_owned(),
            };
            let mut client = self.0.key_store(&Call::system()).map_err(unavailable)?;
            let answer = client.get_data_keys(request).await.map_err(unavailable)?;
            for key in answer.into_inner().keys {
                let bytes = <[u8; 32]>::try_from(&key.key[..]).map_err(|_| {
                    PrivacyError::Unavailable(
                        "the key store sent a key that is not 32 bytes".into(),
                    )
                })?;
                keys.insert(key.key_id, DataKey::new(bytes));
            }
        }
        Ok(keys)
    }
}

impl KeySource for RemoteKeys {
    fn fetch<'a>(
        &'a self,
        key_ids: &'a [String],
        purpose: &'a str,
    ) -> BoxFuture<'a, Result<HashMap<String, DataKey>, PrivacyError>> {
        Box::pin(self.ask(key_ids, purpose))
    }
}
