//! The log against real databases. Every rule is written once and holds on SQLite and on Postgres.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crash;
mod epochs;
mod execution;
mod feeds;
mod fixture;
mod guesses;
mod limits;
mod model;
mod outage;
mod proxy;
mod replicas;
mod results;
mod snapshots;
mod tampering;
mod throughput;

/// Runs each case over a fresh SQLite store and a fresh Postgres store.
macro_rules! on_both_stores {
    ($($case:ident),+ $(,)?) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case($crate::fixture::Ground::sqlite()).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case($crate::fixture::Ground::postgres().await).await;
                }
            )+
        }
    };
}
pub(crate) use on_both_stores;
