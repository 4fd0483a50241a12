//! A SKU: what is sold and counted, its dated prices and costs, and the sites that have (had) units of it.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    sync::Arc,
};

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent, Timestamp};
use ordo_proto::{
    inventory::{SkuCostChanged, SkuPriceChanged, SkuPut, SkuStockedAt},
    types::Money,
};

use crate::ids::SiteId;

ordo_event_log::events! {
    /// What happens to a SKU.
    pub enum SkuEvent {
        Put(SkuPut),
        PriceChanged(SkuPriceChanged),
        CostChanged(SkuCostChanged),
        StockedAt(SkuStockedAt),
    }
}

/// What decisions know of a SKU.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SkuItem {
    put: Option<Arc<SkuPut>>,
    /// By the time from which they hold.
    prices: Arc<BTreeMap<Timestamp, Money>>,
    costs: Arc<BTreeMap<Timestamp, Money>>,
    stocked_at: Arc<BTreeSet<SiteId>>,
}

impl SkuItem {
    /// The SKU as it was last put; `None` for one that nobody knows.
    pub fn record(&self) -> Option<&SkuPut> {
        self.put.as_deref()
    }

    /// Sites that have, or have had, units of it.
    pub fn stocked_at(&self) -> impl Iterator<Item = &SiteId> {
        self.stocked_at.iter()
    }

    /// The price that holds at `time`.
    pub fn price_at(&self, time: Timestamp) -> Option<&Money> {
        holding_at(&self.prices, time)
    }

    /// The cost that holds at `time`.
    pub fn cost_at(&self, time: Timestamp) -> Option<&Money> {
        holding_at(&self.costs, time)
    }
}

fn holding_at(dated: &BTreeMap<Timestamp, Money>, time: Timestamp) -> Option<&Money> {
    dated.range(..=time).next_back().map(|(_, money)| money)
}

/// What is asked of a SKU.
#[derive(Clone, Debug, PartialEq)]
pub enum SkuCommand {
    /// Describes it; a price or cost is a dated fact of its own.
    Put {
        /// The description.
        put: Box<SkuPut>,
        /// Selling price; `None` leaves it.
        price: Option<Money>,
        /// Cost price; `None` leaves it.
        cost: Option<Money>,
        /// From when they hold.
        effective_from: Timestamp,
    },
    /// Units come to a site.
    StockAt {
        /// Where.
        site_id: SiteId,
        /// The SKU itself, for the event.
        sku: crate::ids::Sku,
    },
}

impl Decider for SkuItem {
    type State = SkuItem;
    type Command = SkuCommand;
    type Event = SkuEvent;
    type Error = Infallible;

    fn decide(state: &SkuItem, command: SkuCommand) -> Result<Vec<SkuEvent>, Infallible> {
        let mut events = Vec::new();
        match command {
            SkuCommand::Put {
                put,
                price,
                cost,
                effective_from,
            } => {
                let sku = put.sku.clone();
                if state.record() != Some(&*put) {
                    events.push((*put).into());
                }
                let from = || Some(effective_from.into());
                if let Some(price) =
                    price.filter(|price| state.price_at(effective_from) != Some(price))
                {
                    let sku = sku.clone();
                    events.push(
                        SkuPriceChanged {
                            sku,
                            price: Some(price),
                            effective_from: from(),
                        }
                        .into(),
                    );
                }
                if let Some(cost) = cost.filter(|cost| state.cost_at(effective_from) != Some(cost))
                {
                    events.push(
                        SkuCostChanged {
                            sku,
                            cost: Some(cost),
                            effective_from: from(),
                        }
                        .into(),
                    );
                }
            }
            SkuCommand::StockAt { site_id, sku } => {
                if !state.stocked_at.contains(&site_id) {
                    let (sku, site_id) = (String::from(&sku), String::from(&site_id));
                    events.push(SkuStockedAt { sku, site_id }.into());
                }
            }
        }
        Ok(events)
    }

    fn evolve(mut state: SkuItem, event: &SkuEvent) -> SkuItem {
        match event {
            SkuEvent::Put(put) => state.put = Some(Arc::new(put.clone())),
            SkuEvent::PriceChanged(e) => date(
                &mut state.prices,
                e.effective_from.as_ref(),
                e.price.as_ref(),
            ),
            SkuEvent::CostChanged(e) => {
                date(&mut state.costs, e.effective_from.as_ref(), e.cost.as_ref())
            }
            SkuEvent::StockedAt(e) => {
                Arc::make_mut(&mut state.stocked_at).insert(SiteId::from(&e.site_id));
            }
        }
        state
    }
}

fn date(
    dated: &mut Arc<BTreeMap<Timestamp, Money>>,
    from: Option<&prost_types::Timestamp>,
    money: Option<&Money>,
) {
    if let (Some(from), Some(money)) = (from, money) {
        Arc::make_mut(dated).insert(Timestamp::from(from), money.clone());
    }
}

impl Aggregate for SkuItem {
    const NAME: &'static str = "sku";

    fn encode(event: &SkuEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<SkuEvent, CodecError> {
        SkuEvent::decode_event(type_name, payload)
    }
}
