//! How fast 64 callers are served. Run alone, and optimised:
//! `cargo test --release -p ordo-event-log --test it throughput -- --ignored --nocapture --test-threads 1`

use std::time::{Duration, Instant};

use futures::future::join_all;
use ordo_event_log::Halt;

use crate::fixture::*;

/// 64 callers that each place one small event on a hot and three on fresh streams, with a command id, over and over.
async fn measure(ground: Ground) {
    let log = ground.open().await;
    for round in 0..3 {
        let end = Instant::now() + Duration::from_secs(3);
        let started = Instant::now();
        let callers = (0..64_u64).map(|caller| {
            let log = log.clone();
            tokio::spawn(async move {
                let mut commands = 0_u64;
                while Instant::now() < end {
                    let id = log.new_id_in(&tenant(), 0);
                    let command = command()
                        .id(format!("place:{id}"))
                        .prefetch::<Notebook>(&id);
                    let hot = format!("till-{}", caller % 16);
                    log.execute(command, move |unit| {
                        unit.emit::<Notebook>(&id, vec![vec![7; 300].into(); 3])?;
                        Ok::<i64, Halt<Short>>(
                            unit.decide::<Till>(&hot, TillCommand::Put(1))?.balance,
                        )
                    })
                    .await
                    .unwrap();
                    commands += 1;
                }
                commands
            })
        });
        let commands: u64 = join_all(callers)
            .await
            .into_iter()
            .map(Result::unwrap)
            .sum();
        let seconds = started.elapsed().as_secs_f64();
        println!(
            "{} round {round}: {:.0} commands/s, {:.0} events/s",
            ground.store.name,
            commands as f64 / seconds,
            4.0 * commands as f64 / seconds
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn sixty_four_callers_on_sqlite() {
    measure(Ground::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn sixty_four_callers_on_postgres() {
    measure(Ground::postgres().await).await;
}
