//! The tables: who is there, and who has what. All times are the database's.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ordo_sql::{Backend, Db, OpenOptions, SqlError, params};

use crate::claim::{Grant, LeaseSettings};

/// `lease.holder` is empty while nobody has it; `token` rises with every holder.
const SCHEMA: &str = "
create table if not exists member (
    id text primary key,
    -- what it can do, a line each
    units text not null,
    -- 1: it takes nothing more
    leaving bigint not null,
    -- in microseconds
    beat bigint not null,
    -- the connection that it beat with last, and when that began
    pid bigint not null,
    session text not null
);
create table if not exists lease (
    unit text primary key,
    holder text not null,
    token bigint not null
);
";
/// Rows that change all the time leave room for themselves.
const ROOM: &str =
    "alter table member set (fillfactor = 50); alter table lease set (fillfactor = 50);";

/// How long a takeover waits for transactions of the replica that is given up before it ends them.
const CUT_AFTER: Duration = Duration::from_millis(150);

pub(crate) struct Table {
    db: Db,
    settings: LeaseSettings,
    words: Words,
}

/// What the databases say differently.
struct Words {
    /// The time, in microseconds; `None`: this process's clock stands for the database's.
    now: Option<&'static str>,
    pid: &'static str,
    session: &'static str,
    connected: &'static str,
}

const POSTGRES: Words = Words {
    now: Some("cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)"),
    pid: "pg_backend_pid()",
    session: "coalesce((select cast(backend_start as text) from pg_stat_get_activity(pg_backend_pid())), '')",
    // Who may not see when another user's connection began takes it for the one that is meant.
    connected: "case when exists (select 1 from pg_stat_get_activity(cast(pid as int)) a
                     where coalesce(cast(a.backend_start as text), session) = session) then 1 else 0 end",
};

/// Where no connections are known a replica has its whole time.
const OTHERS: Words = Words {
    now: None,
    pid: "0",
    session: "''",
    connected: "1",
};

impl Words {
    fn now(&self) -> String {
        self.now.map_or_else(
            || {
                let since = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap_or_default();
                micros(since).to_string()
            },
            str::to_owned,
        )
    }
}

/// Another replica, or this one.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub id: String,
    pub units: BTreeSet<String>,
    pub leaving: bool,
    /// Since its last beat.
    pub silent: Duration,
    /// Whether its connection is still there; not looked at while it beats.
    pub connected: bool,
}

/// Who has a unit; `holder` is empty when nobody has.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub unit: String,
    pub holder: String,
    pub token: i64,
}

/// Everything at one moment.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub members: Vec<Member>,
    pub leases: Vec<Held>,
}

impl Table {
    pub async fn open(settings: &LeaseSettings) -> Result<Self, SqlError> {
        // Not durable: a lease that a crash of the database forgets is not found by the guards of its holder either, and a
        // commit that is durable takes along everything before it, the lease that it stands on as well.
        let options = OpenOptions {
            acquire_timeout: Duration::from_secs(5),
            ..OpenOptions::disposable().max_connections(2)
        };
        let db = settings
            .store
            .open(&format!("{}.leases", settings.service), options)
            .await?;
        let postgres = db.backend() == Backend::Postgres;
        let mut tx = db.begin().await?;
        if postgres {
            // Postgres checks `if not exists` before it locks; replicas that start together take turns instead.
            tx.execute_script(
                "select pg_advisory_xact_lock(hashtext('ordo leases ' || current_schema()))",
            )
            .await?;
        }
        let there =
            "select 1 from pg_tables where schemaname = current_schema() and tablename = 'lease'";
        if !postgres || tx.fetch_optional(there, &[]).await?.is_none() {
            tx.execute_script(SCHEMA).await?;
            if postgres {
                tx.execute_script(ROOM).await?;
            }
        }
        tx.commit().await?;
        Ok(Self {
            words: if postgres { POSTGRES } else { OTHERS },
            db,
            settings: settings.clone(),
        })
    }

    /// The leases' table for statements of other schemas; `None` where those cannot see it.
    pub fn leases_name(&self) -> Option<String> {
        match &self.db {
            Db::Postgres(db) => Some(format!("\"{}\".lease", db.schema)),
            Db::Sqlite(_) | Db::Plugged(_) => None,
        }
    }

    /// Another pool of connections, in place of one whose connections may hang. The old one is closed when it can be.
    pub async fn reopen(&mut self) -> Result<(), SqlError> {
        let fresh = Self::open(&self.settings).await?;
        let old = std::mem::replace(&mut self.db, fresh.db);
        tokio::spawn(async move { old.close().await });
        Ok(())
    }

    /// Enters a replica. It may be there already: what was not answered may have been committed.
    pub async fn join(&self, id: &str, units: &str) -> Result<(), SqlError> {
        let Words { pid, session, .. } = self.words;
        let now = self.words.now();
        let sql = format!(
            "insert into member (id, units, leaving, beat, pid, session) values ($1, $2, 0, {now}, {pid}, {session})
             on conflict (id) do update set units = excluded.units, leaving = excluded.leaving, beat = excluded.beat,
                                            pid = excluded.pid, session = excluded.session"
        );
        self.db.execute(&sql, &params![id, units]).await.map(drop)
    }

    /// `false`: the others have given this one up.
    pub async fn beat(&self, id: &str, units: &str, leaving: bool) -> Result<bool, SqlError> {
        let Words { pid, session, .. } = self.words;
        let now = self.words.now();
        let sql = format!(
            "update member set beat = {now}, pid = {pid}, session = {session}, units = $2, leaving = $3 where id = $1"
        );
        let touched = self
            .db
            .execute(&sql, &params![id, units, i64::from(leaving)])
            .await?;
        Ok(touched == 1)
    }

