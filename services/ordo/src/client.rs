//! The connection to a running cluster.

use std::{path::Path, sync::OnceLock, time::Duration};

use ordo_cluster::Cluster;
pub use ordo_cluster::{ClusterFile, SERVICES};
use ordo_event_log::TenantId;
use ordo_proto::{
    aftersales::aftersales_client::AftersalesClient,
    fulfilment::fulfilment_client::FulfilmentClient,
    intake::intake_client::IntakeClient,
    inventory::inventory_client::InventoryClient,
    log::event_log_client::EventLogClient,
    ops::operations_client::OperationsClient,
    types::{CommandHeader, Page},
};
use ordo_rpc::{Call, MAX_MESSAGE, Remote, RemoteSettings, SignedChannel, TokenSource};

use crate::{cli::Target, fault::Fault};

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(40);

/// Clients of every service, for one tenant.
#[derive(Clone)]
pub struct Client {
    remote: Remote,
    call: Call,
    /// Sees the whole system, for checks and parked work.
    operator: (Remote, Call),
    /// Print JSON.
    pub json: bool,
}

impl Client {
    /// From what the arguments name.
    pub fn connect(target: &Target, json: bool) -> Result<Self, Fault> {
        let given = target.token_file.as_deref().map(given_token).transpose()?;
        let cluster = ClusterFile::read(&target.home).map_err(|error| {
            Fault::NoCluster(format!(
                "no cluster in {}: {error}. Start one with `deploy/up`, or name its folder with --home.",
                target.home.display()
            ))
        })?;
        let tenant = target.tenant.as_deref().unwrap_or(&cluster.tenant);
        let file = |path: &Path| {
            std::fs::metadata(path).map_err(|error| {
                Fault::because(&format!("the token file {}", path.display()), error)
            })?;
            Ok::<_, Fault>(TokenSource::file(path))
        };
        match given {
            Some(token) => Self::new(&cluster, token, None, tenant, json),
            None => {
                let operator = file(&target.home.join(&cluster.operator_token_file))?;
                let own = file(&target.home.join(&cluster.token_file))?;
                Self::new(&cluster, own, Some(operator), tenant, json)
            }
        }
    }

    /// Of a cluster that this process runs, with every right.
    pub fn of_cluster(cluster: &Cluster, json: bool) -> Result<Self, Fault> {
        let (file, keys) = (cluster.file(), cluster.keys());
        Self::new(
            file,
            keys.admin(),
            Some(keys.operator()),
            &file.tenant,
            json,
        )
    }

    /// From a cluster's own description.
    pub fn new(
        cluster: &ClusterFile,
        tokens: TokenSource,
        operator: Option<TokenSource>,
        tenant: &str,
        json: bool,
    ) -> Result<Self, Fault> {
        let tenant = TenantId::new(tenant).ok_or_else(|| {
            Fault::usage(format_args!(
                "`{tenant}` is no tenant: 1 to 40 characters of a-z 0-9 - _"
            ))
        })?;
        let connect = |tokens| {
            let settings = RemoteSettings {
                peers: cluster.services.clone(),
                timeout: TIMEOUT,
                ..RemoteSettings::default()
            };
            Remote::new(settings, tokens).map_err(|error| Fault::because("connecting", error))
        };
        let remote = connect(tokens)?;
        let call = Call::new(&tenant);
        let operator = match operator {
            Some(tokens) => (connect(tokens)?, Call::system()),
            None => (remote.clone(), call.clone()),
        };
        Ok(Self {
            remote,
            call,
            operator,
            json,
        })
    }

    /// Orders.
    pub fn intake(&self) -> Result<IntakeClient<SignedChannel>, Fault> {
        Ok(self.remote.intake(&self.call)?)
    }

    /// Catalogue and stock.
    pub fn inventory(&self) -> Result<InventoryClient<SignedChannel>, Fault> {
        Ok(self.remote.inventory(&self.call)?)
    }

    /// Warehouse work.
    pub fn fulfilment(&self) -> Result<FulfilmentClient<SignedChannel>, Fault> {
        Ok(self.remote.fulfilment(&self.call)?)
    }

    /// Cases.
    pub fn aftersales(&self) -> Result<AftersalesClient<SignedChannel>, Fault> {
        Ok(self.remote.aftersales(&self.call)?)
    }

    /// A service's log, without a deadline.
    pub fn event_log(&self, service: &str) -> Result<EventLogClient<SignedChannel>, Fault> {
        let channel = self.remote.stream_channel(service, &self.call)?;
        Ok(EventLogClient::new(channel).max_decoding_message_size(MAX_MESSAGE))
    }

    /// A service's operator interface, without a deadline: checks of a large log take long.
    pub fn operations(&self, service: &str) -> Result<OperationsClient<SignedChannel>, Fault> {
        let (remote, call) = &self.operator;
        let channel = remote.stream_channel(service, call)?;
        Ok(OperationsClient::new(channel).max_decoding_message_size(MAX_MESSAGE))
    }
}

/// The token in a file that the arguments name.
fn given_token(path: &Path) -> Result<TokenSource, Fault> {
    // Read here to say at once that it cannot be, and again later: somebody may keep it fresh.
    std::fs::read_to_string(path).map_err(|error| {
        let what = format!("{} cannot be read", path.display());
        Fault::usage_because(&what, error).about("--token-file")
    })?;
    Ok(TokenSource::file(path))
}

/// Rows of a page that is asked for only to be followed by the next.
const PAGE: u32 = 500;

/// Asks for page after page. `see` takes an answer and gives the token of the page that it wants next; an empty one ends it.
pub async fn every_page<T>(
    ask: impl AsyncFn(Option<Page>) -> Result<T, Fault>,
    mut see: impl FnMut(T) -> Result<String, Fault>,
) -> Result<(), Fault> {
    let mut token = String::new();
    loop {
        let answer = ask(Some(Page { size: PAGE, token })).await?;
        token = see(answer)?;
        if token.is_empty() {
            return Ok(());
        }
    }
}

/// Id of what this run is asked to do: the given one, or a new one when the first command is sent.
static COMMAND_ID: OnceLock<String> = OnceLock::new();

/// Gives this run's commands their id, so that an earlier run whose answer was lost is repeated and not done twice.
pub fn repeat(command_id: String) {
    // Before the first command: nothing is there yet.
    let _ = COMMAND_ID.set(command_id);
}

/// Id of what this run has sent; `None` when it has sent no command.
pub fn sent() -> Option<&'static str> {
    COMMAND_ID.get().map(String::as_str)
}

/// The header of a command, with this run's id. A run may send several: `step` tells this one from all others of the run.
pub fn header(step: &str, reason: Option<&str>) -> Option<CommandHeader> {
    let id = COMMAND_ID.get_or_init(|| format!("cli-{}", uuid::Uuid::now_v7()));
    Some(CommandHeader {
        command_id: format!("{id}:{step}"),
        reason: reason.unwrap_or_default().to_owned(),
    })
}
