//! What the warehouse and the carrier do.

use ordo_proto::{
    fulfilment::{
        DispatchRequest, FulfilmentOrder, FulfilmentOrderStatus, GetParcelRequest, ListWorkRequest,
        PackRequest, Parcel, RecordCheckRequest, RecordPickRequest, RecordTrackingRequest,
        StartPickingRequest, TrackingScan, TrackingStatus, get_parcel_request,
        record_tracking_request,
    },
    intake::{FulfilmentStatus, Order},
};

use crate::{Shop, again, header, seen_when};

impl Shop {
    /// The order's fulfilment orders once there are `count` of them, oldest first.
    pub async fn work_of(&self, order_id: &str, count: usize) -> Vec<FulfilmentOrder> {
        self.work_when(order_id, |work| work.len() >= count).await
    }

    /// The order's fulfilment orders, oldest first, once `condition` holds.
    pub async fn work_when(
        &self,
        order_id: &str,
        condition: impl Fn(&[FulfilmentOrder]) -> bool,
    ) -> Vec<FulfilmentOrder> {
        let request = ListWorkRequest {
            order_id: order_id.to_owned(),
            ..ListWorkRequest::default()
        };
        let ask = async || {
            let answer = again(|| async { self.fulfilment().list_work(request.clone()).await });
            answer.await.unwrap().work
        };
        seen_when(ask, |work| condition(work)).await
    }

    /// A parcel, once `condition` holds.
    pub async fn parcel_when(
        &self,
        parcel_id: &str,
        condition: impl Fn(&Parcel) -> bool,
    ) -> Parcel {
        let request = GetParcelRequest {
            parcel: Some(get_parcel_request::Parcel::ParcelId(parcel_id.to_owned())),
            ..GetParcelRequest::default()
        };
        let ask = async || {
            let answer = again(|| async { self.fulfilment().get_parcel(request.clone()).await });
            answer.await.unwrap().parcel.unwrap()
        };
        seen_when(ask, condition).await
    }

    /// Picks everything on a fulfilment order.
    pub async fn pick(&self, work: &FulfilmentOrder) {
        let id = &work.fulfilment_order_id;
        let start = StartPickingRequest {
            header: header(),
            fulfilment_order_id: id.clone(),
            worker: "picker-1".to_owned(),
            ..StartPickingRequest::default()
        };
        again(|| async { self.fulfilment().start_picking(start.clone()).await })
            .await
            .unwrap();
        for view in &work.lines {
            let line = view.line.clone().unwrap_or_default();
            let pick = RecordPickRequest {
                header: header(),
                fulfilment_order_id: id.clone(),
                line_id: line.line_id,
                quantity: line.quantity,
                ..RecordPickRequest::default()
            };
            again(|| async { self.fulfilment().record_pick(pick.clone()).await })
                .await
                .unwrap();
        }
    }

    /// Checks and packs everything picked into one parcel.
    pub async fn pack(&self, id: &str) {
        let check = RecordCheckRequest {
            header: header(),
            fulfilment_order_id: id.to_owned(),
            lines: vec![],
        };
        again(|| async { self.fulfilment().record_check(check.clone()).await })
            .await
            .unwrap();
        let pack = PackRequest {
            header: header(),
            fulfilment_order_id: id.to_owned(),
            parcels: vec![],
        };
        again(|| async { self.fulfilment().pack(pack.clone()).await })
            .await
            .unwrap();
    }

    /// Hands the parcels to the carrier and returns their ids.
    pub async fn dispatch(&self, id: &str) -> Vec<String> {
        let dispatch = DispatchRequest {
            header: header(),
            fulfilment_order_id: id.to_owned(),
            parcel_ids: vec![],
            carrier: "ROYALMAIL".to_owned(),
            tracking_number: format!("RM{id}GB"),
        };
        again(|| async { self.fulfilment().dispatch(dispatch.clone()).await })
            .await
            .unwrap()
            .parcel_ids
    }

    /// The carrier delivers a parcel.
    pub async fn deliver(&self, parcel_id: &str) {
        let now = std::time::SystemTime::now();
        let request = RecordTrackingRequest {
            header: header(),
            parcel: Some(record_tracking_request::Parcel::ParcelId(
                parcel_id.to_owned(),
            )),
            scans: vec![TrackingScan {
                status: TrackingStatus::Delivered.into(),
                occurred_at: Some(now.into()),
                scan_id: "delivered".to_owned(),
                ..TrackingScan::default()
            }],
        };
        again(|| async { self.fulfilment().record_tracking(request.clone()).await })
            .await
            .unwrap();
    }

    /// From the open fulfilment orders of an order to its delivery.
    pub async fn fulfil(&self, order_id: &str) -> Order {
        for work in self.work_of(order_id, 1).await {
            if work.status() != FulfilmentOrderStatus::Open {
                continue;
            }
            self.pick(&work).await;
            self.pack(&work.fulfilment_order_id).await;
            for parcel in self.dispatch(&work.fulfilment_order_id).await {
                self.deliver(&parcel).await;
            }
        }
        self.order_when(order_id, |order| {
            order.fulfilment_status() == FulfilmentStatus::Delivered
        })
        .await
    }
}
