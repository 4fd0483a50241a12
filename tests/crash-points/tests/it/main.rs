//! Every crash point, taken by a process of its own: this test binary, started again.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;
mod process;
mod sweep;

use ordo_testkit::{Postgres, sqlite};

use crate::sweep::{Counts, sweep, times};

#[tokio::test]
async fn every_crash_point_on_sqlite() {
    let mut counts = Counts::default();
    for n in 0..times() {
        let store = sqlite().unwrap();
        sweep(n, &store.url, &mut counts).await;
    }
    counts.print("SQLite");
}

#[tokio::test]
async fn every_crash_point_on_postgres() {
    let server = Postgres::start_shared().await.unwrap();
    let mut counts = Counts::default();
    for n in 0..times() {
        let url = server.fresh_database().await.unwrap();
        sweep(n, &url, &mut counts).await;
    }
    counts.print("Postgres");
}