    /// Names units that may not have a row yet.
    pub async fn name_units(&self, units: &[String]) -> Result<(), SqlError> {
        let mut tx = self.db.begin().await?;
        let rows = units
            .iter()
            .map(|unit| params![unit, "", 0_i64].into())
            .collect();
        tx.insert_many(
            "insert into lease",
            &["unit", "holder", "token"],
            rows,
            "on conflict (unit) do nothing",
        )
        .await?;
        tx.commit().await
    }

    pub async fn look(&self) -> Result<View, SqlError> {
        let now = self.words.now();
        let connected = self.words.connected;
        let sql = format!(
            "select 0 as what, id, units, leaving, {now} - beat, case when {now} - beat < $1 then 1 else {connected} end
             from member
             union all
             select 1, unit, holder, token, 0, 0 from lease
             order by 1, 2"
        );
        let silence = micros(self.settings.silence);
        let rows = self.db.fetch_all(&sql, &params![silence]).await?;
        let mut view = View::default();
        for row in rows {
            if row.i64(0)? == 0 {
                view.members.push(Member {
                    id: row.text(1)?,
                    units: row.text(2)?.lines().map(str::to_owned).collect(),
                    leaving: row.i64(3)? != 0,
                    silent: Duration::from_micros(u64::try_from(row.i64(4)?).unwrap_or(0)),
                    connected: row.i64(5)? != 0,
                });
            } else {
                view.leases.push(Held {
                    unit: row.text(1)?,
                    holder: row.text(2)?,
                    token: row.i64(3)?,
                });
            }
        }
        Ok(view)
    }

    /// Takes a unit that nobody has. `None`: somebody was faster.
    pub async fn take(&self, unit: &str, holder: &Arc<str>) -> Result<Option<Grant>, SqlError> {
        let mut tx = self.db.begin().await?;
        let row = tx
            .fetch_optional(
                "update lease set holder = $2, token = token + 1 where unit = $1 and holder = '' returning token",
                &params![unit, &**holder],
            )
            .await?;
        tx.commit().await?;
        row.map(|row| {
            Ok(Grant {
                holder: holder.clone(),
                token: row.i64(0)?,
            })
        })
        .transpose()
    }

    pub async fn give_back(&self, unit: &str, grant: &Grant) -> Result<(), SqlError> {
        self.db
            .execute(
                "update lease set holder = '' where unit = $1 and holder = $2 and token = $3",
                &params![unit, &*grant.holder, grant.token],
            )
            .await
            .map(drop)
    }

    /// Says farewell.
    pub async fn leave(&self, id: &str) -> Result<(), SqlError> {
        let mut tx = self.db.begin().await?;
        tx.execute("delete from member where id = $1", &params![id])
            .await?;
        tx.execute(
            "update lease set holder = '' where holder = $1",
            &params![id],
        )
        .await?;
        tx.commit().await
    }

    /// Gives up a replica that has been silent for all of `silent`: it is there no more, and has nothing. `false`: it has
    /// beaten meanwhile, or somebody else was faster.
    ///
    /// Transactions that still hold one of its leases, because the process was stopped in their midst or its network was
    /// cut, are ended.
    pub async fn give_up(&self, id: &str, silent: Duration) -> Result<bool, SqlError> {
        let mut tx = self.db.begin().await?;
        // Whoever deletes the row takes over. Others that try wait here and find it gone.
        let now = self.words.now();
        let deleted = tx
            .execute(
                &format!("delete from member where id = $1 and {now} - beat >= $2"),
                &params![id, micros(silent)],
            )
            .await?;
        if deleted == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        let pid = format!("select {}", self.words.pid);
        let row = tx.fetch_optional(&pid, &[]).await?;
        let this = row.map_or(Ok(0), |row| row.i64(0))?;
        {
            let params = params![id];
            let locking = tx.execute("update lease set holder = '' where holder = $1", &params);
            tokio::pin!(locking);
            while !tokio::time::timeout(CUT_AFTER, &mut locking)
                .await
                .map_or(Ok(false), |done| done.map(|_| true))?
            {
                self.cut_off_who_blocks(this).await?;
            }
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Nobody but transactions under the leases of a replica that is given up can be in the way.
    async fn cut_off_who_blocks(&self, waiting: i64) -> Result<(), SqlError> {
        if self.db.backend() != Backend::Postgres {
            return Ok(());
        }
        let cut = self
            .db
            .fetch_all(
                "select blocker, pg_terminate_backend(blocker)
                 from unnest(pg_blocking_pids(cast($1 as int))) as blocker where blocker <> 0",
                &params![waiting],
            )
            .await?;
        if !cut.is_empty() {
            tracing::warn!(
                service = self.settings.service,
                transactions = cut.len(),
                "ended transactions that a silent replica left open"
            );
        }
        Ok(())
    }

    pub async fn close(&self) {
        self.db.close().await;
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Found by simulation (seed 46): the row was there, and every further try met it and failed.
    #[tokio::test]
    async fn a_replica_that_does_not_know_whether_it_has_joined_joins_again() {
        for store in ordo_testkit::stores().await.unwrap() {
            let settings = LeaseSettings::new("shop", store.store_url());
            let table = Table::open(&settings).await.unwrap();
            table.join("r1", "a").await.unwrap();
            table.join("r1", "a\nb").await.unwrap();
            let view = table.look().await.unwrap();
            assert_eq!(view.members.len(), 1, "{}", store.name);
            let units = ["a", "b"].map(str::to_owned);
            assert_eq!(view.members[0].units, units.into());
            table.close().await;
        }
    }
}
