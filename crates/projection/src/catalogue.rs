//! Remembers which tables of each read model serve.

use ordo_sql::{Db, OpenOptions, SqlError, StoreUrl, params};

use crate::cursors::{CHECKPOINT_SCHEMA, CHECKPOINT_TABLE};

/// The durable list of a service's generations: one small database for all its read models.
#[derive(Clone)]
pub(crate) struct Catalogue {
    db: Db,
    store: StoreUrl,
    service: String,
    projection: &'static str,
}

/// One set of tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub number: u64,
    pub version: u32,
    pub state: GenerationState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GenerationState {
    /// To serve once it is complete; resumed after a restart.
    Building,
    Serving,
    /// Of no more use: a replaced one, or one that was built only to compare.
    Discarded,
}

impl GenerationState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Building => "building",
            Self::Serving => "serving",
            Self::Discarded => "discarded",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "building" => Self::Building,
            "serving" => Self::Serving,
            _ => Self::Discarded,
        }
    }
}

const SCHEMA: &str = "create table if not exists generation (
    projection text not null,
    number bigint not null,
    version bigint not null,
    state text not null,
    primary key (projection, number)
)";

impl Catalogue {
    pub async fn open(
        store: &StoreUrl,
        service: &str,
        projection: &'static str,
    ) -> Result<Self, SqlError> {
        let options = OpenOptions::durable().max_connections(1);
        let db = store
            .open(&format!("{service}.projections"), options)
            .await?;
        create(&db, SCHEMA).await?;
        Ok(Self {
            db,
            store: store.clone(),
            service: service.to_owned(),
            projection,
        })
    }

    /// Whether several replicas may use the tables.
    pub fn is_shared(&self) -> bool {
        self.db.is_shared()
    }

    pub async fn close(&self) {
        self.db.close().await;
    }

    /// All generations whose tables may be there, oldest first.
    pub async fn entries(&self) -> Result<Vec<Entry>, SqlError> {
        self.entries_by(&self.db, "generation").await
    }

    /// As [`entries`](Self::entries) over a connection of `tables`, so that looking every few seconds keeps no connection of
    /// its own open.
    pub async fn entries_through(&self, tables: &Db) -> Result<Vec<Entry>, SqlError> {
        match &self.db {
            Db::Postgres(catalogue) => {
                let table = format!("\"{}\".generation", catalogue.schema);
                self.entries_by(tables, &table).await
            }
            Db::Sqlite(_) | Db::Plugged(_) => self.entries().await,
        }
    }

    async fn entries_by(&self, db: &Db, table: &str) -> Result<Vec<Entry>, SqlError> {
        let sql = format!(
            "select number, version, state from {table}
             where projection = $1 and state <> 'removed' order by number"
        );
        let rows = db.fetch_all(&sql, &params![self.projection]).await?;
        rows.iter()
            .map(|row| {
                Ok(Entry {
                    number: row.u64(0)?,
                    version: row.u32(1)?,
                    state: GenerationState::parse(&row.text(2)?),
                })
            })
            .collect()
    }

    /// Takes the next number.
    pub async fn add(&self, version: u32, state: GenerationState) -> Result<Entry, SqlError> {
        loop {
            match self.try_add(version, state).await {
                // Another process took it first.
                Err(error) if error.is_unique_violation() => tokio::task::yield_now().await,
                done => return done,
            }
        }
    }

    async fn try_add(&self, version: u32, state: GenerationState) -> Result<Entry, SqlError> {
        let mut tx = self.db.begin().await?;
        let row = tx
            .fetch_optional(
                "insert into generation (projection, number, version, state)
                 select $1, coalesce(max(number), 0) + 1, $2, $3 from generation where projection = $1
                 returning number",
                &params![self.projection, version, state.as_str()],
            )
            .await?;
        tx.commit().await?;
        let number = row.map_or(Ok(1), |row| row.u64(0))?;
        Ok(Entry {
            number,
            version,
            state,
        })
    }

    /// From now on, `number` serves and no other.
    pub async fn serve(&self, number: u64) -> Result<(), SqlError> {
        let mut tx = self.db.begin().await?;
        tx.execute(
            "update generation set state = case when number = $2 then 'serving' else 'discarded' end
             where projection = $1 and (number = $2 or state = 'serving')",
            &params![self.projection, number],
        )
        .await?;
        tx.commit().await
    }

    /// Opens the tables of `entry`, making them when they are not there.
    pub async fn open_tables(
        &self,
        entry: &Entry,
        schema: &[&str],
        max_connections: u32,
    ) -> Result<Db, SqlError> {
        let options = OpenOptions::disposable().max_connections(max_connections);
        let db = self
            .store
            .open(&self.database(entry.number), options)
            .await?;
        let mut tx = db.begin().await?;
        // The checkpoint's table is made in the same transaction as the others: it is there when they are.
        if !has_table(&mut tx, CHECKPOINT_TABLE).await? {
            for statement in schema {
                tx.execute_script(statement).await?;
            }
            tx.execute_script(CHECKPOINT_SCHEMA).await?;
        }
        tx.commit().await?;
        Ok(db)
    }

    /// Removes the tables of a generation and forgets it.
    pub async fn remove(&self, number: u64) -> Result<(), SqlError> {
        self.db
            .execute(
                "update generation set state = 'discarded' where projection = $1 and number = $2",
                &params![self.projection, number],
            )
            .await?;
        self.store.remove(&self.database(number)).await?;
        // The row stays, so that a number is never used twice.
        self.db
            .execute(
                "update generation set state = 'removed' where projection = $1 and number = $2",
                &params![self.projection, number],
            )
            .await?;
        Ok(())
    }

    fn database(&self, number: u64) -> String {
        format!("{}.{}.g{number}", self.service, self.projection)
    }
}

/// Runs a `create … if not exists` script; two processes that do it at once do not harm each other.
pub(crate) async fn create(db: &Db, script: &str) -> Result<(), SqlError> {
    let mut tx = db.begin().await?;
    match tx.execute_script(script).await {
        Ok(()) => tx.commit().await,
        // Postgres checks `if not exists` before it locks: the loser of a race meets a unique key of the system tables.
        Err(error) if error.is_unique_violation() || error.code().as_deref() == Some("42P07") => {
            tx.rollback().await
        }
        Err(error) => Err(error),
    }
}

pub(crate) async fn has_table(tx: &mut ordo_sql::Tx, name: &str) -> Result<bool, SqlError> {
    let sql = match tx.backend() {
        ordo_sql::Backend::Sqlite => {
            "select 1 from sqlite_master where type = 'table' and name = $1"
        }
        ordo_sql::Backend::Postgres => {
            "select 1 from pg_tables where schemaname = current_schema() and tablename = $1"
        }
    };
    Ok(tx.fetch_optional(sql, &params![name]).await?.is_some())
}
