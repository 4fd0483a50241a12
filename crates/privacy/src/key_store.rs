//! The table of wrapped data keys, with group commit.
//!
//! A store of its own, apart from the log, with its own short-lived backups: a backup of the log alone never brings an erased
//! person back. Keys that are asked for while one commit is in flight are written together by the next one, so that many new
//! customers at once share a round of fsync. A key is durable before anything is sealed under it.

use std::{collections::HashMap, sync::Arc};

use ordo_crash_point::{CrashPoint, during, reach};
use ordo_sql::{Db, Value};
use tokio::sync::{mpsc, oneshot};

use crate::{DataKey, MasterKeys, PrivacyError, cipher, master::WrappedKey};

/// Most new keys in one commit.
const LARGEST_BATCH: usize = 256;

/// Requests that may wait for the writer.
const QUEUE: usize = 4096;

const SCHEMA: &[&str] = &[
    "create table if not exists data_keys (
        key_id text primary key,
        tenant text not null,
        subject text not null,
        master_id text not null,
        wrapped bytea not null
    )",
    "create unique index if not exists data_keys_by_subject on data_keys (tenant, subject)",
];

/// In the order in which rows are read and written.
const COLUMNS: &[&str] = &["key_id", "master_id", "wrapped", "tenant", "subject"];

/// A data key with its id.
#[derive(Clone)]
pub struct NamedKey {
    /// `<tenant>/<subject>/<8 hexadecimal digits>`: a subject that comes back after an erasure gets a new id.
    pub key_id: Arc<str>,
    /// The key.
    pub key: DataKey,
}

/// Owner of the data keys. Clones share one writer.
#[derive(Clone)]
pub struct KeyStore {
    db: Db,
    masters: Arc<MasterKeys>,
    requests: mpsc::Sender<Request>,
}

struct Request {
    subject: Subject,
    answer: oneshot::Sender<Result<NamedKey, Arc<PrivacyError>>>,
}

type Subject = (String, String);

impl KeyStore {
    /// Creates the table where it is missing and starts the writer, which ends with the last clone.
    pub async fn open(db: Db, masters: MasterKeys) -> Result<Self, PrivacyError> {
        for statement in SCHEMA {
            db.execute(statement, &[]).await.map_err(unavailable)?;
        }
        let masters = Arc::new(masters);
        let (requests, queue) = mpsc::channel(QUEUE);
        tokio::spawn(write(db.clone(), Arc::clone(&masters), queue));
        Ok(Self {
            db,
            masters,
            requests,
        })
    }

    /// The subject's key, made and stored when there is none.
    pub async fn key_of(&self, tenant: &str, subject: &str) -> Result<NamedKey, PrivacyError> {
        let (answer, verdict) = oneshot::channel();
        let request = Request {
            subject: (tenant.to_owned(), subject.to_owned()),
            answer,
        };
        self.requests.send(request).await.map_err(unavailable)?;
        verdict
            .await
            .map_err(unavailable)?
            .map_err(|shared| PrivacyError::Unavailable(Box::new(shared)))
    }

    /// The keys that exist among `key_ids`; erased ones are absent.
    pub async fn keys(&self, key_ids: &[String]) -> Result<HashMap<String, DataKey>, PrivacyError> {
        let ids = key_ids.iter().map(|id| vec![id.as_str().into()]).collect();
        let rows = self
            .db
            .fetch_by_keys("data_keys", COLUMNS, &["key_id"], ids)
            .await
            .map_err(unavailable)?;
        rows.iter()
            .map(|row| {
                let named = unwrap(&self.masters, row)?;
                Ok((named.key_id.to_string(), named.key))
            })
            .collect()
    }

    /// Destroys every key of the subject. False when there was none.
    pub async fn erase(&self, tenant: &str, subject: &str) -> Result<bool, PrivacyError> {
        let gone = self
            .db
            .execute(
                "delete from data_keys where tenant = $1 and subject = $2",
                &[tenant.into(), subject.into()],
            )
            .await
            .map_err(unavailable)?;
        Ok(gone > 0)
    }
}

