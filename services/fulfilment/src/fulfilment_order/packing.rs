//! Into parcels.

use ordo_proto::fulfilment::{ParcelPacked, WorkLine};

use super::{
    CheckPolicy, FulfilmentOrderError, FulfilmentOrderEvent, FulfilmentOrderState, Line,
    ParcelContents, Quantities, Work,
};

pub(super) fn pack(
    state: &FulfilmentOrderState,
    check: CheckPolicy,
    mut parcels: Vec<ParcelContents>,
) -> Result<Vec<FulfilmentOrderEvent>, FulfilmentOrderError> {
    let work = state.work()?;
    if parcels.is_empty() {
        parcels.push(ParcelContents::default());
    }
    if let [only] = parcels.as_mut_slice()
        && only.lines.is_empty()
    {
        only.lines = everything(work, check)?;
    }
    // Parcels of one command share the units, so each is counted before the next is looked at.
    let mut lines = work.lines.clone();
    let mut events = Vec::with_capacity(parcels.len());
    for (n, parcel) in (work.parcels.len() + 1..).zip(parcels) {
        if parcel.lines.is_empty() {
            return Err(FulfilmentOrderError::EmptyParcel);
        }
        let mut contents = Vec::with_capacity(parcel.lines.len());
        let skipped_before = skipped(&lines);
        for (line_id, units) in &parcel.lines {
            contents.push(take(&mut lines, line_id, *units, check)?);
        }
        events.push(
            ParcelPacked {
                fulfilment_order_id: work.fulfilment_order_id.clone(),
                parcel_id: format!("{}-P{n}", work.fulfilment_order_id),
                lines: contents,
                weight_grams: parcel.weight_grams,
                carton: parcel.carton,
                check_skipped: skipped(&lines) > skipped_before,
            }
            .into(),
        );
    }
    Ok(events)
}

fn may_be_packed(quantities: &Quantities, check: CheckPolicy) -> i64 {
    match check {
        CheckPolicy::Optional => quantities.unpacked(),
        CheckPolicy::Required => quantities.checked(),
    }
}

/// Everything that may be packed; refused when there is nothing.
fn everything(work: &Work, check: CheckPolicy) -> Result<Vec<(String, i64)>, FulfilmentOrderError> {
    let units = |line: &Line| (line.line_id.clone(), may_be_packed(&line.quantities, check));
    let lines: Vec<_> = work
        .lines
        .iter()
        .map(units)
        .filter(|(_, units)| *units > 0)
        .collect();
    if !lines.is_empty() {
        return Ok(lines);
    }
    let unchecked = work
        .lines
        .iter()
        .find(|line| line.quantities.unpacked() > 0);
    Err(
        unchecked.map_or(FulfilmentOrderError::NothingToPack, |line| {
            FulfilmentOrderError::NotChecked {
                line_id: line.line_id.clone(),
                unchecked: line.quantities.to_check(),
            }
        }),
    )
}

fn take(
    lines: &mut [Line],
    line_id: &str,
    units: i64,
    check: CheckPolicy,
) -> Result<WorkLine, FulfilmentOrderError> {
    let line_id = || line_id.to_owned();
    let Some(line) = lines.iter_mut().find(|line| line.line_id == line_id()) else {
        return Err(FulfilmentOrderError::UnknownLine { line_id: line_id() });
    };
    if units < 1 {
        return Err(FulfilmentOrderError::BadQuantity { line_id: line_id() });
    }
    let picked = line.quantities.unpacked();
    if units > picked {
        return Err(FulfilmentOrderError::TooManyPacked {
            line_id: line_id(),
            wanted: units,
            picked,
        });
    }
    let allowed = may_be_packed(&line.quantities, check);
    if units > allowed {
        return Err(FulfilmentOrderError::NotChecked {
            line_id: line_id(),
            unchecked: units - allowed,
        });
    }
    line.quantities.pack(units);
    Ok(line.units(units))
}

fn skipped(lines: &[Line]) -> i64 {
    lines.iter().map(|line| line.quantities.skipped).sum()
}
