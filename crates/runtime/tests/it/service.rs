//! A small service: intake's key store, with one read model and one reaction.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use ordo_event_log::{EventLog, RecordedEvent, TenantId};
use ordo_projection::{Projection, ProjectionError, Reaction, ReactionContext, ReactionError};
use ordo_proto::privacy::{
    DataKey, EraseSubjectRequest, EraseSubjectResponse, GetDataKeysRequest, GetDataKeysResponse,
    key_store_server::{KeyStore, KeyStoreServer},
};
use ordo_rpc::{Grant, MethodRoles, Remote, RemoteSettings, TokenIssuer, TokenSource, role};
use ordo_runtime::{CancellationToken, Host, HostError, ServiceConfig, settings::Values};
use ordo_sql::Tx;
use tokio::{sync::Notify, task::JoinHandle};
use tonic::{Request, Response, Status, service::Routes};

pub const SOON: Duration = Duration::from_secs(20);

pub const ROLES: &[(&str, &[&str])] = &[
    ("/ordo.privacy.v1.KeyStore/GetDataKeys", &[role::SERVICE]),
    ("/ordo.privacy.v1.KeyStore/EraseSubject", &[role::ADMIN]),
];

/// Waits when the purpose says so; otherwise answers with the asked ids as keys.
pub struct Keys {
    pub entered: Arc<Notify>,
    pub release: Arc<Notify>,
}

#[tonic::async_trait]
impl KeyStore for Keys {
    async fn get_data_keys(
        &self,
        request: Request<GetDataKeysRequest>,
    ) -> Result<Response<GetDataKeysResponse>, Status> {
        let request = request.into_inner();
        if request.purpose == "wait" {
            self.entered.notify_one();
            self.release.notified().await;
        }
        let keys = request.key_ids.into_iter().map(|key_id| DataKey {
            key_id,
            key: vec![7; 32].into(),
        });
        Ok(Response::new(GetDataKeysResponse {
            keys: keys.collect(),
        }))
    }

    async fn erase_subject(
        &self,
        _: Request<EraseSubjectRequest>,
    ) -> Result<Response<EraseSubjectResponse>, Status> {
        Ok(Response::new(EraseSubjectResponse { erased: false }))
    }
}

/// Counts nothing, but exists.
pub struct Empty;

impl Projection for Empty {
    fn name(&self) -> &'static str {
        "empty"
    }

    fn version(&self) -> u32 {
        1
    }

    fn schema(&self) -> &'static [&'static str] {
        &["create table seen (position bigint primary key)"]
    }

    fn apply<'a>(
        &'a self,
        _: &'a mut Tx,
        _: &'a [RecordedEvent],
    ) -> BoxFuture<'a, Result<(), ProjectionError>> {
        Box::pin(async { Ok(()) })
    }
}

impl Reaction for Empty {
    fn name(&self) -> &'static str {
        "idle"
    }

    fn entity(&self, _: &RecordedEvent) -> Option<String> {
        None
    }

    fn react<'a>(
        &'a self,
        _: &'a RecordedEvent,
        _: &'a mut ReactionContext,
    ) -> BoxFuture<'a, Result<(), ReactionError>> {
        Box::pin(async { Ok(()) })
    }
}

/// A folder with a signing key, and settings that use it.
pub struct Place {
    pub folder: tempfile::TempDir,
    pub issuer: TokenIssuer,
    pub settings: BTreeMap<String, String>,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let issuer = TokenIssuer::generate();
        let key = folder.path().join("signing.pem");
        std::fs::write(&key, issuer.private_pem().unwrap().as_bytes()).unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let settings = [
            ("store", format!("sqlite:{}", path("store"))),
            ("ready_file", path("ready.json")),
            ("metrics_listen", "127.0.0.1:0".to_owned()),
            ("auth.signing_key_file", key.display().to_string()),
            ("shutdown_timeout", "5s".to_owned()),
        ];
        Self {
            settings: settings.map(|(key, text)| (key.to_owned(), text)).into(),
            folder,
            issuer,
        }
    }

    pub fn set(&mut self, key: &str, text: impl Into<String>) {
        self.settings.insert(key.to_owned(), text.into());
    }

    pub fn ready_file(&self) -> PathBuf {
        self.settings["ready_file"].clone().into()
    }

    pub fn config(&self) -> ServiceConfig {
        let mut values = Values::new();
        for (key, text) in &self.settings {
            values.set(key, text, "test");
        }
        ServiceConfig::from_values(values).unwrap()
    }

    pub fn token(&self, tenant: Option<&str>, role: &str) -> String {
        let tenant = tenant.map(|id| TenantId::new(id).unwrap());
        self.issuer
            .mint(&Grant::new("alice", tenant.as_ref(), &[role]))
            .unwrap()
    }

    pub fn remote(&self, address: SocketAddr, role: &str) -> Remote {
        let settings = RemoteSettings {
            peers: [("intake".to_owned(), format!("http://{address}"))].into(),
            ..RemoteSettings::default()
        };
        Remote::new(settings, TokenSource::fixed(self.token(None, role))).unwrap()
    }
}

/// A running service.
pub struct Running {
    pub address: SocketAddr,
    pub metrics: SocketAddr,
    pub log: EventLog,
    pub entered: Arc<Notify>,
    pub release: Arc<Notify>,
    pub shutdown: CancellationToken,
    pub ended: JoinHandle<Result<(), HostError>>,
}

/// Starts it as `name`, following the logs of `follows`, and waits until it is ready.
pub async fn run(place: &Place, name: &'static str, follows: &[&str]) -> Running {
    let mut host = Host::start(name, place.config()).await.unwrap();
    let mut sources = vec![host.own_source()];
    for service in follows {
        sources.push(host.remote_source(service).await);
    }
    host.project(Empty, sources.clone()).await.unwrap();
    host.react(Empty, sources).await.unwrap();
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let keys = Keys {
        entered: Arc::clone(&entered),
        release: Arc::clone(&release),
    };
    let log = host.log();
    let shutdown = CancellationToken::new();
    let routes = Routes::new(KeyStoreServer::new(keys));
    let ended = tokio::spawn(host.serve(
        MethodRoles::new(ROLES),
        routes,
        shutdown.clone().cancelled_owned(),
    ));
    let ready_file = place.ready_file();
    ordo_testkit::eventually(SOON, async || ready_file.is_file()).await;
    let ready: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&ready_file).unwrap()).unwrap();
    assert_eq!(ready["service"], name);
    let address = |key: &str| ready[key].as_str().unwrap().parse().unwrap();
    Running {
        address: address("grpc"),
        metrics: address("metrics"),
        log,
        entered,
        release,
        shutdown,
        ended,
    }
}
