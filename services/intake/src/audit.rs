//! Who looked at whose personal data, when and why: written before the data is handed out.

use std::sync::Arc;

use ordo_event_log::Timestamp;
use ordo_projection::Db;
use ordo_sql::{OpenOptions, SqlError, StoreUrl, Value};
use tokio::sync::{mpsc, oneshot};

/// Looks written in one go.
const BATCH: usize = 256;

const SCHEMA: &str = "create table if not exists look (
    time bigint not null, actor text not null, tenant text not null, purpose text not null, subject text not null)";
const BY_SUBJECT: &str = "create index if not exists look_subject on look (subject, time)";

/// One look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// Subject of the caller's token.
    pub actor: String,
    /// Whose shop.
    pub tenant: String,
    /// Why.
    pub purpose: String,
    /// Key ids of data that was opened.
    pub subjects: Vec<String>,
}

/// The audit trail. Cheap to clone. Looks that come together are written together.
#[derive(Clone)]
pub struct Audit {
    queue: mpsc::Sender<Waiting>,
    db: Db,
}

/// The audit trail cannot be written: nothing is handed out.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database refuses.
    #[error("the audit trail cannot be written")]
    Sql(#[source] Arc<SqlError>),
    /// The service is ending.
    #[error("the audit trail is closed")]
    Closed,
}

impl Audit {
    /// Opens the trail in database `intake.audit`.
    pub async fn open(store: &StoreUrl) -> Result<Self, SqlError> {
        let db = store.open("intake.audit", OpenOptions::durable()).await?;
        db.execute(SCHEMA, &[]).await?;
        db.execute(BY_SUBJECT, &[]).await?;
        let (queue, looks) = mpsc::channel(4 * BATCH);
        tokio::spawn(write(db.clone(), looks));
        Ok(Self { queue, db })
    }

    /// Writes a look down; when this answers, it is lasting.
    pub async fn record(&self, look: Look) -> Result<(), AuditError> {
        if look.subjects.is_empty() {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        self.queue
            .send((look, done))
            .await
            .map_err(|_| AuditError::Closed)?;
        answer
            .await
            .map_err(|_| AuditError::Closed)?
            .map_err(AuditError::Sql)
    }

    /// Looks at one person's data, newest first: actor, purpose and time.
    pub async fn looks(
        &self,
        key_id: &str,
        limit: u32,
    ) -> Result<Vec<(String, String, Timestamp)>, SqlError> {
        let rows = self
            .db
            .fetch_all(
                "select actor, purpose, time from look where subject = $1 order by time desc limit cast($2 as bigint)",
                &ordo_sql::params![key_id, limit],
            )
            .await?;
        rows.iter()
            .map(|row| Ok((row.text(0)?, row.text(1)?, Timestamp(row.i64(2)?))))
            .collect()
    }
}

type Waiting = (Look, oneshot::Sender<Result<(), Arc<SqlError>>>);

async fn write(db: Db, mut looks: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    while looks.recv_many(&mut batch, BATCH).await > 0 {
        let written = insert(&db, &batch).await.map_err(Arc::new);
        for (_, done) in batch.drain(..) {
            // Nobody waits any more: the look is written all the same.
            let _ = done.send(written.clone());
        }
    }
}

async fn insert(db: &Db, batch: &[Waiting]) -> Result<(), SqlError> {
    let now = Timestamp::now().0;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (look, _) in batch {
        for subject in &look.subjects {
            rows.push(
                ordo_sql::params![now, &look.actor, &look.tenant, &look.purpose, subject].into(),
            );
        }
    }
    let mut tx = db.begin().await?;
    tx.insert_many(
        "insert into look",
        &["time", "actor", "tenant", "purpose", "subject"],
        rows,
        "",
    )
    .await?;
    tx.commit().await
}
