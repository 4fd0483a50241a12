//! A server behind the sign-in layer, with an issuer for its tokens.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Duration};

use ordo_event_log::TenantId;
use ordo_proto::privacy::{
    DataKey, EraseSubjectRequest, EraseSubjectResponse, GetDataKeysRequest, GetDataKeysResponse,
    key_store_client::KeyStoreClient,
    key_store_server::{KeyStore, KeyStoreServer},
};
use ordo_rpc::{
    Authenticator, AuthenticatorSettings, Call, CallContext, Grant, Jwks, MethodRoles, Remote,
    RemoteSettings, RpcLayer, RpcLimits, SignedChannel, TokenIssuer, TokenSource, role,
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, service::Routes, transport::Server};
use tower::Layer as _;

pub const ROLES: &[(&str, &[&str])] = &[(
    "/ordo.privacy.v1.KeyStore/GetDataKeys",
    &[role::SERVICE, role::CLERK],
)];

pub struct TestServer {
    pub address: SocketAddr,
    pub issuer: Arc<TokenIssuer>,
    stop: CancellationToken,
    served: Option<JoinHandle<()>>,
}

impl TestServer {
    pub async fn start(routes: Routes) -> Self {
        let issuer = TokenIssuer::generate();
        let keys = Jwks::from_json(&issuer.jwks()).unwrap();
        Self::start_with(routes, issuer, keys, RpcLimits::default()).await
    }

    pub async fn start_with(
        routes: Routes,
        issuer: TokenIssuer,
        keys: Jwks,
        limits: RpcLimits,
    ) -> Self {
        let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::start_at(anywhere, routes, Arc::new(issuer), keys, limits).await
    }

    /// A server of `issuer`'s callers at `address`.
    pub async fn start_at(
        address: SocketAddr,
        routes: Routes,
        issuer: Arc<TokenIssuer>,
        keys: Jwks,
        limits: RpcLimits,
    ) -> Self {
        let authenticator = Arc::new(Authenticator::new(keys, AuthenticatorSettings::default()));
        let service = RpcLayer::new(authenticator, MethodRoles::new(ROLES), limits).layer(routes);
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let incoming = tonic::transport::server::TcpIncoming::from(listener);
        let ended = stop.clone().cancelled_owned();
        let served = Server::builder().serve_with_incoming_shutdown(service, incoming, ended);
        let served = tokio::spawn(async move { served.await.unwrap() });
        Self {
            address,
            issuer,
            stop,
            served: Some(served),
        }
    }

    /// Ends as a service does: calls under way are answered, then its address is free.
    pub async fn end(mut self) {
        self.stop.cancel();
        self.served.take().unwrap().await.unwrap();
    }

    pub fn token(&self, tenant: Option<&str>, roles: &[&str]) -> String {
        let tenant = tenant.map(|id| TenantId::new(id).unwrap());
        self.issuer
            .mint(&Grant::new("alice", tenant.as_ref(), roles))
            .unwrap()
    }

    /// Clients that present `token` to this server as to every service.
    pub fn remote(&self, token: &str) -> Remote {
        let url = format!("http://{}", self.address);
        let settings = RemoteSettings {
            peers: ["intake", "inventory"]
                .map(|name| (name.to_owned(), url.clone()))
                .into(),
            ..RemoteSettings::default()
        };
        Remote::new(settings, TokenSource::fixed(token)).unwrap()
    }

    pub fn keys(&self, token: &str) -> KeyStoreClient<SignedChannel> {
        self.remote(token).key_store(&Call::system()).unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A handler that does what the request's purpose says.
#[derive(Default)]
pub struct Obedient {
    pub release: Arc<Notify>,
    pub entered: Arc<Notify>,
}

impl Obedient {
    pub fn routes() -> Routes {
        Routes::new(KeyStoreServer::new(Self::default()))
    }
}

#[tonic::async_trait]
impl KeyStore for Obedient {
    async fn get_data_keys(
        &self,
        request: Request<GetDataKeysRequest>,
    ) -> Result<Response<GetDataKeysResponse>, Status> {
        match request.get_ref().purpose.as_str() {
            "panic" => panic!("told to"),
            "wait" => {
                self.entered.notify_one();
                self.release.notified().await;
            }
            "never" => std::future::pending().await,
            "tenant" => {
                ordo_rpc::tenant(&request)?;
            }
            _ => {}
        }
        let identity = ordo_rpc::identity(&request)?;
        let context = request.extensions().get::<CallContext>().unwrap();
        let told = HashMap::from([
            ("subject", identity.subject.clone()),
            (
                "tenant",
                identity
                    .tenant
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ),
            ("kind", identity.kind.as_str_name().to_owned()),
            ("correlation", context.correlation_id.clone()),
            ("causation", context.causation_id.clone()),
            ("traceparent", context.traceparent.clone()),
        ]);
        let keys = told.into_iter().map(|(name, value)| DataKey {
            key_id: name.to_owned(),
            key: value.into_bytes().into(),
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

/// Asks the handler to do `purpose`; gives back what it knows about the call.
pub async fn ask(
    client: &mut KeyStoreClient<SignedChannel>,
    purpose: &str,
) -> Result<HashMap<String, String>, Status> {
    let request = GetDataKeysRequest {
        key_ids: Vec::new(),
        purpose: purpose.to_owned(),
    };
    let answer = client.get_data_keys(request).await?.into_inner();
    let text = |key: DataKey| (key.key_id, String::from_utf8(key.key.to_vec()).unwrap());
    Ok(answer.keys.into_iter().map(text).collect())
}

pub fn reason(status: &Status) -> String {
    ordo_rpc::reason_of(status).unwrap_or_else(|| panic!("no reason in {status:?}"))
}

pub const SOON: Duration = Duration::from_secs(10);
