//! A connection to Postgres that can be cut at a chosen moment.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    sync::watch,
};

/// What becomes of the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Nothing = 0,
    /// It never reaches the server.
    Request = 1,
    /// The server does it and its answer is lost.
    Answer = 2,
}

/// A socket in front of the server's.
pub struct Proxy {
    folder: TempDir,
    cut: Arc<AtomicU8>,
    down: watch::Sender<bool>,
    pub hit: Arc<AtomicBool>,
}

const SOCKET: &str = ".s.PGSQL.5432";

impl Proxy {
    /// In front of the server at `url`, a unix socket in a folder.
    pub fn start(url: &str) -> Self {
        let server = PathBuf::from(url.split_once("host=").unwrap().1).join(SOCKET);
        let folder = tempfile::Builder::new()
            .prefix("ordo-proxy-")
            .tempdir_in("/tmp")
            .unwrap();
        let listener = UnixListener::bind(folder.path().join(SOCKET)).unwrap();
        let cut = Arc::new(AtomicU8::new(Cut::Nothing as u8));
        let hit = Arc::new(AtomicBool::new(false));
        let (down, _) = watch::channel(false);
        let proxy = Self {
            folder,
            cut: cut.clone(),
            down: down.clone(),
            hit: hit.clone(),
        };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(forward(
                    client,
                    server.clone(),
                    cut.clone(),
                    hit.clone(),
                    down.subscribe(),
                ));
            }
        });
        proxy
    }

    /// The URL that leads through the proxy.
    pub fn url(&self, url: &str) -> String {
        through(url, self.folder.path())
    }

    /// Cuts the connection at the next commit that carries events.
    pub fn cut_next_commit(&self, cut: Cut) {
        self.hit.store(false, Ordering::SeqCst);
        self.cut.store(cut as u8, Ordering::SeqCst);
    }

    /// Cuts all connections and refuses new ones, or lets them through again.
    pub fn set_down(&self, down: bool) {
        self.down.send_replace(down);
    }
}

fn through(url: &str, folder: &Path) -> String {
    format!(
        "{}host={}",
        url.split_once("host=").unwrap().0,
        folder.display()
    )
}

/// What only a commit's parameters hold.
pub const MARK: &[u8] = b"MARKED";

async fn forward(
    mut client: UnixStream,
    server: PathBuf,
    cut: Arc<AtomicU8>,
    hit: Arc<AtomicBool>,
    mut down: watch::Receiver<bool>,
) {
    if *down.borrow_and_update() {
        return;
    }
    let Ok(mut server) = UnixStream::connect(server).await else {
        return;
    };
    let mut request = vec![0; 1 << 20];
    let mut answer = vec![0; 1 << 20];
    let mut lose_answer = false;
    loop {
        tokio::select! {
            _ = down.changed() => return,
            read = client.read(&mut request) => {
                let Ok(length @ 1..) = read else { return };
                let bytes = &request[..length];
                if bytes.windows(MARK.len()).any(|window| window == MARK) {
                    let now = cut.swap(Cut::Nothing as u8, Ordering::SeqCst);
                    if now != Cut::Nothing as u8 {
                        hit.store(true, Ordering::SeqCst);
                    }
                    if now == Cut::Request as u8 {
                        return;
                    }
                    lose_answer = now == Cut::Answer as u8;
                }
                if server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = server.read(&mut answer) => {
                let Ok(length @ 1..) = read else { return };
                // The server answers once it is done, so by now the commit is durable.
                if lose_answer || client.write_all(&answer[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}