/// Takes what waits, looks the subjects up, stores keys for the new ones in one commit, answers.
async fn write(db: Db, masters: Arc<MasterKeys>, mut queue: mpsc::Receiver<Request>) {
    let mut batch = Vec::with_capacity(LARGEST_BATCH);
    while queue.recv_many(&mut batch, LARGEST_BATCH).await > 0 {
        let mut subjects: Vec<Subject> = batch.iter().map(|r| r.subject.clone()).collect();
        subjects.sort_unstable();
        subjects.dedup();
        match keys_for(&db, &masters, &subjects).await {
            Ok(keys) => {
                for request in batch.drain(..) {
                    let answer = keys
                        .get(&request.subject)
                        .cloned()
                        .ok_or_else(|| Arc::new(PrivacyError::NoKeyStore));
                    // A caller that stopped waiting needs no answer.
                    let _ = request.answer.send(answer);
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for request in batch.drain(..) {
                    let _ = request.answer.send(Err(Arc::clone(&error)));
                }
            }
        }
    }
}

async fn keys_for(
    db: &Db,
    masters: &MasterKeys,
    subjects: &[Subject],
) -> Result<HashMap<Subject, NamedKey>, PrivacyError> {
    let mut keys = stored(db, masters, subjects).await?;
    let missing: Vec<Subject> = subjects
        .iter()
        .filter(|subject| !keys.contains_key(*subject))
        .cloned()
        .collect();
    if missing.is_empty() {
        return Ok(keys);
    }
    let mut made = Vec::with_capacity(missing.len());
    let mut rows = Vec::with_capacity(missing.len());
    for (tenant, subject) in &missing {
        let suffix = hex::encode(cipher::random::<4>()?);
        let key_id = format!("{tenant}/{subject}/{suffix}");
        let key = DataKey::new(cipher::random()?);
        let wrapped = masters.wrap(&key_id, &key)?;
        rows.push(vec![
            Value::from(key_id.as_str()),
            Value::from(wrapped.master_id),
            Value::from(wrapped.bytes),
            Value::from(tenant.as_str()),
            Value::from(subject.as_str()),
        ]);
        made.push(NamedKey {
            key_id: key_id.into(),
            key,
        });
    }
    reach(CrashPoint::KeyMade);
    let insert = db.insert_many(
        "insert into data_keys",
        COLUMNS,
        rows,
        "on conflict do nothing",
    );
    let inserted = during(CrashPoint::KeyCommitUnderWay, insert)
        .await
        .map_err(unavailable)?;
    reach(CrashPoint::KeyWritten);
    if inserted == missing.len() as u64 {
        keys.extend(missing.into_iter().zip(made));
    } else {
        // Another replica has made a key for one of them meanwhile: the first one stands.
        keys.extend(stored(db, masters, &missing).await?);
    }
    Ok(keys)
}

async fn stored(
    db: &Db,
    masters: &MasterKeys,
    subjects: &[Subject],
) -> Result<HashMap<Subject, NamedKey>, PrivacyError> {
    let wanted = subjects
        .iter()
        .map(|(tenant, subject)| vec![tenant.as_str().into(), subject.as_str().into()])
        .collect();
    let rows = db
        .fetch_by_keys("data_keys", COLUMNS, &["tenant", "subject"], wanted)
        .await
        .map_err(unavailable)?;
    rows.iter()
        .map(|row| {
            let subject = (
                row.text(3).map_err(unavailable)?,
                row.text(4).map_err(unavailable)?,
            );
            Ok((subject, unwrap(masters, row)?))
        })
        .collect()
}

/// From a row of key_id, master_id, wrapped.
fn unwrap(masters: &MasterKeys, row: &ordo_sql::Row) -> Result<NamedKey, PrivacyError> {
    let key_id = row.text(0).map_err(unavailable)?;
    let wrapped = WrappedKey {
        master_id: row.text(1).map_err(unavailable)?,
        bytes: row.bytes(2).map_err(unavailable)?,
    };
    Ok(NamedKey {
        key: masters.unwrap(&key_id, &wrapped)?,
        key_id: key_id.into(),
    })
}

pub(crate) fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> PrivacyError {
    PrivacyError::Unavailable(Box::new(error))
}
