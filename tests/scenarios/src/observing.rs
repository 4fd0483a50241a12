//! What monitoring sees of a process: its metrics and its health, over HTTP.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::Shop;

/// A process that does not answer so soon is away.
const SOON: Duration = Duration::from_secs(5);

impl Shop {
    /// A process's answer with headers, for example of `intake` or `intake-2`; `None` when it does not answer.
    pub async fn http_get(&self, program: &str, path: &str) -> Option<String> {
        let (service, number) = program.split_once('-').unwrap_or((program, "1"));
        let replica = number.parse::<usize>().unwrap() - 1;
        let mut replicas = self.cluster.file().metrics[service].split(',');
        let address = replicas.nth(replica).unwrap().trim_start_matches("http://");
        let answer = tokio::time::timeout(SOON, get(address, path)).await;
        answer.ok()?.ok()
    }
}

async fn get(address: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
