//! Read models: the work list, parcels, and what barcodes mean.

pub mod barcodes;
pub mod parcels;
pub mod work;

use ordo_event_log::{CodecError, RecordedEvent};
use ordo_projection::ProjectionError;

/// What `decode` makes of the event; `None` for types that it does not know, which come from a newer version.
fn known<E>(
    event: &RecordedEvent,
    decode: fn(&str, &[u8]) -> Result<E, CodecError>,
) -> Result<Option<E>, ProjectionError> {
    match decode(&event.type_name, &event.payload) {
        Ok(event) => Ok(Some(event)),
        Err(CodecError::UnknownType(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
