//! Which SKU a code belongs to: barcodes and channels' own SKU codes. One stream per code, so that two SKUs cannot take the
//! same one, however many replicas decide at once.

#[cfg(test)]
mod tests;

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::inventory::{
    BarcodeAssigned, BarcodeFreed, ChannelSku, ChannelSkuMapped, ChannelSkuUnmapped,
};

use crate::ids::Sku;

ordo_event_log::events! {
    /// What happens to a barcode.
    pub enum BarcodeEvent {
        Assigned(BarcodeAssigned),
        Freed(BarcodeFreed),
    }
}

ordo_event_log::events! {
    /// What happens to a channel's code.
    pub enum ChannelCodeEvent {
        Mapped(ChannelSkuMapped),
        Unmapped(ChannelSkuUnmapped),
    }
}

/// The code belongs to another SKU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{code}` belongs to SKU {owner}")]
pub struct CodeTaken {
    /// The code.
    pub code: String,
    /// Whose it is.
    pub owner: Sku,
}

/// What is asked of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CodeCommand<C> {
    /// From now on it means this SKU.
    Take {
        /// The code; it names the stream and is written into the events.
        code: C,
        /// Who takes it.
        sku: Sku,
    },
    /// It no longer means this SKU.
    Free {
        /// The code.
        code: C,
        /// Who gives it up.
        sku: Sku,
    },
}

/// Whose a barcode is; stream `barcode/<canonical code>`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Barcode {
    owner: Option<Sku>,
}

/// Whose a channel's code is; stream `channel_sku/<channel>/<code>`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChannelCode {
    owner: Option<Sku>,
}

impl ChannelCode {
    /// Id of the stream.
    pub fn stream_id(code: &ChannelSku) -> String {
        format!("{}/{}", code.channel, code.code)
    }
}

/// True when `sku` has to take it, false when it has it.
fn taking(owner: Option<&Sku>, sku: &Sku, code: &str) -> Result<bool, CodeTaken> {
    match owner {
        None => Ok(true),
        Some(owner) if owner == sku => Ok(false),
        Some(owner) => Err(CodeTaken {
            code: code.to_owned(),
            owner: owner.clone(),
        }),
    }
}

impl Decider for Barcode {
    type State = Barcode;
    type Command = CodeCommand<String>;
    type Event = BarcodeEvent;
    type Error = CodeTaken;

    fn decide(
        state: &Barcode,
        command: CodeCommand<String>,
    ) -> Result<Vec<BarcodeEvent>, CodeTaken> {
        let event = match command {
            CodeCommand::Take { code, sku } => {
                taking(state.owner.as_ref(), &sku, &code)?.then(|| {
                    BarcodeAssigned {
                        barcode: code,
                        sku: String::from(&sku),
                    }
                    .into()
                })
            }
            CodeCommand::Free { code, sku } => (state.owner.as_ref() == Some(&sku)).then(|| {
                BarcodeFreed {
                    barcode: code,
                    sku: String::from(&sku),
                }
                .into()
            }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(_: Barcode, event: &BarcodeEvent) -> Barcode {
        Barcode {
            owner: match event {
                BarcodeEvent::Assigned(e) => Some(Sku::from(&e.sku)),
                BarcodeEvent::Freed(_) => None,
            },
        }
    }
}

impl Decider for ChannelCode {
    type State = ChannelCode;
    type Command = CodeCommand<ChannelSku>;
    type Event = ChannelCodeEvent;
    type Error = CodeTaken;

    fn decide(
        state: &ChannelCode,
        command: CodeCommand<ChannelSku>,
    ) -> Result<Vec<ChannelCodeEvent>, CodeTaken> {
        let event = match command {
            CodeCommand::Take { code, sku } => {
                taking(state.owner.as_ref(), &sku, &ChannelCode::stream_id(&code))?.then(|| {
                    ChannelSkuMapped {
                        channel: code.channel,
                        code: code.code,
                        sku: String::from(&sku),
                    }
                    .into()
                })
            }
            CodeCommand::Free { code, sku } => (state.owner.as_ref() == Some(&sku)).then(|| {
                ChannelSkuUnmapped {
                    channel: code.channel,
                    code: code.code,
                    sku: String::from(&sku),
                }
                .into()
            }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(_: ChannelCode, event: &ChannelCodeEvent) -> ChannelCode {
        ChannelCode {
            owner: match event {
                ChannelCodeEvent::Mapped(e) => Some(Sku::from(&e.sku)),
                ChannelCodeEvent::Unmapped(_) => None,
            },
        }
    }
}

impl Aggregate for Barcode {
    const NAME: &'static str = "barcode";

    fn encode(event: &BarcodeEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<BarcodeEvent, CodecError> {
        BarcodeEvent::decode_event(type_name, payload)
    }
}

impl Aggregate for ChannelCode {
    const NAME: &'static str = "channel_sku";

    fn encode(event: &ChannelCodeEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<ChannelCodeEvent, CodecError> {
        ChannelCodeEvent::decode_event(type_name, payload)
    }
}
