//! Several processes that write the same partition.

use futures::future::join_all;
use ordo_event_log::ExecuteError;

use crate::fixture::*;

crate::on_both_stores!(
    two_replicas_on_one_partition_stay_contiguous_and_correct,
    a_replica_notices_what_another_one_wrote,
    a_refusal_never_rests_on_an_outdated_state,
    catching_up_forgets_every_stream_that_another_replica_changed,
    one_id_sent_to_two_replicas_has_one_effect,
    a_far_behind_replica_catches_up,
);

async fn two_replicas_on_one_partition_stay_contiguous_and_correct(ground: Ground) {
    let replicas = [ground.open().await, ground.open().await];
    put(&replicas[0], command(), "hot", 150).await.unwrap();
    let tasks = (0..32).map(|caller| {
        let log = replicas[caller % 2].clone();
        tokio::spawn(async move {
            let mut taken = Vec::new();
            for round in 0..8 {
                match take(&log, command(), "hot", 1).await {
                    Ok(receipt) => taken.push(receipt.answer),
                    Err(ExecuteError::Refused(Short(0))) => {}
                    Err(other) => panic!("{other}"),
                }
                put(&log, command(), &format!("till-{caller}-{round}"), 1)
                    .await
                    .unwrap();
            }
            taken
        })
    });
    let mut taken: Vec<i64> = join_all(tasks)
        .await
        .into_iter()
        .flat_map(Result::unwrap)
        .collect();
    taken.sort_unstable();
    assert_eq!(
        taken,
        (0..150).collect::<Vec<_>>(),
        "each unit is taken once"
    );
    for log in &replicas {
        assert_eq!(log.read_head(0).await.unwrap().position, 1 + 150 + 32 * 8);
        assert_eq!(till(log, "hot").await.balance, 0);
        assert_whole(log).await;
    }
}

async fn a_replica_notices_what_another_one_wrote(ground: Ground) {
    let (a, b) = (ground.open().await, ground.open().await);
    for round in 0..5 {
        // Both have the stream in memory, and each time the other one's copy is outdated.
        assert_eq!(
            put(&a, command(), "till", 1).await.unwrap().answer,
            2 * round + 1
        );
        assert_eq!(
            put(&b, command(), "till", 1).await.unwrap().answer,
            2 * round + 2
        );
        assert_eq!(
            till(&a, "till").await.balance,
            2 * round + 2,
            "reading always sees what is committed"
        );
    }
    assert_whole(&a).await;
}

async fn a_refusal_never_rests_on_an_outdated_state(ground: Ground) {
    let (a, b) = (ground.open().await, ground.open().await);
    assert_eq!(
        a.execute(command(), balance("till")).await.unwrap().answer,
        0
    );
    put(&b, command(), "till", 5).await.unwrap();
    // In a's memory the till is empty; neither its refusal nor its answer may say so.
    assert_eq!(take(&a, command(), "till", 3).await.unwrap().answer, 2);
    assert_eq!(take(&b, command(), "till", 2).await.unwrap().answer, 0);
    assert_eq!(
        a.execute(command(), balance("till")).await.unwrap().answer,
        0
    );
    put(&b, command(), "till", 9).await.unwrap();
    assert_eq!(
        a.execute(command(), balance("till")).await.unwrap().answer,
        9
    );
    assert!(matches!(
        take(&b, command(), "till", 10).await,
        Err(ExecuteError::Refused(Short(9)))
    ));
}

async fn catching_up_forgets_every_stream_that_another_replica_changed(ground: Ground) {
    let (a, b) = (ground.open().await, ground.open().await);
    put(&a, command(), "seen", 5).await.unwrap();
    take(&b, command(), "seen", 5).await.unwrap();
    // Another stream makes a notice that it is behind; what it remembers of the first one is outdated just as well.
    put(&a, command(), "other", 1).await.unwrap();
    assert_eq!(
        a.execute(command(), balance("seen")).await.unwrap().answer,
        0
    );
    assert!(matches!(
        take(&a, command(), "seen", 5).await,
        Err(ExecuteError::Refused(Short(0)))
    ));
}

async fn one_id_sent_to_two_replicas_has_one_effect(ground: Ground) {
    let replicas = [ground.open().await, ground.open().await];
    for round in 0..20 {
        let receipts = join_all(replicas.iter().map(|log| async move {
            let command = command().id(format!("c-{round}"));
            // Every other one has no events: only its id can tell.
            if round % 2 == 0 {
                put(log, command, "till", 1).await.unwrap()
            } else {
                log.execute(command, balance("till")).await.unwrap()
            }
        }))
        .await;
        assert_eq!(
            receipts.iter().filter(|receipt| receipt.duplicate).count(),
            1,
            "{receipts:?}"
        );
        assert_eq!(receipts[0].position, receipts[1].position);
        assert_eq!(receipts[0].answer, receipts[1].answer);
    }
    assert_eq!(till(&replicas[0], "till").await.balance, 10);
    assert_whole(&replicas[0]).await;
}

async fn a_far_behind_replica_catches_up(ground: Ground) {
    let (a, b) = (ground.open().await, ground.open().await);
    put(&a, command(), "till", 1).await.unwrap();
    // More than a replica reads up on: it forgets everything instead.
    for _ in 0..3 {
        b.execute(command(), |unit| {
            unit.emit::<Till>("till", vec![Moved { amount: 1 }; 7_000])?;
            Ok::<u64, ordo_event_log::Halt<Short>>(0)
        })
        .await
        .unwrap();
    }
    assert_eq!(put(&a, command(), "till", 1).await.unwrap().answer, 21_002);
    assert_whole(&a).await;
}
