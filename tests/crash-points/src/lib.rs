//! A small shop that runs on everything that a service stands on: log, key store, relay, read model, reaction and timers,
//! over a real database and a real nats-server. `tests/it` starts it as a process, has it crash at a named point, and
//! starts it again.
//!
//! A question is asked with a command of its own and holds a name that is sealed. A reaction answers every question with
//! another command and sets a timer; the timer closes the question. So whatever crashes, in the end each question that
//! was asked is there once, answered once and closed once, and its name can be opened.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod check;
mod desk;
mod tally;

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use ordo_bus::{Bus, BusConfig, Relay, RelaySettings};
use ordo_event_log::{Command, EventLog, EventLogConfig, EventSource, Receipt, TenantId};
use ordo_lease::Leases;
use ordo_privacy::{KeyStore, MasterKeys, Vault};
use ordo_projection::{Reactor, ReactorSettings, ReadModel, ReadModelSettings};
use ordo_proto::types::Contact;
use ordo_sql::{OpenOptions, StoreUrl};
use prost::Message as _;

use self::{
    desk::{Desk, Note, write},
    tally::Tally,
};

const SERVICE: &str = "shop";
const MASTER: &str = "1111111111111111111111111111111111111111111111111111111111111111";
/// Questions that are asked at once.
const WAVE: usize = 4;

/// Where the process keeps everything.
#[derive(Clone, Debug)]
pub struct Place {
    pub store: StoreUrl,
    pub nats: String,
}

/// The question's own command. Its number in the round is part of the name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    pub name: String,
    /// What the first run was told, when it was told anything.
    pub acknowledged: Option<(u64, u64)>,
}

impl Question {
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            acknowledged: None,
        }
    }

    fn customer(&self) -> String {
        format!("customer-{}", self.name)
    }

    fn contact(&self) -> Contact {
        Contact {
            name: format!("Jane {}", self.name),
            ..Contact::default()
        }
    }
}

/// The running process.
pub struct Shop {
    pub log: EventLog,
    pub vault: Vault,
    pub bus: Bus,
    relay: Relay,
    pub model: ReadModel,
    pub reactor: Reactor,
    nats: String,
}

pub fn tenant() -> TenantId {
    TenantId::new("acme").unwrap()
}

impl Shop {
    pub async fn open(place: &Place) -> Self {
        let store = place.store.clone();
        let keys = store.open("shop.keys", OpenOptions::durable()).await;
        let masters = MasterKeys::parse(MASTER).unwrap();
        let keys = KeyStore::open(keys.unwrap(), masters).await.unwrap();
        let vault = Vault::local(keys).await.unwrap();
        let log = EventLog::open(EventLogConfig::new(SERVICE, store.clone()).partitions(1))
            .await
            .unwrap();
        let bus = Bus::connect(BusConfig::new(place.nats.clone()))
            .await
            .unwrap();
        // There is never more than one process; how replicas take over from each other is shown elsewhere.
        let leases = Leases::alone();
        let relay = Relay::share(&bus, log.clone(), RelaySettings::default(), &leases)
            .await
            .unwrap();
        let copy: Arc<dyn EventSource> = Arc::new(bus.source(Arc::new(log.clone())));
        let settings = ReadModelSettings {
            drain: Duration::from_millis(50),
            leases: Some(leases.clone()),
            ..ReadModelSettings::new(SERVICE, store.clone())
        };
        let model = ReadModel::start(settings, Arc::new(Tally), vec![copy])
            .await
            .unwrap();
        let settings = ReactorSettings {
            // A process that crashes at every try is what this is about; nothing is to be parked.
            failure_limit: 1_000_000,
            // Only the first few after a crash are stored before they are begun: both ways are taken.
            batch: 8,
            begin_unstored: 4,
            leases: Some(leases.clone()),
            drain: Duration::from_millis(500),
            ..ReactorSettings::new(SERVICE, store)
        };
        let reactor = Reactor::start(
            settings,
            Arc::new(Desk(log.clone())),
            vec![Arc::new(log.clone())],
        )
        .await
        .unwrap();
        Self {
            log,
            vault,
            bus,
            relay,
            model,
            reactor,
            nats: place.nats.clone(),
        }
    }

