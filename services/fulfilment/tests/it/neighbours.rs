//! What intake and inventory tell, written into their logs.

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, Command, EncodedEvent, EventLog, TenantId};

ordo_event_log::events! {
    /// What the neighbours tell.
    pub enum Told {
        Requested(ordo_proto::intake::FulfilmentRequested),
        Amended(ordo_proto::intake::AddressAmended),
        SkuPut(ordo_proto::inventory::SkuPut),
    }
}

/// A stream `order` or `sku`; only what is told matters.
pub struct Neighbour;

impl Decider for Neighbour {
    type State = ();
    type Command = Told;
    type Event = Told;
    type Error = std::convert::Infallible;

    fn decide((): &(), told: Told) -> Result<Vec<Told>, Self::Error> {
        Ok(vec![told])
    }

    fn evolve((): (), _: &Told) {}
}

impl Aggregate for Neighbour {
    const NAME: &'static str = "order";

    fn encode(event: &Told) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<Told, CodecError> {
        Told::decode_event(type_name, payload)
    }
}

/// Records `told` in the stream `id` of a neighbour's log.
pub async fn tell(log: &EventLog, tenant: &TenantId, id: &str, told: impl Into<Told>) {
    let partition = log.partition_for(tenant, id);
    let (id, told) = (id.to_owned(), told.into());
    log.execute(Command::new(tenant.clone(), partition), move |unit| {
        unit.decide::<Neighbour>(&id, told.clone()).copied()
    })
    .await
    .unwrap();
}
