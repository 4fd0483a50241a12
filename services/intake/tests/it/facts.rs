//! What the neighbours tell, written into their logs.

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, Command, EncodedEvent, EventLog, TenantId};
use ordo_proto::{aftersales, fulfilment, inventory};

ordo_event_log::events! {
    /// What the neighbours tell.
    pub enum Told {
        Allocated(inventory::ReservationAllocated),
        Short(inventory::ReservationShort),
        Lost(inventory::ReservationUnitsLost),
        SkuPut(inventory::SkuPut),
        Mapped(inventory::ChannelSkuMapped),
        Unmapped(inventory::ChannelSkuUnmapped),
        Barcode(inventory::BarcodeAssigned),
        Stopped(fulfilment::FulfilmentOrderCancelled),
        ShortPicked(fulfilment::LineShortPicked),
        Dispatched(fulfilment::ParcelDispatched),
        Delivered(fulfilment::ParcelDelivered),
        Numbered(fulfilment::TrackingNumberAssigned),
        Approved(aftersales::CaseApproved),
        Received(aftersales::ReturnReceived),
        Freed(aftersales::ReplacementFreed),
    }
}

macro_rules! streams {
    ($($name:ident $kind:literal),+) => { $(
        /// Only what is told matters.
        pub struct $name;

        impl Decider for $name {
            type State = ();
            type Command = Told;
            type Event = Told;
            type Error = std::convert::Infallible;

            fn decide((): &(), told: Told) -> Result<Vec<Told>, Self::Error> {
                Ok(vec![told])
            }

            fn evolve((): (), _: &Told) {}
        }

        impl Aggregate for $name {
            const NAME: &'static str = $kind;

            fn encode(event: &Told) -> EncodedEvent {
                event.encode_event()
            }

            fn decode(type_name: &str, payload: &[u8]) -> Result<Told, CodecError> {
                Told::decode_event(type_name, payload)
            }
        }
    )+ };
}

streams! {
    Reservation "reservation", Catalogue "catalogue", FulfilmentOrder "fulfilment_order", Case "case"
}

/// Records `told` in a stream of a neighbour's log.
pub async fn tell<A>(log: &EventLog, tenant: &TenantId, id: &str, told: impl Into<Told>)
where
    A: Aggregate
        + Decider<State = (), Command = Told, Event = Told, Error = std::convert::Infallible>,
{
    let partition = log.partition_for(tenant, id);
    let (id, told) = (id.to_owned(), told.into());
    log.execute(Command::new(tenant.clone(), partition), move |unit| {
        unit.decide::<A>(&id, told.clone()).copied()
    })
    .await
    .unwrap();
}
