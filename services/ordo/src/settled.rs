//! Whether a cluster has done everything that follows from the commands so far.

use std::time::{Duration, Instant};

use ordo_proto::ops::{ListProjectionsRequest, ListReactionsRequest};

use crate::{
    client::{Client, SERVICES},
    fault::Fault,
};

/// Pause between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until no read model is behind and no reaction has work, at most `patience`: then `None`, else what still was behind.
pub async fn settled(client: &Client, patience: Duration) -> Result<Option<String>, Fault> {
    let end = Instant::now() + patience;
    loop {
        let behind = behind(client).await?;
        if behind.is_none() || Instant::now() > end {
            return Ok(behind);
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn behind(client: &Client) -> Result<Option<String>, Fault> {
    for service in SERVICES {
        let mut operations = client.operations(service)?;
        let projections = operations
            .list_projections(ListProjectionsRequest {})
            .await?
            .into_inner();
        for projection in projections.projections {
            if projection.progress.iter().any(|at| at.position < at.head) {
                return Ok(Some(format!(
                    "{service}: read model {} is behind",
                    projection.name
                )));
            }
        }
        let reactions = operations
            .list_reactions(ListReactionsRequest {})
            .await?
            .into_inner();
        for reaction in reactions.reactions {
            let name = &reaction.name;
            if reaction.parked > 0 {
                let parked = reaction.parked;
                return Ok(Some(format!("{service}: {parked} of {name} are parked")));
            }
            if reaction.pending > 0 || reaction.progress.iter().any(|at| at.position < at.head) {
                return Ok(Some(format!("{service}: reaction {name} is behind")));
            }
        }
    }
    Ok(None)
}
