//! A process that dies with commands under way.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use ordo_event_log::{EventLog, EventLogConfig, Receipt};
use tokio::runtime::{Builder, Runtime};

use crate::fixture::*;

/// A command's number and its answer.
type Acknowledged = (usize, Receipt<i64>);

fn process() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Starts a process, kills it in the middle of 40 commands, starts another one, and sends all commands again: what was
/// acknowledged stands where it was, and nothing has happened twice.
fn crash_and_repeat(config: &EventLogConfig, round: u64) {
    let acknowledged: Arc<Mutex<Vec<Acknowledged>>> = Arc::default();
    let first = process();
    let log = first.block_on(EventLog::open(config.clone())).unwrap();
    let till_name = format!("till-{round}");
    for n in 0..40 {
        let (log, acknowledged, till) = (log.clone(), acknowledged.clone(), till_name.clone());
        first.spawn(async move {
            let command = command().id(format!("r{round}-{n}"));
            if let Ok(receipt) = put(&log, command, &till, 1).await {
                acknowledged.lock().unwrap().push((n, receipt));
            }
        });
    }
    // Not a wait: any moment will do, sometimes before the first commit, sometimes after the last.
    let moment = Duration::from_micros(300 * (round % 20));
    first.block_on(async { tokio::time::sleep(moment).await });
    first.shutdown_background();
    drop(log);

    let second = process();
    second.block_on(async {
        let log = EventLog::open(config.clone()).await.unwrap();
        let repeated = join_all((0..40).map(|n| {
            let (log, till) = (log.clone(), till_name.clone());
            async move {
                put(&log, command().id(format!("r{round}-{n}")), &till, 1)
                    .await
                    .unwrap()
            }
        }))
        .await;
        for (n, before) in acknowledged.lock().unwrap().iter() {
            let now = &repeated[*n];
            assert!(
                now.duplicate,
                "command {n} was acknowledged and then forgotten"
            );
            assert_eq!((now.position, now.answer), (before.position, before.answer));
        }
        assert_eq!(
            till(&log, &till_name).await,
            TillState {
                balance: 40,
                entries: 40
            }
        );
        assert_whole(&log).await;
        log.close().await;
    });
}

#[test]
fn a_crash_loses_nothing_acknowledged_and_repeats_nothing_on_sqlite() {
    let ground = Ground::sqlite();
    for round in 0..40 {
        crash_and_repeat(&ground.config(), round);
    }
}

#[test]
fn a_crash_loses_nothing_acknowledged_and_repeats_nothing_on_postgres() {
    let ground = process().block_on(Ground::postgres());
    for round in 0..20 {
        crash_and_repeat(&ground.config(), round);
    }
}
