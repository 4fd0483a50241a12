//! The gRPC service `ordo.privacy.v1.KeyStore`.

use std::collections::BTreeMap;

use ordo_event_log::{Command, EventLog, Halt};
use ordo_privacy::Vault;
use ordo_proto::privacy::{
    DataKey, EraseSubjectRequest, EraseSubjectResponse, GetDataKeysRequest, GetDataKeysResponse,
    key_store_server::KeyStore,
};
use ordo_rpc::{Refusal, Violations, shared};
use tonic::{Request, Response, Status};

use super::fields;
use crate::{
    audit::{Audit, Look},
    data_subject::{DataSubject, RecordErasure},
    refusals::KEY_OF_OTHER_TENANT,
};

/// Serves data keys to the other services, and erases people.
#[derive(Clone)]
pub struct KeyStoreService {
    log: EventLog,
    vault: Vault,
    audit: Audit,
}

impl KeyStoreService {
    /// Serves the keys of `vault`; looks are written to `audit`, erasures are recorded in `log`.
    pub fn new(log: EventLog, vault: Vault, audit: Audit) -> Self {
        Self { log, vault, audit }
    }

    async fn keys(
        &self,
        request: Request<GetDataKeysRequest>,
    ) -> Result<GetDataKeysResponse, Status> {
        let identity = ordo_rpc::identity(&request)?;
        let message = request.get_ref();
        let mut violations = Violations::new();
        violations.require(
            message.key_ids.len() <= 500,
            "key_ids",
            "must be at most 500",
        );
        violations.require(!message.purpose.is_empty(), "purpose", "must not be empty");
        fields::require_text(&mut violations, "purpose", &message.purpose, 100);
        violations.finish()?;
        let mut looks: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for key_id in &message.key_ids {
            let tenant = key_id.split_once('/').map_or("", |(tenant, _)| tenant);
            if identity
                .tenant
                .as_ref()
                .is_some_and(|own| own.as_str() != tenant)
            {
                return Err(
                    Refusal::new(&KEY_OF_OTHER_TENANT, KEY_OF_OTHER_TENANT.meaning)
                        .with("key_id", key_id)
                        .into(),
                );
            }
            looks.entry(tenant).or_default().push(key_id.clone());
        }
        for (tenant, subjects) in looks {
            let look = Look {
                actor: identity.subject.clone(),
                tenant: tenant.to_owned(),
                purpose: message.purpose.clone(),
                subjects,
            };
            self.audit.record(look).await.map_err(|error| {
                tracing::error!(%error, "a look at personal data cannot be written down");
                Status::from(Refusal::new(&shared::STORE_UNAVAILABLE, error.to_string()))
            })?;
        }
        let keys = self
            .vault
            .data_keys(&message.key_ids)
            .await
            .map_err(ordo_rpc::status)?;
        let keys = keys.into_iter().map(|(key_id, key)| DataKey {
            key_id,
            key: key.to_vec().into(),
        });
        Ok(GetDataKeysResponse {
            keys: keys.collect(),
        })
    }

    /// The key goes first: should recording fail, nothing can be read all the same, and the next try records it.
    async fn erase(
        &self,
        request: Request<EraseSubjectRequest>,
    ) -> Result<EraseSubjectResponse, Status> {
        let tenant = ordo_rpc::tenant(&request)?;
        let subject = request.get_ref().subject.clone();
        let mut violations = Violations::new();
        violations.require(
            fields::is_code(&subject, 100),
            "subject",
            "must be a customer id, or the id of an order without a customer",
        );
        violations.finish()?;
        let had_key = self
            .vault
            .erase(tenant.as_str(), &subject)
            .await
            .map_err(ordo_rpc::status)?;
        let partition = self.log.partition_for(&tenant, &subject);
        let command: Command = ordo_rpc::command(&request, None, partition)?;
        let recorded = self
            .log
            .execute(command.prefetch::<DataSubject>(&subject), move |unit| {
                let record = RecordErasure {
                    subject: subject.clone(),
                    had_key,
                };
                let done = unit.decide::<DataSubject>(&subject, record);
                done.map(drop)
                    .map_err(|halt| halt.map(|never| match never {}))?;
                Ok::<(), Halt<Refusal>>(())
            });
        recorded.await.map_err(ordo_rpc::status)?;
        tracing::info!(%tenant, erased = had_key, "a person's data was erased");
        Ok(EraseSubjectResponse { erased: had_key })
    }
}

#[tonic::async_trait]
impl KeyStore for KeyStoreService {
    async fn get_data_keys(
        &self,
        request: Request<GetDataKeysRequest>,
    ) -> Result<Response<GetDataKeysResponse>, Status> {
        self.keys(request).await.map(Response::new)
    }

    async fn erase_subject(
        &self,
        request: Request<EraseSubjectRequest>,
    ) -> Result<Response<EraseSubjectResponse>, Status> {
        self.erase(request).await.map(Response::new)
    }
}
