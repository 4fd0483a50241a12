//! Customers send things back.

use ordo_proto::aftersales::{
    CaseKind, CaseLine, CaseStatus, ListCasesRequest, OpenCaseRequest, RecordReceiptRequest,
};

use super::Shop;
use crate::{command, query};

impl Shop {
    /// Whoever takes returns opens cases and books what comes back.
    pub(super) async fn take_back(self) {
        while self.is_open() {
            self.pause(1_500).await;
            if self.people.world.below(2) == 0 {
                self.open_case().await;
            } else {
                self.receive_return().await;
            }
        }
    }

    async fn open_case(&self) -> Option<()> {
        let order_id = self.some_order()?;
        let order = self.order(&order_id).await?;
        let delivered = order.lines.iter().any(|line| {
            line.quantities
                .is_some_and(|quantities| quantities.delivered > 0)
        });
        if !delivered {
            return None;
        }
        let kind = self.people.world.pick(&[
            CaseKind::Return,
            CaseKind::Return,
            CaseKind::Exchange,
            CaseKind::RefundOnly,
        ])?;
        let amount = (kind == CaseKind::RefundOnly).then(|| super::money(300));
        let request = OpenCaseRequest {
            header: self.people.header(),
            order_id,
            kind: kind.into(),
            lines: vec![CaseLine {
                line_id: "1".to_owned(),
                quantity: 1,
                reason: "CHANGED_MIND".to_owned(),
                ..CaseLine::default()
            }],
            amount,
            approve: true,
            ..OpenCaseRequest::default()
        };
        command!(self.people, aftersales.open_case(request)).ok()?;
        Some(())
    }

    async fn receive_return(&self) -> Option<()> {
        let request = ListCasesRequest {
            statuses: vec![CaseStatus::Approved.into()],
            ..ListCasesRequest::default()
        };
        let listed = query!(self.people, aftersales.list_cases(request)).ok()?;
        let case = self.people.world.pick(&listed.cases)?;
        let request = RecordReceiptRequest {
            header: self.people.header(),
            case_id: case.case_id,
            ..RecordReceiptRequest::default()
        };
        command!(self.people, aftersales.record_receipt(request)).ok()?;
        Some(())
    }
}
