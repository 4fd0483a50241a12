//! Work that no caller waits for.

use std::{future::Future, panic::resume_unwind};

use tokio::runtime::{Builder, Handle, Runtime};

/// By how much nicer the threads of the background are: with 10, Linux gives them about a tenth of a processor that others want,
/// too. So nothing starves, and leases, which must beat twice a second, are not among it.
const NICENESS: i32 = 10;

/// Threads of its own for read models, reactions and the broker. They give way to calls and to the log, so that an order is taken
/// at once however much is still to be done for those before it.
///
/// What is spawned on these threads stays on them, and the threads that it starts (SQLite has one for each connection) give
/// way, too. Without a runtime of its own it is the caller's: in a world of one thread.
#[derive(Clone, Debug, Default)]
pub struct Background(Option<Handle>);

impl Background {
    /// Runs `work` and what it spawns in the background, to its end even when nobody waits for it any more.
    pub(crate) async fn run<F>(&self, work: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let Some(handle) = &self.0 else {
            return work.await;
        };
        match handle.spawn(work).await {
            Ok(output) => output,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime is ending, and this task with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

/// The background's runtime, and the way to it.
pub(crate) fn start() -> std::io::Result<(Runtime, Background)> {
    let nicer = niceness() + NICENESS;
    let runtime = Builder::new_multi_thread()
        .thread_name("background")
        .on_thread_start(move || give_way(nicer))
        .enable_all()
        .build()?;
    let background = Background(Some(runtime.handle().clone()));
    Ok((runtime, background))
}

/// Of this thread; the whole process's elsewhere than on Linux.
fn niceness() -> i32 {
    rustix::process::getpriority_process(None).unwrap_or_default()
}

fn give_way(niceness: i32) {
    // Elsewhere it would be the whole process that gives way. Where it is forbidden, nobody does.
    if cfg!(target_os = "linux") {
        let _ = rustix::process::setpriority_process(None, niceness);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn the_background_gives_way_with_all_threads_that_it_starts() {
        let before = niceness();
        let (runtime, background) = start().unwrap();
        let foreground = Builder::new_current_thread().build().unwrap();
        let (own, spawned, thread) = foreground.block_on(background.run(async move {
            let spawned = tokio::spawn(async move { niceness() }).await.unwrap();
            let thread = std::thread::spawn(niceness).join().unwrap();
            (niceness(), spawned, thread)
        }));
        assert_eq!([own, spawned, thread], [(before + NICENESS).min(19); 3]);
        assert_eq!(niceness(), before);
        runtime.shutdown_background();
    }

    #[test]
    fn without_threads_of_its_own_it_is_the_callers() {
        let here = Builder::new_current_thread().build().unwrap();
        let me = std::thread::current().id();
        let there = here.block_on(async {
            let work = async { std::thread::current().id() };
            Background::default().run(work).await
        });
        assert_eq!(there, me);
    }
}
