//! What must hold after any number of crashes.

use std::collections::BTreeSet;

use futures::{StreamExt as _, stream};
use ordo_bus::verify_copy;
use ordo_event_log::RecordedEvent;
use ordo_proto::types::{Contact, Sealed};
use prost::Message as _;

use crate::{Question, Shop, notes, tally::counts, tell};

/// Questions that are looked at at once.
const AT_ONCE: usize = 32;

impl Shop {
    /// Repeats all questions of the last round, as a client does that does not know what became of them: those that were
    /// acknowledged get the same answer.
    pub async fn repeat(&self, questions: &[Question]) {
        let repeated = stream::iter(questions).map(|question| async move {
            let receipt = self.ask(question).await;
            tell(question, &receipt);
            let Some((position, answer)) = question.acknowledged else {
                return;
            };
            let name = &question.name;
            assert!(
                receipt.duplicate,
                "question {name} was acknowledged and then forgotten"
            );
            assert_eq!(
                (receipt.position, receipt.answer),
                (position, answer),
                "question {name} was acknowledged at another position"
            );
        });
        repeated.buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    /// Compares everything with everything once nothing is left to do.
    pub async fn check(&self, questions: &[Question]) {
        self.repeat(questions).await;
        self.quiet().await;
        println!("nothing is left to do");
        let counted = stream::iter(questions).map(|question| self.count(&question.name));
        counted.buffer_unordered(AT_ONCE).collect::<()>().await;
        println!("every question is answered");
        let verified = self.log.verify(0).await.unwrap();
        assert!(verified.ok(), "{verified:#?}");
        let copy = verify_copy(&self.bus, &self.log, 0).await.unwrap();
        let head = verified.head.position;
        assert!(copy.is_exact() && copy.compared == head, "{copy:?}");
        assert_eq!(
            counts(&self.model.db()).await,
            (head, head),
            "applied events"
        );
        let rebuilt = self.model.verify().await.unwrap();
        assert!(rebuilt.is_equal(), "{rebuilt:?}");
        assert_eq!(self.reactor.status().await.unwrap().parked, 0);
        self.open_every_name().await;
    }

    async fn count(&self, name: &str) {
        for (stream, what) in [
            ("question", "asked"),
            ("answer", "answered by the reaction"),
            ("closing", "closed by its timer"),
        ] {
            let times = notes(&self.log, &format!("{stream}-{name}")).await;
            assert_eq!(times, 1, "how often question {name} was {what}");
        }
    }

    async fn open_every_name(&self) {
        let mut position = 0;
        let mut opened = BTreeSet::new();
        loop {
            let events = self.log.read(0, position, 500).await.unwrap();
            let Some(last) = events.last() else { break };
            position = last.position;
            for event in &events {
                if let Some(name) = event.stream.id.strip_prefix("question-") {
                    let contact = self.contact(event).await;
                    let expected = Question::new(name).contact();
                    assert_eq!(
                        contact,
                        Some(expected),
                        "the sealed name of question {name} cannot be opened"
                    );
                    opened.insert(name.to_owned());
                }
            }
        }
        assert!(!opened.is_empty());
    }

    async fn contact(&self, event: &RecordedEvent) -> Option<Contact> {
        let sealed = Sealed::decode(event.payload.clone()).unwrap();
        self.vault.open(&sealed, "contact", "check").await.unwrap()
    }
}
