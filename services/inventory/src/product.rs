//! A product: what several SKUs (sizes, colours) have in common.

#[cfg(test)]
mod tests;

use std::{convert::Infallible, sync::Arc};

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::inventory::ProductPut;

ordo_event_log::events! {
    /// What happens to a product.
    pub enum ProductEvent {
        Put(ProductPut),
    }
}

/// A product as it was last put.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Product {
    put: Option<Arc<ProductPut>>,
}

impl Product {
    /// True once it was put.
    pub fn exists(&self) -> bool {
        self.put.is_some()
    }
}

impl Decider for Product {
    type State = Product;
    type Command = ProductPut;
    type Event = ProductEvent;
    type Error = Infallible;

    fn decide(state: &Product, command: ProductPut) -> Result<Vec<ProductEvent>, Infallible> {
        if state.put.as_deref() == Some(&command) {
            return Ok(Vec::new());
        }
        Ok(vec![command.into()])
    }

    fn evolve(_: Product, ProductEvent::Put(put): &ProductEvent) -> Product {
        Product {
            put: Some(Arc::new(put.clone())),
        }
    }
}

impl Aggregate for Product {
    const NAME: &'static str = "product";

    fn encode(event: &ProductEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<ProductEvent, CodecError> {
        ProductEvent::decode_event(type_name, payload)
    }
}