    /// Asks, once or again.
    pub async fn ask(&self, question: &Question) -> Receipt<u64> {
        let customer = question.customer();
        let sealed = self
            .vault
            .seal("acme", &customer, "contact", &question.contact())
            .await
            .unwrap();
        let command = Command::new(tenant(), 0).id(format!("ask:{}", question.name));
        let stream = format!("question-{}", question.name);
        write(&self.log, command, stream, sealed.encode_to_vec())
            .await
            .unwrap()
    }

    /// One after another `waves` of questions, each told as soon as it is acknowledged.
    pub async fn ask_in_waves(&self, round: &str, waves: std::ops::Range<usize>) {
        for wave in waves {
            let questions = (0..WAVE).map(|n| Question::new(format!("{round}-{wave}-{n}")));
            join_all(questions.map(|question| async move {
                println!("asks {}", question.name);
                let receipt = self.ask(&question).await;
                tell(&question, &receipt);
            }))
            .await;
        }
    }

    /// Works until it crashes.
    pub async fn work(&self, round: &str, spoil_the_copy: bool) {
        for turn in 0.. {
            self.ask_in_waves(round, turn * 3..turn * 3 + 3).await;
            if spoil_the_copy {
                self.spoil_the_copy().await;
                // The next event meets a stream that ends elsewhere.
                self.ask_in_waves(round, turn + 1000..turn + 1001).await;
            }
            self.model.rebuild().finish().await.unwrap();
            self.quiet().await;
        }
    }

    /// Puts a message into the relay's stream that is no event.
    async fn spoil_the_copy(&self) {
        let client = async_nats::connect(&self.nats).await.unwrap();
        let jetstream = async_nats::jetstream::new(client);
        let subject = "ordo.shop.0.acme.note.x.Noted";
        let sent = jetstream.publish(subject, "rogue".into()).await.unwrap();
        // Refused while the relay is making the stream anew; the next turn spoils that one.
        let _ = sent.await;
    }

    /// Waits until nothing is left to do.
    pub async fn quiet(&self) {
        let limit = Duration::from_secs(40);
        let quiet = async {
            while !self.is_quiet().await {
                // Not a wait: the pause of a loop that polls.
                tokio::time::sleep(Duration::from_millis(5)).await; // Not a wait: the pause of a polling loop.
            }
        };
        if tokio::time::timeout(limit, quiet).await.is_err() {
            panic!(
                "not quiet after {limit:?}: {:?} {:?} {:?}",
                self.reactor.status().await,
                self.model.status().await,
                self.relay.status()
            );
        }
    }

    async fn is_quiet(&self) -> bool {
        let reaction = self.reactor.status().await.unwrap();
        if reaction.pending > 0 || reaction.timers > 0 {
            return false;
        }
        let model = self.model.status().await;
        let progress = reaction.progress.iter().chain(&model.progress);
        let head = self.log.read_head(0).await.unwrap().position;
        let relayed = self.relay.status()[0].relayed;
        progress.clone().count() == 2
            && progress.clone().all(|progress| progress.position == head)
            && relayed == Some(head)
    }

    pub async fn close(self) {
        self.reactor.close().await;
        self.model.close().await;
        self.relay.close().await;
        self.log.close().await;
    }
}

/// Lets the starting process know.
fn tell(question: &Question, receipt: &Receipt<u64>) {
    println!(
        "acknowledged {} {} {}",
        question.name, receipt.position, receipt.answer
    );
}

/// How far a stream of the log has come.
pub(crate) async fn notes(log: &EventLog, stream: &str) -> u64 {
    log.state::<Note>(0, &tenant(), stream).await.unwrap().1
}
