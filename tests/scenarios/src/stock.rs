//! What buyers and the stock room do.

use ordo_proto::inventory::{
    Availability, GetAvailabilityRequest, PutSiteRequest, PutSkuRequest, ReceiveStockLine,
    ReceiveStockRequest, SiteKind, StockCondition,
};

use crate::{Shop, again, header, orders::pence, seen_when};

impl Shop {
    /// Defines a warehouse.
    pub async fn put_site(&self, site_id: &str) {
        let request = PutSiteRequest {
            header: header(),
            site_id: site_id.to_owned(),
            name: site_id.to_owned(),
            kind: SiteKind::Warehouse.into(),
            ..PutSiteRequest::default()
        };
        again(|| async { self.inventory().put_site(request.clone()).await })
            .await
            .unwrap();
    }

    /// Defines an article and receives units of it.
    pub async fn stock(&self, sku: &str, quantity: i64) {
        let request = PutSkuRequest {
            header: header(),
            sku: sku.to_owned(),
            name: format!("Article {sku}"),
            price: Some(pence(1000)),
            ..PutSkuRequest::default()
        };
        again(|| async { self.inventory().put_sku(request.clone()).await })
            .await
            .unwrap();
        if quantity > 0 {
            self.receive(sku, quantity).await;
        }
    }

    /// Receives units of an article.
    pub async fn receive(&self, sku: &str, quantity: i64) {
        let request = ReceiveStockRequest {
            header: header(),
            site_id: "main".to_owned(),
            lines: vec![ReceiveStockLine {
                sku: sku.to_owned(),
                quantity,
                condition: StockCondition::Sellable.into(),
                ..ReceiveStockLine::default()
            }],
            cause_id: "delivery".to_owned(),
        };
        again(|| async { self.inventory().receive_stock(request.clone()).await })
            .await
            .unwrap();
    }

    /// What is there once `condition` holds.
    pub async fn available_when(
        &self,
        sku: &str,
        condition: impl Fn(&Availability) -> bool,
    ) -> Availability {
        let request = GetAvailabilityRequest {
            skus: vec![sku.to_owned()],
            site_id: "main".to_owned(),
            ..GetAvailabilityRequest::default()
        };
        let ask = async || {
            let answer =
                again(|| async { self.inventory().get_availability(request.clone()).await });
            let rows = answer.await.unwrap().availability;
            rows.into_iter().next().unwrap_or_default()
        };
        seen_when(ask, condition).await
    }
}
