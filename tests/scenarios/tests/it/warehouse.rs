//! The example warehouse, written in Python against nothing but the published interfaces, works for a shop that falls over.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use ordo_cluster::BROKER;
use ordo_proto::{
    fulfilment::FulfilmentOrderStatus,
    intake::FulfilmentStatus,
    log::{GetHeadsRequest, ReadRequest},
};
use ordo_scenarios::{
    PATIENCE, Shop, Store,
    orders::{order, quantities},
};
use ordo_testkit::eventually;
use tokio::process::{Child, Command};

const STOCK: i64 = 1000;
/// Enough that picking an order takes a while.
const LINES: usize = 24;

/// `warehouse.py` on a shop's cluster. Prints what it said when the test fails.
struct Script {
    home: PathBuf,
    log: PathBuf,
    running: Option<Child>,
}

impl Script {
    /// Makes the consumers, as the broker's operator.
    async fn set_up(shop: &Shop) -> Self {
        let home = shop.cluster.home().to_owned();
        let script = Self {
            log: home.join("logs/warehouse.log"),
            home,
            running: None,
        };
        let ended = script.command("setup").status().await.unwrap();
        assert!(ended.success(), "warehouse.py setup: {ended}");
        script
    }

    fn command(&self, what: &str) -> Command {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)
            .unwrap();
        let mut command = Command::new(python());
        command
            .arg(root().join("deploy/examples/warehouse.py"))
            .arg(what)
            .arg("--home")
            .arg(&self.home)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true);
        command
    }

    /// Starts to work, as the restricted user.
    fn start(&mut self) {
        self.running = Some(self.command("run").spawn().unwrap());
    }

    /// What it has said so far.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// SIGKILL, wherever it is.
    async fn kill(&mut self) {
        let mut child = self.running.take().unwrap();
        assert_eq!(child.try_wait().unwrap(), None, "warehouse.py gave up");
        child.kill().await.unwrap();
    }

    /// SIGTERM's way: it must still be there, and end in order.
    async fn stop(&mut self) {
        let mut child = self.running.take().unwrap();
        assert_eq!(child.try_wait().unwrap(), None, "warehouse.py gave up");
        let pid = child.id().unwrap().to_string();
        let sent = Command::new("kill").arg(pid).status().await.unwrap();
        assert!(sent.success());
        let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
        let ended = ended.expect("warehouse.py does not end").unwrap();
        assert!(ended.success(), "warehouse.py run: {ended}");
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("warehouse.py said:\n{}", self.said());
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An interpreter that has what the script needs.
fn python() -> PathBuf {
    if let Some(python) = std::env::var_os("ORDO_WAREHOUSE_PYTHON") {
        return python.into();
    }
    let python = root().join(".tools/warehouse-python/bin/python");
    assert!(
        python.is_file(),
        "there is no Python environment for deploy/examples/warehouse.py: run `deploy/examples/fetch-python`, which makes \
         one in .tools/, or name an interpreter that has its packages in ORDO_WAREHOUSE_PYTHON"
    );
    python
}

/// How often each type of event stands in fulfilment's log, by its short name.
async fn recorded(shop: &Shop) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut log = shop.event_log("fulfilment");
    let heads = log.get_heads(GetHeadsRequest {}).await.unwrap();
    for head in heads.into_inner().heads {
        let mut after = 0;
        while after < head.position {
            let request = ReadRequest {
                partition: head.partition,
                after,
                limit: 1000,
                ..ReadRequest::default()
            };
            let page = log.read(request).await.unwrap().into_inner();
            for event in page.events {
                let name = event.r#type.rsplit('.').next().unwrap_or_default();
                *counts.entry(name.to_owned()).or_default() += 1;
            }
            after = page.scanned_to;
        }
    }
    counts
}

async fn count(shop: &Shop, name: &str) -> usize {
    recorded(shop).await.get(name).copied().unwrap_or_default()
}

/// An order with the units that each of its lines wants.
type Placed = (String, Vec<i64>);

/// Places the next order: many lines, of two articles in turn.
async fn place(shop: &Shop, placed: &mut Vec<Placed>) {
    let number = placed.len();
    let more = i64::try_from(number % 3).unwrap() + 1;
    let lines: Vec<(&str, i64)> = (0..LINES)
        .map(|line| {
            if line % 2 == 0 {
                ("TEA", more)
            } else {
                ("CUP", 1)
            }
        })
        .collect();
    let id = shop.placed(order(&number.to_string(), &lines)).await;
    placed.push((id, lines.iter().map(|(_, quantity)| *quantity).collect()));
}

