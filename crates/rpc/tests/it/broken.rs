//! Connections that break under a call, at every moment at which one can.

use std::{net::SocketAddr, time::Duration};

use ordo_proto::ops::{RebuildProjectionRequest, operations_client::OperationsClient};
use ordo_rpc::{
    Call, Remote, RemoteSettings, TokenSource, Verdict, classify, is_unanswered, reason_of,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tonic::{Code, Status};

use crate::server::ask;

/// Error codes of HTTP/2 (RFC 9113, section 7).
const NO_ERROR: u32 = 0;
const PROTOCOL_ERROR: u32 = 1;
const INTERNAL_ERROR: u32 = 2;
const CANCEL: u32 = 8;

/// What a server does to a call once it has begun.
#[derive(Clone, Debug)]
struct Breaks {
    /// Answers so much before.
    after: After,
    how: How,
}

#[derive(Clone, Copy, Debug)]
enum After {
    Nothing,
    Headers,
    /// And the first bytes of a message.
    Data,
}

#[derive(Clone, Copy, Debug)]
enum How {
    /// Ends this call, with a code.
    Reset(u32),
    /// Says, with a code, that it takes no calls any more and has not taken this one, and leaves.
    GoAway(u32),
    /// Leaves without a word.
    Leaves,
    /// Ends the answer as if it were whole.
    Ends,
    /// Ends it with the status INTERNAL and no reason, as no service of ours does.
    Internal,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header field that is in no table.
fn field(name: &str, value: &str) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name, value] {
        field.push(u8::try_from(text.len()).unwrap());
        field.extend(text.as_bytes());
    }
    field
}

/// Waits for the first call's headers; gives back its stream.
async fn called(socket: &mut TcpStream) -> u32 {
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await.unwrap();
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        socket.read_exact(&mut payload).await.unwrap();
        if head[3] == 1 {
            return u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        }
    }
}

async fn breaks(mut socket: TcpStream, breaks: Breaks) {
    socket.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    let stream = called(&mut socket).await;
    let mut said = frame(4, 1, 0, &[]);
    if !matches!(breaks.after, After::Nothing) {
        // `:status: 200` is the eighth of the table that everybody has.
        let mut headers = vec![0x88];
        headers.extend(field("content-type", "application/grpc"));
        said.extend(frame(1, 4, stream, &headers));
    }
    if matches!(breaks.after, After::Data) {
        said.extend(frame(0, 0, stream, &[0, 0, 0, 0, 9, 1]));
    }
    match breaks.how {
        How::Reset(code) => said.extend(frame(3, 0, stream, &code.to_be_bytes())),
        How::GoAway(code) => {
            let last = [0_u32.to_be_bytes(), code.to_be_bytes()].concat();
            said.extend(frame(7, 0, 0, &last));
        }
        How::Leaves => {}
        How::Ends => said.extend(frame(0, 1, stream, &[])),
        How::Internal => said.extend(frame(1, 5, stream, &field("grpc-status", "13"))),
    }
    socket.write_all(&said).await.unwrap();
    if !matches!(breaks.how, How::Leaves | How::GoAway(_)) {
        // The connection stands, and nothing more is said.
        std::future::pending::<()>().await;
    }
}

/// A server that does so to every call.
async fn server(how: Breaks) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(breaks(socket, how.clone()));
        }
    });
    address
}

fn remote(addresses: &[SocketAddr]) -> Remote {
    let urls: Vec<String> = addresses.iter().map(|at| format!("http://{at}")).collect();
    let settings = RemoteSettings {
        peers: [("intake".to_owned(), urls.join(","))].into(),
        ..RemoteSettings::default()
    };
    Remote::new(settings, TokenSource::fixed("token")).unwrap()
}

async fn answer(how: Breaks, replicas: usize) -> Status {
    let mut addresses = Vec::new();
    for _ in 0..replicas {
        addresses.push(server(how.clone()).await);
    }
    let mut keys = remote(&addresses).key_store(&Call::system()).unwrap();
    let answer = ask(&mut keys, "");
    let answer = tokio::time::timeout(Duration::from_secs(4), answer).await;
    answer.unwrap().unwrap_err()
}

fn every_way() -> Vec<Breaks> {
    let codes = [NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, CANCEL];
    let mut ways = vec![How::Leaves];
    ways.extend(codes.map(How::Reset));
    ways.extend(codes.map(How::GoAway));
    let moments = [After::Nothing, After::Headers, After::Data];
    let mut found: Vec<Breaks> = (moments.into_iter())
        .flat_map(|after| ways.iter().map(move |how| Breaks { after, how: *how }))
        .collect();
    found.extend([After::Headers, After::Data].map(|after| Breaks {
        after,
        how: How::Ends,
    }));
    found
}

#[tokio::test]
async fn a_connection_that_breaks_under_a_call_is_no_answer_whenever_it_breaks() {
    for replicas in [1, 2] {
        for way in every_way() {
            let status = answer(way.clone(), replicas).await;
            assert_eq!(status.code(), Code::Unavailable, "{way:?}: {status:?}");
            let reason = reason_of(&status);
            assert_eq!(reason.as_deref(), Some("SERVICE_UNREACHABLE"), "{way:?}");
            assert_eq!(classify(&status), Verdict::Retry, "{way:?}");
            let said = status.message();
            assert!(said.contains("intake at http://127.0.0.1:"), "{said}");
        }
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_no_answer_either() {
    for (after, how) in [
        (After::Data, How::Reset(INTERNAL_ERROR)),
        (After::Data, How::Leaves),
        (After::Headers, How::Reset(NO_ERROR)),
    ] {
        let address = server(Breaks { after, how }).await;
        let channel = remote(&[address]).stream_channel("intake", &Call::system());
        let mut operations = OperationsClient::new(channel.unwrap());
        let request = RebuildProjectionRequest::default();
        let answer = operations.rebuild_projection(request).await.unwrap();
        let status = answer.into_inner().message().await.unwrap_err();
        let reason = reason_of(&status);
        assert_eq!(reason.as_deref(), Some("SERVICE_UNREACHABLE"), "{how:?}");
    }
}

#[tokio::test]
async fn an_internal_error_without_a_reason_is_of_no_service_and_worth_a_retry() {
    let how = Breaks {
        after: After::Headers,
        how: How::Internal,
    };
    let status = answer(how, 1).await;
    assert_eq!(status.code(), Code::Internal);
    assert!(is_unanswered(&status), "{status:?}");
    assert_eq!(classify(&status), Verdict::Retry);
}
