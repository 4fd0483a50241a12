//! What the README shows a new user, command by command.

use std::path::Path;

use ordo_scenarios::{
    PATIENCE, Shop, Store,
    program::{in_a_shell, said},
};
use ordo_testkit::eventually;

/// The commands of the README's first five minutes, those behind the start of the cluster.
fn first_five_minutes() -> Vec<String> {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md");
    let readme = std::fs::read_to_string(readme).unwrap();
    let (_, shown) = readme
        .split_once("alias ordo=target/release/ordo\n")
        .unwrap();
    let shown = shown.replace("\\\n", " ");
    let mut lines: Vec<String> = Vec::new();
    for line in shown.lines().filter(|line| line.starts_with("ordo ")) {
        lines.push(line.to_owned());
        if line.starts_with("ordo verify") {
            break;
        }
    }
    lines
}

#[tokio::test]
async fn the_first_five_minutes_go_as_the_readme_says() {
    let shop = Shop::open(Store::Sqlite).await;
    let lines = first_five_minutes();
    assert!(lines.len() > 12, "{lines:?}");
    let mut order = String::new();
    let mut stock = String::new();
    for line in lines {
        let command = line.replace("<order>", &order);
        let mut told = String::new();
        // Some follow from others a moment later; one that is refused has done nothing.
        eventually(PATIENCE, async || {
            match said(in_a_shell(shop.cluster.home(), &command)).await {
                Ok(output) => told = output,
                Err((status, why)) => {
                    assert!(
                        !why.contains("COMMAND_ID_REUSED"),
                        "{command}: {status:?} {why}"
                    );
                    return false;
                }
            }
            true
        })
        .await;
        if command.starts_with("ordo order place") {
            order = told.split_whitespace().next().unwrap().to_owned();
            shop.work_of(&order, 1).await;
        }
        if command.starts_with("ordo stock show") {
            stock = command;
        }
    }
    // Everything came back.
    eventually(PATIENCE, async || {
        let told = said(in_a_shell(shop.cluster.home(), &format!("{stock} --json"))).await;
        let told: serde_json::Value = serde_json::from_str(&told.unwrap()).unwrap();
        told.to_string().contains("\"available\":\"10\"")
    })
    .await;
    shop.verify().await;
    shop.close().await;
}
