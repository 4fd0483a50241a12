//! What happens to a reservation.

use ordo_proto::inventory::{
    ReservationAllocated, ReservationConsumed, ReservationExpired, ReservationReleased,
    ReservationRequested, ReservationShort, ReservationUnitsLost,
};

ordo_event_log::events! {
    /// A wish, its outcome, and what became of the units.
    pub enum ReservationEvent {
        Requested(ReservationRequested),
        Allocated(ReservationAllocated),
        Short(ReservationShort),
        Released(ReservationReleased),
        Consumed(ReservationConsumed),
        Expired(ReservationExpired),
        UnitsLost(ReservationUnitsLost),
    }
}
