//! Postgres: every read and every commit is one prepared statement.

use std::time::Duration;

use ordo_sql::{Row, Value};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection, Row as _,
    postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow},
    query::Query,
};

use super::{
    Commit, CommitError,
    load::Wanted,
    open::Created,
    rows::command_columns,
    schema::{self, FORMAT, POSTGRES},
};
use crate::{
    config::EventLogConfig,
    error::{OpenError, StoreError},
    event::TenantId,
};

pub(super) struct Postgres {
    pool: PgPool,
    timeout: Duration,
}

type Prepared<'q> = Query<'q, sqlx::Postgres, PgArguments>;

impl Postgres {
    /// Opens the log in `options`' schema, and creates it with `partitions` when there is none.
    pub async fn open(
        options: &PgConnectOptions,
        config: &EventLogConfig,
        partitions: u32,
    ) -> Result<(Self, Created), OpenError> {
        let limit = config.statement_timeout.as_millis().to_string();
        let options = options.clone().disable_statement_logging().options([
            // Every statement here is a walk along an index. Statistics of a table that was empty a moment ago, or was never
            // analysed, make the planner choose sequential scans, hash or merge joins, and a commit then takes a hundred
            // times as long. These settings hold for the log's own connections only.
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            // The plan never depends on the parameters: plan once per connection.
            ("plan_cache_mode", "force_generic_plan"),
            // Switched-off plan nodes count as very expensive, which would start the compiler.
            ("jit", "off"),
            // The head's compare-and-set counts on re-reading a row that another replica has just changed.
            ("default_transaction_isolation", "read committed"),
            ("synchronous_commit", "on"),
            // A client that has given up on a statement must not have it hanging in the server.
            ("statement_timeout", limit.as_str()),
        ]);
        let mut connection = options.connect().await?;
        let created = create(&mut connection, &config.service, partitions).await?;
        connection.close().await?;
        let commits = u32::try_from(created.partitions).unwrap_or(1);
        let pool = PgPoolOptions::new()
            // A commit of every partition may be under way at once.
            .max_connections(config.read_connections.max(1).saturating_add(commits))
            .min_connections(0)
            .acquire_timeout(config.statement_timeout)
            .idle_timeout(Duration::from_secs(300))
            // A dead connection shows itself on use, and every use here copes with that.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        let database = Self {
            pool,
            timeout: config.statement_timeout,
        };
        Ok((database, created))
    }

    pub async fn rows(&self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, StoreError> {
        let mut query = sqlx::query(sql);
        for param in params {
            query = match param {
                Value::I64(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
                other => return Err(StoreError::Damaged(format!("parameter {other:?}"))),
            };
        }
        self.fetch(query).await
    }

    /// Runs a statement within the time limit. A connection whose statement did not come back is closed, because nobody
    /// knows what it would answer to the next one.
    async fn fetch(&self, query: Prepared<'_>) -> Result<Vec<Row>, StoreError> {
        Ok(self
            .fetch_rows(query)
            .await?
            .into_iter()
            .map(Row::from)
            .collect())
    }

    async fn fetch_rows(&self, query: Prepared<'_>) -> Result<Vec<PgRow>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        // A little more than the server's own limit, whose answer is clearer.
        let limit = self.timeout + Duration::from_secs(1);
        match tokio::time::timeout(limit, query.fetch_all(&mut *connection)).await {
            Ok(rows) => Ok(rows?),
            Err(_) => {
                connection.close_on_drop();
                Err(StoreError::Timeout(limit))
            }
        }
    }

    pub async fn commands(&self, ids: &[(&TenantId, &str)]) -> Result<Vec<Row>, StoreError> {
        let tenants: Vec<&str> = ids.iter().map(|(tenant, _)| tenant.as_str()).collect();
        let ids: Vec<&str> = ids.iter().map(|(_, id)| *id).collect();
        let query = sqlx::query(concat!(
            "select ",
            command_columns!(),
            " from unnest($1::text[], $2::text[]) as w(tenant, command_id)
              join commands c on c.tenant = w.tenant and c.command_id = w.command_id"
        ))
        .bind(tenants)
        .bind(ids);
        self.fetch(query).await
    }

    /// See [`Store::load`](super::Store::load) for the columns.
    pub async fn load(&self, wanted: &[Wanted<'_>], page: u64) -> Result<Vec<Row>, StoreError> {
        let column = |f: fn(&Wanted<'_>) -> i64| wanted.iter().map(f).collect::<Vec<_>>();
        let query = sqlx::query(
            "with wanted as materialized (
                select w.n - 1 as n, w.tenant, w.aggregate, w.id, coalesce(s.version, w.after) as after,
                       s.version as snapshot, s.state
                from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])
                     with ordinality as w(tenant, aggregate, id, after, fold, n)
                left join snapshots s on s.tenant = w.tenant and s.aggregate = w.aggregate
                                     and s.stream_id = w.id and s.fold_version = w.fold
             )
             select w.n, w.snapshot as version, null::bigint as partition, null::text as type, w.state as payload
             from wanted w where w.snapshot is not null
             union all
             select w.n, e.version, e.partition, e.type, e.payload
             from wanted w
             join events e on e.tenant = w.tenant and e.aggregate = w.aggregate and e.stream_id = w.id
                          and e.version > w.after and e.version <= w.after + $6
             order by 1, 2",
        )
        .bind(wanted.iter().map(|w| w.tenant).collect::<Vec<_>>())
        .bind(wanted.iter().map(|w| w.aggregate).collect::<Vec<_>>())
        .bind(wanted.iter().map(|w| w.id).collect::<Vec<_>>())
        .bind(column(|w| w.after as i64))
        .bind(column(|w| w.fold()))
        .bind(page as i64);
        self.fetch(query).await
    }

    /// The head's compare-and-set feeds every insert, so that all of them happen or none. Of two replicas the second
    /// waits for the first one's row lock, then finds another position and inserts nothing. The unique keys refuse what
    /// the head cannot see: a command id that another partition has just used.
    pub async fn commit(&self, commit: &Commit) -> Result<(), CommitError> {
        let events = &commit.events;
        let commands = &commit.commands;
        let snapshots = &commit.snapshots;
        let with_snapshots = !snapshots.is_empty();
        let query = sqlx::query(if with_snapshots {
            COMMIT_WITH_SNAPSHOTS
        } else {
            COMMIT
        })
        .bind(i64::from(commit.partition))
        .bind(commit.from.head.epoch as i64)
        .bind(commit.from.head.position as i64)
        .bind(commit.from.head.hash.0.as_slice())
        .bind(commit.to.head.position as i64)
        .bind(commit.to.head.hash.0.as_slice())
        .bind(commit.to.time.0)
        .bind(events.iter().map(|e| e.position as i64).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.tenant.as_str()).collect::<Vec<_>>())
        .bind(
            events
                .iter()
                .map(|e| &*e.stream.aggregate)
                .collect::<Vec<_>>(),
        )
        .bind(events.iter().map(|e| &*e.stream.id).collect::<Vec<_>>())
        .bind(
            events
                .iter()
                .map(|e| e.stream_version as i64)
                .collect::<Vec<_>>(),
        )
        .bind(
            events
                .iter()
                .map(|e| e.event_id.as_bytes().as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(events.iter().map(|e| &*e.type_name).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.time.0).collect::<Vec<_>>())
        .bind(events.iter().map(|e| &*e.payload).collect::<Vec<_>>())
        .bind(commit.metadata.iter().map(|m| &**m).collect::<Vec<_>>())
        .bind(
            events
                .iter()
                .map(|e| e.hash.0.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(
            commands
                .iter()
                .map(|c| c.tenant.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            commands
                .iter()
                .map(|c| c.command_id.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            commands
                .iter()
                .map(|c| c.fingerprint.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(
            commands
                .iter()
                .map(|c| c.position as i64)
                .collect::<Vec<_>>(),
        )
        .bind(commands.iter().map(|c| c.events as i64).collect::<Vec<_>>())
        .bind(commands.iter().map(|c| c.time.0).collect::<Vec<_>>())
        .bind(commands.iter().map(|c| &*c.answer).collect::<Vec<_>>());
        let query = if with_snapshots {
            query
                .bind(
                    snapshots
                        .iter()
                        .map(|s| s.key.tenant.as_str())
                        .collect::<Vec<_>>(),
                )
                .bind(
                    snapshots
                        .iter()
                        .map(|s| s.key.aggregate)
                        .collect::<Vec<_>>(),
                )
                .bind(snapshots.iter().map(|s| &*s.key.id).collect::<Vec<_>>())
                .bind(
                    snapshots
                        .iter()
                        .map(|s| i64::from(s.fold_version))
                        .collect::<Vec<_>>(),
                )
                .bind(
                    snapshots
                        .iter()
                        .map(|s| s.version as i64)
                        .collect::<Vec<_>>(),
                )
                .bind(
                    snapshots
                        .iter()
                        .map(|s| s.state.as_slice())
                        .collect::<Vec<_>>(),
                )
        } else {
            query
        };
        match self.fetch_rows(query).await {
            Ok(rows) if rows.is_empty() => Err(CommitError::Conflict),
            Ok(_) => Ok(()),
            Err(StoreError::Database(sqlx::Error::Database(error)))
                if error.is_unique_violation() =>
            {
                Err(CommitError::Taken)
            }
            Err(error) => Err(CommitError::Unknown(error)),
        }
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The head's compare-and-set feeds every insert. `$further` are common table expressions after those of events and commands.
macro_rules! commit_sql {
    ($further:literal) => {
        concat!(
            "with head as (
                update heads set position = $5, hash = $6, time = $7
                where partition = $1 and epoch = $2 and position = $3 and hash = $4
                returning partition, epoch
             ),
             new_events as (
                insert into events (partition, position, epoch, tenant, aggregate, stream_id, version, event_id, type,
                                    time, payload, metadata, hash)
                select head.partition, e.position, head.epoch, e.tenant, e.aggregate, e.stream_id, e.version, e.event_id,
                       e.type, e.time, e.payload, e.metadata, e.hash
                from head, unnest($8::bigint[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::bytea[],
                                  $14::text[], $15::bigint[], $16::bytea[], $17::bytea[], $18::bytea[])
                     as e(position, tenant, aggregate, stream_id, version, event_id, type, time, payload, metadata, hash)
             ),
             new_commands as (
                insert into commands (tenant, command_id, fingerprint, partition, epoch, position, events, time, answer)
                select c.tenant, c.command_id, c.fingerprint, head.partition, head.epoch, c.position, c.events, c.time,
                       c.answer
                from head, unnest($19::text[], $20::text[], $21::bytea[], $22::bigint[], $23::bigint[], $24::bigint[],
                                  $25::bytea[])
                     as c(tenant, command_id, fingerprint, position, events, time, answer)
             )",
            $further,
            " select partition from head"
        )
    };
}

/// A commit without snapshots: all but one in a hundred. A part that writes nothing would still cost the server its start.
const COMMIT: &str = commit_sql!("");

const COMMIT_WITH_SNAPSHOTS: &str = commit_sql!(
    ", new_snapshots as (
                insert into snapshots as s (tenant, aggregate, stream_id, fold_version, version, state)
                select n.tenant, n.aggregate, n.stream_id, n.fold_version, n.version, n.state
                from head, unnest($26::text[], $27::text[], $28::text[], $29::bigint[], $30::bigint[], $31::bytea[])
                     as n(tenant, aggregate, stream_id, fold_version, version, state)
                on conflict (tenant, aggregate, stream_id) do update
                set fold_version = excluded.fold_version, version = excluded.version, state = excluded.state
     )"
);

/// Makes the tables unless they are there, whoever else may be doing the same.
async fn create(
    connection: &mut PgConnection,
    service: &str,
    partitions: u32,
) -> Result<Created, OpenError> {
    let mut tx = connection.begin().await?;
    // Held until the transaction ends. Only creators of logs in the same schema wait for each other.
    tx.execute("select pg_advisory_xact_lock(hashtext('ordo log ' || current_schema()))")
        .await?;
    for sql in schema::tables(&POSTGRES) {
        tx.execute(AssertSqlSafe(sql)).await?;
    }
    sqlx::query(
        "insert into log (service, partitions, format)
         select $1, $2, $3 where not exists (select 1 from log)",
    )
    .bind(service)
    .bind(i64::from(partitions))
    .bind(FORMAT)
    .execute(&mut *tx)
    .await?;
    let row = sqlx::query("select service, partitions, format from log")
        .fetch_one(&mut *tx)
        .await?;
    let created = Created {
        service: row.try_get(0)?,
        partitions: row.try_get(1)?,
        format: row.try_get(2)?,
    };
    sqlx::query(
        "insert into heads (partition, epoch, position, hash, time)
         select n, 1, 0, $2, 0 from generate_series(0, $1 - 1) as n on conflict do nothing",
    )
    .bind(created.partitions)
    .bind([0_u8; 32].as_slice())
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(created)
}
