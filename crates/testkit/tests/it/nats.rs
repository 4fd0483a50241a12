use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

use ordo_testkit::{Nats, NatsOptions, NatsUser, eventually};

fn greeting(nats: &Nats) -> Option<String> {
    let address = nats.url().replace("nats://", "");
    let stream = TcpStream::connect(address).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    Some(line)
}

#[tokio::test]
async fn a_server_is_killed_and_comes_back_on_the_same_port() {
    let nats = Nats::start().await.unwrap();
    let url = nats.url();
    assert!(greeting(&nats).unwrap().contains("\"jetstream\":true"));
    nats.kill().unwrap();
    assert!(!nats.is_running());
    assert!(greeting(&nats).is_none());
    nats.wipe_store().unwrap();
    nats.restart().await.unwrap();
    assert_eq!(nats.url(), url);
    eventually(Duration::from_secs(5), async || greeting(&nats).is_some()).await;
}

#[tokio::test]
async fn many_servers_run_at_once() {
    let (one, two, three) = tokio::join!(Nats::start(), Nats::start(), Nats::start());
    let urls = [one.as_ref(), two.as_ref(), three.as_ref()].map(|nats| nats.unwrap().url());
    assert!(urls[0] != urls[1] && urls[1] != urls[2] && urls[0] != urls[2]);
}

#[tokio::test]
async fn a_user_needs_the_password() {
    let nats = Nats::start_with(NatsOptions {
        users: vec![NatsUser {
            name: "reader".into(),
            password: "secret".into(),
            publish: vec!["$JS.API.>".into()],
            subscribe: vec!["_INBOX.>".into()],
        }],
        ..NatsOptions::default()
    })
    .await
    .unwrap();
    let mut stream = TcpStream::connect(nats.url().replace("nats://", "")).unwrap();
    stream
        .write_all(b"CONNECT {\"verbose\":true,\"user\":\"reader\",\"pass\":\"wrong\"}\r\n")
        .unwrap();
    let lines: Vec<String> = BufReader::new(stream)
        .lines()
        .map_while(Result::ok)
        .collect();
    assert!(
        lines
            .iter()
            .any(|line| line.contains("Authorization Violation"))
    );
}
