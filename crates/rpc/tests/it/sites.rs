//! A small aggregate to fill logs with.

use ordo_decider::Decider;
use ordo_event_log::{
    Aggregate, CodecError, Command, EncodedEvent, EventLog, EventLogConfig, Halt, TenantId,
};
use ordo_proto::inventory::SitePut;
use ordo_testkit::TestStore;

ordo_event_log::events! {
    /// What happens to a site.
    pub enum SiteEvent {
        Put(SitePut),
    }
}

pub struct Site;

impl Decider for Site {
    type State = u64;
    type Command = String;
    type Event = SiteEvent;
    type Error = std::convert::Infallible;

    fn decide(_: &u64, name: String) -> Result<Vec<SiteEvent>, Self::Error> {
        Ok(vec![SiteEvent::from(SitePut {
            name,
            ..SitePut::default()
        })])
    }

    fn evolve(count: u64, _: &SiteEvent) -> u64 {
        count + 1
    }
}

impl Aggregate for Site {
    const NAME: &'static str = "site";

    fn encode(event: &SiteEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<SiteEvent, CodecError> {
        SiteEvent::decode_event(type_name, payload)
    }
}

pub async fn open(store: &TestStore, partitions: u32) -> EventLog {
    let config = EventLogConfig::new("inventory", store.store_url()).partitions(partitions);
    EventLog::open(config).await.unwrap()
}

/// Records one event on the site `id` of `tenant` in `partition`.
pub async fn put(log: &EventLog, tenant: &str, partition: u32, id: &str) -> u64 {
    let tenant = TenantId::new(tenant).unwrap();
    let id = id.to_owned();
    let receipt = log
        .execute(Command::new(tenant, partition), move |unit| {
            unit.decide::<Site>(&id, "x".into())
                .map_err(|halt| halt.map(|never| match never {}))?;
            Ok::<(), Halt<std::convert::Infallible>>(())
        })
        .await
        .unwrap();
    receipt.position
}
