//! What a batch takes for granted instead of asking first.
//!
//! Nearly every command is new, and so is a stream whose id was made a moment ago. Asking the database about both before each
//! commit would cost as much time as the commit. So a batch is decided as if it were so: the commit itself finds out, because
//! a stored command id or stream version is refused by its unique key. What leaves no row behind for a key to refuse is asked
//! about after the decision: ids of refused commands, and new streams on which nothing was recorded. After a wrong guess the
//! batch is decided again with everything looked up, and so are some batches after it, since repetitions come in swarms.

use crate::{
    decision::{Decisions, Outcome},
    event::TenantId,
    fold::{Fold, StreamKey},
    job::Queued,
};

/// Batches after a wrong guess that look everything up.
pub(crate) const WARY_BATCHES: u32 = 64;

/// Guesses that the commit of a batch will not find out about.
#[derive(Default)]
pub(crate) struct Unconfirmed {
    /// Commands that leave no row.
    pub commands: Vec<(TenantId, String)>,
    /// Streams that were taken for new, on which nothing is recorded.
    pub streams: Vec<(StreamKey, &'static Fold)>,
}

impl Unconfirmed {
    /// Of the decided jobs, all of whose ids are not in memory.
    pub fn of(jobs: &[Queued], decisions: &Decisions) -> Self {
        let mut found = Self::default();
        for (queued, outcome) in jobs.iter().zip(&decisions.outcomes) {
            let command = queued.job.command();
            if let Some(id) = &command.command_id
                && leaves_no_row(outcome)
            {
                found.commands.push((command.tenant.clone(), id.clone()));
            }
            for wanted in command.prefetch.iter().filter(|wanted| wanted.new) {
                // A stream that was loaded, or was in memory, has events or was seen to have none.
                let unconfirmed = decisions.taken_for_new.contains(&wanted.key)
                    && decisions
                        .workspace
                        .streams
                        .get(&wanted.key)
                        .is_none_or(|folded| folded.version == 0);
                if unconfirmed {
                    found.streams.push((wanted.key.clone(), wanted.fold));
                }
            }
        }
        found
    }
}

fn leaves_no_row(outcome: &Outcome) -> bool {
    match outcome {
        // Of a repetition within the batch, the first one leaves it.
        Outcome::Decided { .. } | Outcome::Repeats(_) | Outcome::Reused => false,
        Outcome::Refused | Outcome::Invalid(_) | Outcome::Codec(_) | Outcome::Damaged(_) => true,
    }
}