/// Places an order and returns once the warehouse has recorded another pick.
async fn place_until_picking(shop: &Shop, placed: &mut Vec<Placed>) {
    let before = count(shop, "LinePicked").await;
    place(shop, placed).await;
    eventually(PATIENCE, async || count(shop, "LinePicked").await > before).await;
}

/// Kills the script between the first pick of an order and its parcel.
async fn kill_in_the_middle(shop: &Shop, script: &mut Script, placed: &mut Vec<Placed>) {
    for _ in 0..5 {
        place_until_picking(shop, placed).await;
        script.kill().await;
        let recorded = recorded(shop).await;
        if recorded.get("PickingStarted") > recorded.get("ParcelPacked") {
            return;
        }
        // It was too quick this time.
        script.start();
    }
    panic!("the script was never killed in the middle of an order");
}

#[tokio::test]
async fn a_warehouse_in_python_ships_every_order_once_though_it_and_the_broker_are_killed() {
    let shop = Shop::open(Store::Sqlite).await;
    shop.stock("TEA", STOCK).await;
    shop.stock("CUP", STOCK).await;
    let mut script = Script::set_up(&shop).await;
    let mut placed = Vec::new();

    script.start();
    for _ in 0..2 {
        kill_in_the_middle(&shop, &mut script, &mut placed).await;
        place(&shop, &mut placed).await;
        script.start();
    }

    // The broker dies while the script works.
    place_until_picking(&shop, &mut placed).await;
    shop.cluster.kill(BROKER).unwrap();
    place(&shop, &mut placed).await;
    shop.cluster.wait_until_ready(BROKER).await.unwrap();

    // The broker goes away while the script works. Orders go on, and the warehouse's machine is started again meanwhile.
    place_until_picking(&shop, &mut placed).await;
    shop.cluster.take_down(BROKER).await.unwrap();
    while placed.len() < 15 {
        place(&shop, &mut placed).await;
    }
    script.kill().await;
    let before = script.said().len();
    script.start();
    eventually(PATIENCE, async || {
        script.said()[before..].contains("WARNING broker: ")
    })
    .await;
    shop.cluster.resume(BROKER).await.unwrap();

    for (id, wanted) in &placed {
        let seen = shop
            .order_when(id, |order| {
                order.fulfilment_status() == FulfilmentStatus::Shipped
            })
            .await;
        assert_eq!(&quantities(&seen, |at| at.shipped), wanted);
        let work = shop
            .work_when(id, |work| {
                work.iter()
                    .any(|one| one.status() == FulfilmentOrderStatus::Dispatched)
            })
            .await;
        assert_eq!(work.len(), 1, "{work:?}");
        let [parcel_id] = work[0].parcel_ids.as_slice() else {
            panic!("not one parcel: {:?}", work[0].parcel_ids);
        };
        let parcel = shop
            .parcel_when(parcel_id, |parcel| !parcel.tracking_number.is_empty())
            .await;
        let packed: Vec<i64> = parcel.lines.iter().map(|line| line.quantity).collect();
        assert_eq!(&packed, wanted);
        assert!(parcel.tracking_number.starts_with("EX"), "{parcel:?}");
    }

    // Each step of each order was recorded once, however often it was asked for.
    let recorded = recorded(&shop).await;
    for (name, times) in [
        ("FulfilmentOrderOpened", 1),
        ("PickingStarted", 1),
        ("LinePicked", LINES),
        ("ParcelPacked", 1),
        ("ParcelDispatched", 1),
        ("FulfilmentOrderClosed", 1),
    ] {
        assert_eq!(recorded.get(name), Some(&(times * placed.len())), "{name}");
    }
    for (sku, first) in [("TEA", 0), ("CUP", 1)] {
        let sent: i64 = placed
            .iter()
            .flat_map(|(_, wanted)| wanted.iter().skip(first).step_by(2))
            .sum();
        shop.available_when(sku, |row| row.on_hand == STOCK - sent && row.reserved == 0)
            .await;
    }
    script.stop().await;
    shop.verify().await;
    shop.close().await;
}
