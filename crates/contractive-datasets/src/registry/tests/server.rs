//! A server on loopback that answers as it is told, with TLS or without.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Of 127.0.0.1, made with `openssl req -x509`, for a hundred years.
pub const CERTIFICATE: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/loopback/certificate.pem"));
const KEY: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/loopback/key.pem"));

/// What one connection is answered with; then it is closed.
#[derive(Clone)]
pub enum Answer {
    /// These bytes.
    Whole(Vec<u8>),
    /// These bytes, and then nothing for so long.
    Stalled(Vec<u8>, Duration),
    /// These bytes, and then a byte at a time with a wait before each.
    Dripping(Vec<u8>, Duration),
}

/// Answers connections in their order; later ones are refused.
pub struct Server {
    scheme: &'static str,
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn plain(answers: Vec<Answer>) -> Server {
        Server::of("http", answers, None)
    }

    pub fn with_tls(answers: Vec<Answer>) -> Server {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE).unwrap();
        let key = PrivateKeyDer::from_pem_slice(KEY).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
        Server::of("https", answers, Some(Arc::new(config)))
    }

    fn of(scheme: &'static str, answers: Vec<Answer>, tls: Option<Arc<ServerConfig>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        std::thread::spawn(move || {
            for answer in answers {
                let Ok((stream, _)) = listener.accept() else { return };
                match &tls {
                    None => converse(stream, answer, &heard),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        converse(StreamOwned::new(connection, stream), answer, &heard);
                    }
                }
            }
        });
        Server { scheme, address, requests }
    }

    pub fn url(&self) -> String {
        format!("{}://{}/file.gz", self.scheme, self.address)
    }

    /// What was asked for so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn converse(mut stream: impl Read + Write, answer: Answer, heard: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => request.push(byte[0]),
            _ => return, // a client that does not like the certificate
        }
    }
    heard.lock().unwrap().push(String::from_utf8(request).unwrap().to_lowercase());
    // The client may have had enough.
    let mut say = |bytes: &[u8]| stream.write_all(bytes).and_then(|()| stream.flush()).is_ok();
    match answer {
        Answer::Whole(bytes) => drop(say(&bytes)),
        Answer::Stalled(bytes, time) => {
            say(&bytes);
            sleep(time);
        }
        Answer::Dripping(bytes, time) => {
            let mut goes_on = say(&bytes);
            while goes_on {
                sleep(time);
                goes_on = say(b"x");
            }
        }
    }
}

/// An answer that claims so many bytes.
pub fn ok(claimed: usize, body: &[u8]) -> Vec<u8> {
    answer("200 OK", &format!("Content-Length: {claimed}"), body)
}

pub fn answer(status: &str, header: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("HTTP/1.1 {status}\r\n{header}\r\nConnection: close\r\n\r\n").into_bytes();
    bytes.extend(body);
    bytes
}
