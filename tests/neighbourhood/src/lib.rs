//! Where the tests of a service run it: in this process, over a real store and real gRPC, between neighbours that do as they
//! are told.
//!
//! A [`Neighbourhood`] gives every service a listener, so that all addresses are known before anybody starts, and signs
//! everybody's tokens.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

use std::{
    error::Error,
    future::Future,
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use ordo_event_log::{EventLog, TenantId};
use ordo_proto::ops::{VerifyRequest, VerifyResponse, operations_client::OperationsClient};
use ordo_rpc::{Grant, MethodRoles, TokenIssuer, role};
use ordo_runtime::{CancellationToken, Host, ServiceConfig};
use ordo_testkit::TestStore;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Routes, interceptor::InterceptedService},
    transport::Channel,
};

/// What a client of a service is made over.
pub type Signed = InterceptedService<Channel, SignIn>;

/// Services that know each other, over one store.
pub struct Neighbourhood {
    /// Whose everything is.
    pub tenant: TenantId,
    /// Who calls.
    caller: &'static str,
    store: String,
    /// The first one is under test.
    services: Vec<(&'static str, Arc<TcpListener>)>,
    issuer: TokenIssuer,
    keys: TempDir,
    has_master_key: bool,
}

impl Neighbourhood {
    /// `services` by name, the one under test first; calls come from `caller`.
    pub fn new(store: &TestStore, services: &[&'static str], caller: &'static str) -> Self {
        let issuer = TokenIssuer::generate();
        let keys = tempfile::tempdir().unwrap();
        let pem = issuer.private_pem().unwrap();
        std::fs::write(keys.path().join("key.pem"), pem.as_str()).unwrap();
        let listen = |&name| (name, Arc::new(TcpListener::bind("127.0.0.1:0").unwrap()));
        Self {
            tenant: TenantId::new("shop-1").unwrap(),
            caller,
            store: store.url.clone(),
            services: services.iter().map(listen).collect(),
            issuer,
            keys,
            has_master_key: false,
        }
    }

    /// The service under test has a master key.
    #[must_use]
    pub fn with_master_key(mut self) -> Self {
        std::fs::write(self.master_key(), "07".repeat(32)).unwrap();
        self.has_master_key = true;
        self
    }

    /// The file with its master key.
    pub fn master_key(&self) -> PathBuf {
        self.keys.path().join("master.key")
    }

    /// The configuration of the service under test.
    pub fn config(&self) -> ServiceConfig {
        self.config_of(self.services[0].0)
    }

    fn config_of(&self, name: &str) -> ServiceConfig {
        let text = |path: &Path| path.display().to_string();
        let mut pairs = vec![
            ("store".to_owned(), self.store.clone()),
            (
                "auth.signing_key_file".to_owned(),
                text(&self.keys.path().join("key.pem")),
            ),
            ("shutdown_timeout".to_owned(), "10s".to_owned()),
        ];
        for (peer, listener) in &self.services {
            pairs.push((format!("peers.{peer}"), url(listener)));
        }
        if self.has_master_key && name == self.services[0].0 {
            pairs.push(("keys.master_key_file".to_owned(), text(&self.master_key())));
        }
        let pairs = pairs
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()));
        let mut config = ServiceConfig::from_pairs(pairs).unwrap();
        let own = self.services.iter().find(|(known, _)| *known == name);
        config.listener = own.map(|(_, listener)| Arc::clone(listener));
        config
    }

    /// Starts a neighbour: its real log, and `routes`, each method for the roles named.
    pub async fn neighbour(
        &self,
        name: &'static str,
        roles: &[(&'static str, &'static [&'static str])],
        routes: Routes,
    ) -> (EventLog, Running) {
        let host = Host::start(name, self.config_of(name)).await.unwrap();
        let log = host.log();
        let roles = MethodRoles::new(roles);
        let running =
            Running::start(|shutdown| host.serve(roles, routes, shutdown.cancelled_owned()));
        (log, running)
    }

    /// How the service under test is reached.
    pub fn channel(&self) -> Channel {
        let url = url(&self.services[0].1);
        Channel::from_shared(url).unwrap().connect_lazy()
    }

    /// A token of these roles; without a tenant, for the whole system.
    pub fn sign_in(&self, tenant: Option<&TenantId>, roles: &[&str]) -> SignIn {
        let grant = Grant::new(self.caller, tenant, roles);
        let token = self.issuer.mint(&grant).unwrap();
        SignIn(format!("Bearer {token}").parse().unwrap())
    }

    /// What `verify` says of every check.
    pub async fn verify(&self) -> Vec<VerifyResponse> {
        let sign_in = self.sign_in(None, &[role::ADMIN]);
        let mut operations = OperationsClient::with_interceptor(self.channel(), sign_in);
        let stream = operations.verify(VerifyRequest::default()).await.unwrap();
        let mut stream = stream.into_inner();
        let mut answers = Vec::new();
        while let Some(answer) = stream.message().await.unwrap() {
            answers.push(answer);
        }
        answers
    }

    /// Expects every check to hold, and the named ones to have looked at something.
    pub async fn expect_sound(&self, names: &[&str]) {
        let answers = self.verify().await;
        let broken: Vec<_> = answers.iter().filter(|answer| !answer.ok).collect();
        assert!(broken.is_empty(), "{broken:?}");
        for name in names {
            let found = answers.iter().find(|answer| answer.check == *name);
            assert!(
                found.is_some_and(|answer| answer.examined > 0),
                "{name} of {answers:?}"
            );
        }
    }
}

fn url(listener: &TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

/// A service that runs in this process; it ends with its handle.
pub struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    /// Starts what `run` makes of the signal to stop. The test fails when it fails.
    pub fn start<F, E>(run: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Error + 'static,
    {
        let shutdown = CancellationToken::new();
        let run = run(shutdown.clone());
        Self {
            shutdown,
            task: tokio::spawn(async move { run.await.unwrap() }),
        }
    }

    /// Ends it in order.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// Puts a token on every call.
#[derive(Clone)]
pub struct SignIn(MetadataValue<Ascii>);

impl tonic::service::Interceptor for SignIn {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request
            .metadata_mut()
            .insert("authorization", self.0.clone());
        Ok(request)
    }
}
