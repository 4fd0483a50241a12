//! The services: whole ones, as their programs run them, started again whenever they end.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc, time::Duration};

use ordo_rpc::TokenIssuer;
use ordo_runtime::{CancellationToken, ServiceConfig, plugged::Plugs};
use ordo_sql::StoreUrl;

use crate::{
    broker::Nats,
    files::Files,
    network::Network,
    world::{Life, World},
};

/// The services' names.
pub const SERVICES: [&str; 4] = ["intake", "inventory", "fulfilment", "aftersales"];

/// Everything that processes share.
pub struct Cluster {
    /// Dice and trace.
    pub world: Arc<World>,
    /// Databases.
    pub files: Arc<Files>,
    /// The broker.
    pub nats: Arc<Nats>,
    /// Connections.
    pub network: Arc<Network>,
    keys: PathBuf,
    /// Signs everybody's tokens.
    pub issuer: TokenIssuer,
}

type Running = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

impl Cluster {
    /// A cluster whose services are not started yet, with its keys and databases in `folder`.
    pub fn new(world: &Arc<World>, folder: PathBuf) -> Result<Arc<Self>, String> {
        let issuer = TokenIssuer::generate();
        let pem = issuer.private_pem().map_err(|error| error.to_string())?;
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).map_err(|error| error.to_string())
        };
        write("key.pem", &pem)?;
        write("master.key", &"07".repeat(32))?;
        Ok(Arc::new(Self {
            files: Files::new(Arc::clone(world), folder.clone()),
            nats: Nats::new(Arc::clone(world)),
            network: Network::new(Arc::clone(world)),
            world: Arc::clone(world),
            keys: folder,
            issuer,
        }))
    }

    /// Starts every replica of every service and keeps them running.
    pub fn start(self: &Arc<Self>) {
        for service in SERVICES {
            for replica in 0..self.world.weather.replicas {
                tokio::spawn(Arc::clone(self).keep(service, replica));
            }
        }
        tokio::spawn(Arc::clone(&self.nats).suffer());
    }

    async fn keep(self: Arc<Self>, service: &'static str, replica: u32) {
        loop {
            let life = self.world.born(&format!("{service}.{replica}"), false);
            let how = self.live(service, &life).await;
            self.world
                .note("ended", format_args!("{}: {how}", life.name));
            self.world.kill(&life);
            self.files.forget(&life);
            let pause = 50 + self.world.below(1_500);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Runs one process until it ends, in whatever way.
    async fn live(&self, service: &'static str, life: &Arc<Life>) -> String {
        let stop = CancellationToken::new();
        let config = match self.config(service, life) {
            Ok(config) => config,
            Err(error) => {
                self.world.violated(error.clone());
                return error;
            }
        };
        let mut running = tokio::spawn(run(service, config, stop.clone()));
        let every = self.world.weather.restart_every;
        let until = match every {
            0 => Duration::from_secs(1_000_000),
            every => Duration::from_millis(2_000 + self.world.below(every * 2)),
        };
        let ended = tokio::select! {
            biased;
            () = life.ended.cancelled() => None,
            ended = &mut running => Some(ended),
            () = tokio::time::sleep(until) => {
                if self.world.is_calm() {
                    tokio::select! {
                        biased;
                        () = life.ended.cancelled() => None,
                        ended = &mut running => Some(ended),
                    }
                } else {
                    self.world.fault("stop", format_args!("{}", life.name));
                    stop.cancel();
                    tokio::select! {
                        biased;
                        () = life.ended.cancelled() => None,
                        ended = &mut running => Some(ended),
                    }
                }
            }
        };
        match ended {
            None => {
                running.abort();
                "killed".to_owned()
            }
            Some(Ok(Ok(()))) => "in order".to_owned(),
            Some(Ok(Err(error))) => error,
            Some(Err(panic)) => {
                self.world
                    .violated(format!("{} panicked: {panic}", life.name));
                "panicked".to_owned()
            }
        }
    }

    fn config(&self, service: &'static str, life: &Arc<Life>) -> Result<ServiceConfig, String> {
        let (key, master) = (self.keys.join("key.pem"), self.keys.join("master.key"));
        let (key, master) = (key.display().to_string(), master.display().to_string());
        let mut pairs = vec![
            ("auth.signing_key_file", key.as_str()),
            ("peers.intake", "http://intake"),
            ("peers.inventory", "http://inventory"),
            ("peers.fulfilment", "http://fulfilment"),
            ("peers.aftersales", "http://aftersales"),
            ("shutdown_timeout", "5s"),
        ];
        if service == "intake" {
            pairs.push(("keys.master_key_file", master.as_str()));
        }
        let mut config = ServiceConfig::from_pairs(pairs).map_err(|faults| faults.to_string())?;
        let weather = &self.world.weather;
        config.store = StoreUrl::Plugged(self.files.of(life, weather.shared));
        config.partitions = Some(weather.partitions);
        let (network, listener) = (Arc::clone(&self.network), Arc::clone(life));
        config.plugs = Some(Plugs {
            broker: self.nats.of(life),
            connector: self.network.connector(life),
            listen: Arc::new(move || network.listen(service, &listener)),
        });
        Ok(config)
    }
}

fn run(service: &'static str, config: ServiceConfig, stop: CancellationToken) -> Running {
    fn text(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        text
    }
    Box::pin(async move {
        match service {
            "intake" => {
                // Delivered orders complete within the world's short time.
                let rules = ordo_intake::config::ShopRules {
                    complete_after: Duration::from_secs(20),
                    ..Default::default()
                };
                let run = ordo_intake::run(config, rules, stop);
                run.await.map_err(|error| text(&error))
            }
            "inventory" => {
                let run = ordo_inventory::run(config, stop);
                run.await.map_err(|error| text(&error))
            }
            "fulfilment" => {
                let run = ordo_fulfilment::run(config, Default::default(), stop);
                run.await.map_err(|error| text(&error))
            }
            _ => {
                let run = ordo_aftersales::run(config, Default::default(), stop);
                run.await.map_err(|error| text(&error))
            }
        }
    })
}
