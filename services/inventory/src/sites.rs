//! The list of a shop's sites that decisions read, and each site's own record.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use ordo_decider::Decider;
use ordo_event_log::{Aggregate, CodecError, EncodedEvent};
use ordo_proto::{
    inventory::{SiteListed, SitePut},
    types::Region,
};

use crate::ids::SiteId;

/// Id of the one `sites` stream of a tenant.
pub const ALL: &str = "all";

ordo_event_log::events! {
    /// What happens to a site's record.
    pub enum SiteEvent {
        Put(SitePut),
    }
}

ordo_event_log::events! {
    /// What happens to the list.
    pub enum SitesEvent {
        Listed(SiteListed),
    }
}

/// A warehouse or shop as it was last put; stream `site/<id>`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Site {
    put: Option<Arc<SitePut>>,
}

impl Site {
    /// True once it was put.
    pub fn exists(&self) -> bool {
        self.put.is_some()
    }
}

impl Decider for Site {
    type State = Site;
    type Command = SitePut;
    type Event = SiteEvent;
    type Error = Infallible;

    fn decide(state: &Site, command: SitePut) -> Result<Vec<SiteEvent>, Infallible> {
        if state.put.as_deref() == Some(&command) {
            return Ok(Vec::new());
        }
        Ok(vec![command.into()])
    }

    fn evolve(_: Site, SiteEvent::Put(put): &SiteEvent) -> Site {
        Site {
            put: Some(Arc::new(put.clone())),
        }
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

/// What sourcing knows of a site.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedSite {
    /// Where it is.
    pub region: Region,
    /// Lower is tried first.
    pub priority: i32,
    /// False: only orders that name it get units from it.
    pub serves_orders: bool,
}

/// All sites of a tenant; stream `sites/all`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sites {
    sites: Arc<BTreeMap<SiteId, ListedSite>>,
}

impl Sites {
    /// The site, when it is known.
    pub fn get(&self, site_id: &SiteId) -> Option<&ListedSite> {
        self.sites.get(site_id)
    }

    /// All sites, by id.
    pub fn iter(&self) -> impl Iterator<Item = (&SiteId, &ListedSite)> {
        self.sites.iter()
    }
}

impl Decider for Sites {
    type State = Sites;
    type Command = SiteListed;
    type Event = SitesEvent;
    type Error = Infallible;

    fn decide(state: &Sites, command: SiteListed) -> Result<Vec<SitesEvent>, Infallible> {
        if state.get(&SiteId::from(&command.site_id)) == Some(&listed(&command)) {
            return Ok(Vec::new());
        }
        Ok(vec![command.into()])
    }

    fn evolve(mut state: Sites, SitesEvent::Listed(event): &SitesEvent) -> Sites {
        Arc::make_mut(&mut state.sites).insert(SiteId::from(&event.site_id), listed(event));
        state
    }
}

fn listed(event: &SiteListed) -> ListedSite {
    ListedSite {
        region: event.region.clone().unwrap_or_default(),
        priority: event.priority,
        serves_orders: event.serves_orders,
    }
}

impl Aggregate for Sites {
    const NAME: &'static str = "sites";

    fn encode(event: &SitesEvent) -> EncodedEvent {
        event.encode_event()
    }

    fn decode(type_name: &str, payload: &[u8]) -> Result<SitesEvent, CodecError> {
        SitesEvent::decode_event(type_name, payload)
    }
}
