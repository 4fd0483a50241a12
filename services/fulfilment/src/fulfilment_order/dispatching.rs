//! Out of the building. No carrier is asked: what has left has left. Who took it is known; under which number may come later.

use ordo_proto::fulfilment::ParcelDispatched;

use super::{
    FulfilmentOrderError, FulfilmentOrderEvent, FulfilmentOrderState, PackedParcel, Work,
    ending::close_if_nothing_remains,
};

pub(super) fn dispatch(
    state: &FulfilmentOrderState,
    parcel_ids: &[String],
    carrier: &str,
    tracking_number: &str,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    let work = state.work()?;
    if work.by_carrier && carrier.trim().is_empty() {
        return Err(FulfilmentOrderError::CarrierMissing);
    }
    let mut events = Vec::new();
    for parcel in leaving(work, parcel_ids)? {
        events.push(
            ParcelDispatched {
                fulfilment_order_id: work.fulfilment_order_id.clone(),
                order_id: work.order_id.clone(),
                site_id: work.site_id.clone(),
                parcel_id: parcel.parcel_id.clone(),
                carrier: carrier.to_owned(),
                tracking_number: tracking_number.to_owned(),
                lines: parcel.lines.clone(),
            }
            .into(),
        );
    }
    Ok(close_if_nothing_remains(state, events))
}

/// The parcels meant, each once, in the order they were packed.
fn leaving<'a>(
    work: &'a Work,
    parcel_ids: &[String],
) -> Result<Vec<&'a PackedParcel>, FulfilmentOrderError> {
    if parcel_ids.is_empty() {
        let waiting: Vec<_> = work
            .parcels
            .iter()
            .filter(|parcel| !parcel.dispatched)
            .collect();
        return if waiting.is_empty() {
            Err(FulfilmentOrderError::NothingToDispatch)
        } else {
            Ok(waiting)
        };
    }
    for parcel_id in parcel_ids {
        match work
            .parcels
            .iter()
            .find(|parcel| parcel.parcel_id == *parcel_id)
        {
            None => {
                return Err(FulfilmentOrderError::UnknownParcel {
                    parcel_id: parcel_id.clone(),
                });
            }
            Some(parcel) if parcel.dispatched => {
                return Err(FulfilmentOrderError::AlreadyDispatched {
                    parcel_ids: vec![parcel_id.clone()],
                });
            }
            Some(_) => {}
        }
    }
    let meant = |parcel: &&PackedParcel| parcel_ids.contains(&parcel.parcel_id);
    Ok(work.parcels.iter().filter(meant).collect())
}
