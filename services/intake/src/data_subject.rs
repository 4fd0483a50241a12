//! A person whose data is sealed: all that is recorded of them is that they were forgotten.

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::intake;

ordo_event_log::events! {
    /// What happens to a data subject.
    pub enum DataSubjectEvent {
        Erased(intake::PersonalDataErased),
    }
}

/// Streams `data_subject`, id = customer id, or order id of an order without a customer.
pub struct DataSubject;

/// How often the person was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erasures(pub u64);

/// The subject's key was destroyed.
#[derive(Clone, Debug)]
pub struct RecordErasure {
    /// Data subject.
    pub subject: String,
    /// There was a key to destroy. When there was none, the erasure is recorded only if it never was: a try that stopped
    /// half-way is made good.
    pub had_key: bool,
}

impl Decider for DataSubject {
    type State = Erasures;
    type Command = RecordErasure;
    type Event = DataSubjectEvent;
    type Error = std::convert::Infallible;

    fn decide(
        state: &Erasures,
        command: RecordErasure,
    ) -> Result<Vec<DataSubjectEvent>, Self::Error> {
        let erased = intake::PersonalDataErased {
            subject: command.subject,
        };
        let recorded_before = state.0 > 0;
        Ok(if command.had_key || !recorded_before {
            vec![erased.into()]
        } else {
            Vec::new()
        })
    }

    fn evolve(state: Erasures, event: &DataSubjectEvent) -> Erasures {
        match event {
            DataSubjectEvent::Erased(_) => Erasures(state.0 + 1),
        }
    }
}

impl Aggregate for DataSubject {
    const NAME: &'static str = "data_subject";

    fn encode(event: &DataSubjectEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<DataSubjectEvent, CodecError> {
        DataSubjectEvent::decode_event(type_name, payload)
    }
}

#[cfg(test)]
mod tests {
    use ordo_decider::given;

    use super::*;

    fn erased() -> DataSubjectEvent {
        intake::PersonalDataErased {
            subject: "c1".into(),
        }
        .into()
    }

    fn record(had_key: bool) -> RecordErasure {
        RecordErasure {
            subject: "c1".into(),
            had_key,
        }
    }

    #[test]
    fn an_erasure_is_recorded_also_when_an_earlier_try_destroyed_the_key() {
        given::<DataSubject>([]).when(record(true)).then([erased()]);
        given::<DataSubject>([])
            .when(record(false))
            .then([erased()]);
        given::<DataSubject>([erased()])
            .when(record(false))
            .then_nothing();
    }

    #[test]
    fn a_customer_who_came_back_can_be_forgotten_again() {
        given::<DataSubject>([erased()])
            .when(record(true))
            .then([erased()]);
    }
}
