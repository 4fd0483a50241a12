use std::process::Command;

use ordo_proto::log::GetHeadsRequest;
use ordo_rpc::{Call, Remote, RemoteSettings, TokenSource, role};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::service::{Place, run};

/// Makes an authority and certificates for `localhost` with openssl.
fn certificates(folder: &std::path::Path) {
    let script = "set -e
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=authority -keyout ca.key -out ca.pem
        for name in server client; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
            printf 'subjectAltName=DNS:localhost\\nbasicConstraints=CA:FALSE\\n' > $name.ext
            openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 -extfile $name.ext -out $name.pem
        done";
    let made = Command::new("sh")
        .arg("-c")
        .arg(script)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

#[tokio::test]
async fn with_mutual_tls_only_clients_with_a_certificate_get_in() {
    let mut place = Place::new();
    let folder = place.folder.path().to_owned();
    certificates(&folder);
    let path = |name: &str| folder.join(name).display().to_string();
    place.set("tls.cert_file", path("server.pem"));
    place.set("tls.key_file", path("server.key"));
    place.set("tls.client_ca_file", path("ca.pem"));
    let service = run(&place, "intake", &[]).await;
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let trusting = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read("ca.pem")))
        .domain_name("localhost");
    let known = trusting
        .clone()
        .identity(Identity::from_pem(read("client.pem"), read("client.key")));
    for (tls, gets_in) in [(known, true), (trusting, false)] {
        let settings = RemoteSettings {
            peers: [("intake".to_owned(), format!("https://{}", service.address))].into(),
            tls: Some(tls),
            ..RemoteSettings::default()
        };
        let remote = Remote::new(
            settings,
            TokenSource::fixed(place.token(None, role::SERVICE)),
        )
        .unwrap();
        let mut log = remote.event_log("intake", &Call::system()).unwrap();
        assert_eq!(log.get_heads(GetHeadsRequest {}).await.is_ok(), gets_in);
    }
}
