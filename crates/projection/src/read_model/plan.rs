//! What a read model begins with.

use std::sync::Arc;

use ordo_event_log::EventSource;
use ordo_sql::SqlError;

use super::{ReadModelSettings, Serving, build::Replacement};
use crate::{
    catalogue::{Catalogue, Entry, GenerationState},
    cursors::{self, Cursors},
    heads,
    projection::Projection,
};

/// What to begin with.
pub(super) struct Plan {
    pub serving: Serving,
    pub cursors: Cursors,
    pub first: First,
}

pub(super) enum First {
    /// The serving tables are right.
    Follow,
    /// They are of another version, or not complete.
    Replace(Replacement),
}

/// Looks at what is there, clears away leftovers and says what to begin with.
pub(super) async fn plan(
    settings: &ReadModelSettings,
    projection: &dyn Projection,
    sources: &[Arc<dyn EventSource>],
    catalogue: &Catalogue,
) -> Result<Plan, SqlError> {
    let version = projection.version();
    let (mut serving, mut building) = (None, None);
    for entry in catalogue.entries().await? {
        match entry.state {
            GenerationState::Serving => serving = Some(entry),
            GenerationState::Building if entry.version == version => building = Some(entry),
            // Another replica may be using them.
            GenerationState::Building | GenerationState::Discarded if catalogue.is_shared() => {}
            GenerationState::Building | GenerationState::Discarded => {
                tracing::info!(
                    projection = projection.name(),
                    generation = entry.number,
                    "removing leftover tables"
                );
                catalogue.remove(entry.number).await?;
            }
        }
    }
    let open = async |entry: &Entry| {
        catalogue
            .open_tables(entry, projection.schema(), settings.max_connections)
            .await
    };
    match serving {
        Some(old) if old.version != version => {
            let entry = match building {
                Some(entry) => entry,
                None => catalogue.add(version, GenerationState::Building).await?,
            };
            tracing::info!(
                projection = projection.name(),
                from = old.version,
                to = version,
                generation = entry.number,
                "building the tables of another version"
            );
            let readable = projection.reads_version(old.version);
            let db = open(&old).await?;
            let cursors = cursors::load(&db).await?;
            let serving = if readable {
                Serving {
                    number: old.number,
                    version: old.version,
                    db,
                    answers: true,
                }
            } else {
                db.close().await;
                let db = open(&entry).await?;
                Serving {
                    number: entry.number,
                    version,
                    db,
                    answers: false,
                }
            };
            Ok(Plan {
                serving,
                cursors: cursors.clone(),
                first: First::Replace(Replacement::version(entry, old.number, cursors)),
            })
        }
        serving => {
            let entry = match serving.or(building) {
                Some(entry) => entry,
                None => catalogue.add(version, GenerationState::Building).await?,
            };
            let db = open(&entry).await?;
            let cursors = cursors::load(&db).await?;
            // What was begun and not completed stays `building` over restarts: half of it is never served.
            let answers = entry.state == GenerationState::Serving || {
                let ends = heads::ends(sources, &settings.service, None).await;
                let complete = ends.is_some_and(|ends| cursors.reaches(&ends));
                if complete {
                    catalogue.serve(entry.number).await?;
                }
                complete
            };
            let serving = Serving {
                number: entry.number,
                version,
                db,
                answers,
            };
            let first = if answers {
                First::Follow
            } else {
                tracing::info!(
                    projection = projection.name(),
                    generation = entry.number,
                    "building the first tables"
                );
                First::Replace(Replacement::first(entry))
            };
            Ok(Plan {
                serving,
                cursors,
                first,
            })
        }
    }
}
