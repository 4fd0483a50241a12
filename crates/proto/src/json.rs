//! proto3 JSON of any message in `proto/`, by its full name.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};

/// All descriptors of `proto/`.
#[allow(clippy::expect_used)] // Bytes that the build script wrote for this very crate.
pub static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(crate::FILE_DESCRIPTOR_SET)
        .expect("descriptors are built with the crate")
});

/// Bytes that are not what their type name says.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// No message of that name in `proto/`.
    #[error("no message type is named `{0}`")]
    UnknownType(String),
    /// The bytes do not decode.
    #[error("the payload is not a valid `{type_name}`")]
    Decode {
        /// Full message name.
        type_name: String,
        /// What the decoder says.
        source: prost::DecodeError,
    },
    /// The message cannot be written as JSON (a time stamp out of range, for example).
    #[error("the message cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The text is not JSON, or names fields or values that the message does not have.
    #[error("the text is not proto3 JSON of `{type_name}`")]
    Read {
        /// Full message name.
        type_name: String,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
}

/// Decodes `bytes` as the message `type_name` and writes it as proto3 JSON: lowerCamelCase names, 64-bit integers as
/// strings, unset fields left out.
pub fn from_bytes(type_name: &str, bytes: &[u8]) -> Result<serde_json::Value, JsonError> {
    let descriptor = descriptor(type_name)?;
    let message =
        DynamicMessage::decode(descriptor, bytes).map_err(|source| JsonError::Decode {
            type_name: type_name.to_owned(),
            source,
        })?;
    let options = SerializeOptions::new().skip_default_fields(true);
    message
        .serialize_with_options(serde_json::value::Serializer, &options)
        .map_err(JsonError::Encode)
}

/// proto3 JSON of a generated message.
pub fn from_message<M: Message + prost::Name>(message: &M) -> Result<serde_json::Value, JsonError> {
    from_bytes(&M::full_name(), &message.encode_to_vec())
}

/// Looks a message type up by its full name.
pub fn descriptor(type_name: &str) -> Result<MessageDescriptor, JsonError> {
    POOL.get_message_by_name(type_name)
        .ok_or_else(|| JsonError::UnknownType(type_name.to_owned()))
}

/// A generated message from its proto3 JSON; unknown fields are refused.
pub fn to_message<M: Message + prost::Name + Default>(text: &[u8]) -> Result<M, JsonError> {
    let unreadable = |source| JsonError::Read {
        type_name: M::full_name(),
        source,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let message = DynamicMessage::deserialize(descriptor(&M::full_name())?, &mut deserializer)
        .map_err(unreadable)?;
    deserializer.end().map_err(unreadable)?;
    M::decode(message.encode_to_vec().as_slice()).map_err(|source| JsonError::Decode {
        type_name: M::full_name(),
        source,
    })
}
