//! What runs beside the supervisor.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::{
    cursors::{self, Cursors},
    follower::{Follower, Stop},
};

/// How often to look at another replica's progress, and how often when a query waits for it.
const LOOK_ON: Duration = Duration::from_millis(250);
const LOOK_CLOSELY: Duration = Duration::from_millis(15);

/// What keeps the serving tables up to date, or watches another process do it.
pub(super) struct Running {
    stop: CancellationToken,
    task: JoinHandle<Ended>,
    pub(super) ended: Option<Ended>,
    follows: bool,
}

pub(super) enum Ended {
    Follower(Box<Follower>, Result<(), Stop>),
    /// It only watched, and was told to stop.
    Standby,
    Lost(String),
}

impl Running {
    pub fn follow(mut follower: Follower, parent: &CancellationToken) -> Self {
        let stop = parent.child_token();
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                let result = follower.run(None, &stop).await;
                Ended::Follower(Box::new(follower), result)
            }
        });
        Self {
            stop,
            task,
            ended: None,
            follows: true,
        }
    }

    pub fn stand_by(shared: Arc<Shared>) -> Self {
        let stop = shared.stop.child_token();
        let task = tokio::spawn({
            let stop = stop.clone();
            async move {
                tokio::select! {
                    () = watch_other(&shared) => {}
                    () = stop.cancelled() => {}
                }
                Ended::Standby
            }
        });
        Self {
            stop,
            task,
            ended: None,
            follows: false,
        }
    }

    /// Waits until it has ended by itself. May be dropped and called again.
    pub async fn wait(&mut self) {
        if self.ended.is_none() {
            let ended = (&mut self.task).await;
            self.ended = Some(ended.unwrap_or_else(|error| Ended::Lost(error.to_string())));
        }
    }

    /// Waits until the serving tables stand still although this process should move them; for ever when another does.
    pub async fn failed(&mut self) {
        if self.follows {
            self.wait().await;
        } else {
            std::future::pending::<()>().await;
        }
    }

    /// Ends it between two transactions. Gives what the serving tables then hold, if this process followed.
    pub async fn stop(mut self) -> Option<Cursors> {
        self.stop.cancel();
        self.wait().await;
        match self.ended {
            Some(Ended::Follower(follower, _)) => Some(follower.cursors),
            _ => None,
        }
    }
}

/// Tells of the commits that another process makes. Looks often while a query waits for them.
async fn watch_other(shared: &Shared) {
    loop {
        let db = shared.serving.load().db.clone();
        if let Ok(cursors) = cursors::load(&db).await {
            shared.progress.send_if_modified(|present| {
                let moved = *present != cursors;
                *present = cursors;
                moved
            });
        }
        if shared.progress.receiver_count() > 0 {
            tokio::time::sleep(LOOK_CLOSELY).await;
        } else {
            tokio::select! {
                () = tokio::time::sleep(LOOK_ON) => {}
                () = shared.waited_for.notified() => {}
            }
        }
    }
}
