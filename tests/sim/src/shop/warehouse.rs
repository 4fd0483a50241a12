//! The warehouse picks, checks, packs and hands over; the carrier delivers.

use ordo_proto::fulfilment::{
    DispatchRequest, FulfilmentOrder, FulfilmentOrderStatus, ListWorkRequest, PackRequest,
    RecordCheckRequest, RecordPickRequest, RecordTrackingRequest, ShortPickReason,
    StartPickingRequest, TrackingScan, TrackingStatus, record_tracking_request::Parcel,
};

use super::Shop;
use crate::{command, query};

impl Shop {
    /// Whoever works at a site takes what is open there, one after another.
    pub(super) async fn work(self, site_id: &'static str) {
        while self.is_open() {
            self.pause(800).await;
            let request = ListWorkRequest {
                site_id: site_id.to_owned(),
                statuses: vec![FulfilmentOrderStatus::Open.into()],
                ..ListWorkRequest::default()
            };
            let Ok(listed) = query!(self.people, fulfilment.list_work(request)) else {
                continue;
            };
            if let Some(work) = self.people.world.pick(&listed.work) {
                self.fulfil(&work).await;
            }
        }
    }

    /// From the shelf to the door, as far as it goes.
    async fn fulfil(&self, work: &FulfilmentOrder) -> Option<()> {
        let id = work.fulfilment_order_id.clone();
        let start = StartPickingRequest {
            header: self.people.header(),
            fulfilment_order_id: id.clone(),
            worker: "picker".to_owned(),
            ..StartPickingRequest::default()
        };
        command!(self.people, fulfilment.start_picking(start)).ok()?;
        let mut picked = 0;
        for view in &work.lines {
            let line = view.line.clone().unwrap_or_default();
            let missing = i64::from(self.people.world.below(8) == 0);
            let pick = RecordPickRequest {
                header: self.people.header(),
                fulfilment_order_id: id.clone(),
                line_id: line.line_id,
                quantity: line.quantity - missing,
                missing,
                reason: match missing {
                    0 => ShortPickReason::Unspecified.into(),
                    _ => ShortPickReason::NotInStock.into(),
                },
                ..RecordPickRequest::default()
            };
            picked += line.quantity - missing;
            let _ = command!(self.people, fulfilment.record_pick(pick));
        }
        if picked == 0 {
            return None;
        }
        self.pause(500).await;
        let check = RecordCheckRequest {
            header: self.people.header(),
            fulfilment_order_id: id.clone(),
            lines: vec![],
        };
        let _ = command!(self.people, fulfilment.record_check(check));
        let pack = PackRequest {
            header: self.people.header(),
            fulfilment_order_id: id.clone(),
            parcels: vec![],
        };
        command!(self.people, fulfilment.pack(pack)).ok()?;
        self.pause(300).await;
        let dispatch = DispatchRequest {
            header: self.people.header(),
            fulfilment_order_id: id.clone(),
            parcel_ids: vec![],
            carrier: "ROYALMAIL".to_owned(),
            tracking_number: format!("RM{id}GB"),
        };
        let dispatched = command!(self.people, fulfilment.dispatch(dispatch)).ok()?;
        self.pause(600).await;
        for parcel_id in dispatched.parcel_ids {
            let request = RecordTrackingRequest {
                header: self.people.header(),
                parcel: Some(Parcel::ParcelId(parcel_id)),
                scans: vec![TrackingScan {
                    status: TrackingStatus::Delivered.into(),
                    occurred_at: Some(std::time::SystemTime::now().into()),
                    scan_id: "delivered".to_owned(),
                    ..TrackingScan::default()
                }],
            };
            let _ = command!(self.people, fulfilment.record_tracking(request));
        }
        Some(())
    }
}
