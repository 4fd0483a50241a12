//! Puts what came back on stock: fit goods to be sold again, the rest into quarantine or, beyond repair, to the damaged ones.

use futures::future::BoxFuture;
use ordo_event_log::RecordedEvent;
use ordo_projection::{Reaction, ReactionContext, ReactionError};
use ordo_proto::{
    aftersales::{ReceivedLine, ReturnReceived},
    inventory::{RestockLine, RestockRequest, StockCondition},
    types::CommandHeader,
};
use ordo_rpc::{Call, Remote, reaction_error};
use prost::Name as _;

use super::{case_entity, message};

/// A line that came back in every condition is three of inventory's, which takes 2,000 at once.
const MOST_LINES: usize = 2_000;

/// The reaction.
pub struct Restock {
    remote: Remote,
}

impl Restock {
    /// Tells inventory through `remote`.
    pub fn new(remote: Remote) -> Self {
        Self { remote }
    }
}

impl Reaction for Restock {
    fn name(&self) -> &'static str {
        "restock"
    }

    fn commands(&self) -> &'static [&'static str] {
        &["inventory"]
    }

    fn entity(&self, event: &RecordedEvent) -> Option<String> {
        (*event.type_name == ReturnReceived::full_name())
            .then(|| case_entity(event))
            .flatten()
    }

    fn react<'a>(
        &'a self,
        event: &'a RecordedEvent,
        context: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async move {
            let received: ReturnReceived = message(event)?;
            let mut inventory = self
                .remote
                .inventory(&Call::from_reaction(context))
                .map_err(reaction_error)?;
            let lines = by_condition(&received.lines);
            for (number, lines) in lines.chunks(MOST_LINES).enumerate() {
                let request = RestockRequest {
                    header: Some(CommandHeader {
                        command_id: context.command_id(&format!("restock-{number}")),
                        reason: String::new(),
                    }),
                    site_id: received.site_id.clone(),
                    case_id: received.case_id.clone(),
                    lines: lines.to_vec(),
                };
                inventory.restock(request).await.map_err(reaction_error)?;
            }
            Ok(())
        })
    }
}

fn by_condition(lines: &[ReceivedLine]) -> Vec<RestockLine> {
    let of = |line: &ReceivedLine, quantity, condition: StockCondition| RestockLine {
        sku: line.sku.clone(),
        quantity,
        condition: condition.into(),
    };
    lines
        .iter()
        .flat_map(|line| {
            [
                of(line, line.resellable, StockCondition::Sellable),
                of(
                    line,
                    line.not_resellable - line.beyond_repair,
                    StockCondition::Quarantine,
                ),
                of(line, line.beyond_repair, StockCondition::Damaged),
            ]
        })
        .filter(|line| line.quantity > 0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restocked(line: ReceivedLine) -> Vec<(i64, StockCondition)> {
        by_condition(&[line])
            .iter()
            .map(|line| (line.quantity, line.condition()))
            .collect()
    }

    #[test]
    fn a_line_of_version_1_goes_to_quarantine_with_all_that_is_not_resellable() {
        let line = ReceivedLine {
            resellable: 2,
            not_resellable: 3,
            ..ReceivedLine::default()
        };
        let expected = [
            (2, StockCondition::Sellable),
            (3, StockCondition::Quarantine),
        ];
        assert_eq!(restocked(line), expected);
    }

    #[test]
    fn a_line_of_version_2_says_what_is_damaged() {
        let line = ReceivedLine {
            not_resellable: 3,
            beyond_repair: 2,
            ..ReceivedLine::default()
        };
        let expected = [
            (1, StockCondition::Quarantine),
            (2, StockCondition::Damaged),
        ];
        assert_eq!(restocked(line), expected);
    }
}
