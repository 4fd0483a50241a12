//! What follows from events, here and elsewhere.
//!
//! Every command carries an id made from the event that causes it, so that a reaction that runs again changes nothing.
//! Each reaction is a follower of its own: a warehouse that is away does not hold up a refund.

pub mod follow_intake;
pub mod replacements;
pub mod restock;
pub mod settle_refund;

use ordo_event_log::{Command, EventLog, RecordedEvent, TenantId};
use ordo_projection::{ReactionContext, ReactionError};
use sha2::{Digest as _, Sha256};

use crate::{
    case::Case,
    commands,
    desk::{DeskCommand, DeskError},
    ids::CaseId,
    purchase::Purchase,
};

/// Everything about one order happens in order.
pub(crate) fn order_entity(tenant: &TenantId, order_id: &str) -> String {
    format!("{tenant}/{order_id}")
}

/// The case that an event of ours is about.
fn case_of(event: &RecordedEvent) -> Result<CaseId, ReactionError> {
    CaseId::parse(&event.stream.id)
        .ok_or_else(|| ReactionError::park(format!("`{}` is not a case's id", event.stream.id)))
}

/// The entity of an event of the stream `case`.
fn case_entity(event: &RecordedEvent) -> Option<String> {
    let case_id = CaseId::parse(&event.stream.id)?;
    Some(order_entity(&event.tenant, case_id.order_id()))
}

/// The message inside an event.
fn message<M: prost::Message + Default>(event: &RecordedEvent) -> Result<M, ReactionError> {
    M::decode(event.payload.clone()).map_err(|error| {
        ReactionError::park(format!("`{}` cannot be read: {error}", event.type_name))
    })
}

/// A command on the log of aftersales, told apart by `label` from others of the same event. The fingerprint is the event's,
/// because a try that is repeated must be the same command even when another service answers in other words.
fn command(
    context: &ReactionContext,
    event: &RecordedEvent,
    label: &str,
    partition: u32,
) -> Command {
    Command::new(context.tenant().clone(), partition)
        .id(context.command_id(label))
        .fingerprint(Sha256::digest(&event.payload).into())
        .metadata(context.metadata())
}

/// Records on a case what became of it elsewhere.
async fn on_case(
    log: &EventLog,
    context: &ReactionContext,
    event: &RecordedEvent,
    label: &str,
    case_id: CaseId,
    wish: DeskCommand,
) -> Result<(), ReactionError> {
    let partition = log.partition_for(context.tenant(), case_id.order_id());
    let command = command(context, event, label, partition)
        .prefetch::<Purchase>(case_id.order_id())
        .prefetch::<Case>(&case_id.to_string());
    log.execute(command, move |unit| {
        commands::on_case(unit, &case_id, wish.clone())?;
        Ok::<(), ordo_event_log::Halt<DeskError>>(())
    })
    .await
    .map_err(|error| ordo_rpc::reaction_error(ordo_rpc::status(error)))?;
    Ok(())
}
