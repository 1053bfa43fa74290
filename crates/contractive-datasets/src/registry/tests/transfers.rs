//! Servers that cut, lie, stall, lead elsewhere or are not who they say: a clear error, nothing left, and a good try later
//! succeeds.

use std::time::Instant;

use ureq::tls::{Certificate, RootCerts};

use super::server::{CERTIFICATE, answer};
use super::*;

/// The manner of a client that trusts the server of these tests.
fn trusting() -> Manner {
    let certificate = Certificate::from_pem(CERTIFICATE).unwrap();
    Manner { roots: RootCerts::new_with_certs(&[certificate]), pause: Duration::ZERO, ..Manner::default() }
}

/// Of few seconds.
fn impatient() -> Manner {
    Manner { patience: Duration::from_millis(700), least_pace: 1 << 20, most_transfers: 2, ..plainly() }
}

/// Downloads from `server` into `folder`.
fn try_from(server: &Server, manner: &Manner, folder: &Path) -> Result<(), DatasetError> {
    let expected = Expected { size: body().len() as u64, sha256: &sum_of(&body()) };
    download(&server.url(), expected, &folder.join("file.gz"), manner, &mut |_| {})
}

/// What is said of a server that gives no file. A good one gives it afterwards.
fn refused(server: &Server, manner: &Manner) -> String {
    let folder = tempfile::tempdir().unwrap();
    let error = try_from(server, manner, folder.path()).unwrap_err();
    assert!(matches!(error, DatasetError::Network { .. } | DatasetError::Checksum { .. }), "{error:?}");
    assert_eq!(names_in(folder.path()), [""; 0]);
    let good = Server::plain(vec![Answer::Whole(ok(body().len(), &body()))]);
    try_from(&good, &plainly(), folder.path()).unwrap();
    assert_eq!(std::fs::read(folder.path().join("file.gz")).unwrap(), body());
    assert_eq!(names_in(folder.path()), ["file.gz"]);
    error.to_string()
}

fn rest(from: usize) -> Answer {
    let body = body();
    let range = format!(
        "Content-Range: bytes {from}-{}/{}\r\nContent-Length: {}",
        body.len() - 1,
        body.len(),
        body.len() - from
    );
    Answer::Whole(answer("206 Partial Content", &range, &body[from..]))
}

fn cut_after(n: usize) -> Answer {
    Answer::Whole(ok(body().len(), &body()[..n]))
}

#[test]
fn a_cut_transfer_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::plain(vec![cut_after(70_000), rest(70_000)]);
    try_from(&server, &plainly(), folder.path()).unwrap();
    assert_eq!(std::fs::read(folder.path().join("file.gz")).unwrap(), body());
    let requests = server.requests();
    assert!(!requests[0].contains("range:") && requests[1].contains("range: bytes=70000-\r\n"), "{requests:?}");
}

#[test]
fn a_server_without_ranges_is_asked_for_the_whole_again() {
    let whole = || Answer::Whole(ok(body().len(), &body()));
    // A part that begins elsewhere is not the rest.
    let range = "Content-Range: bytes 0-199999/200000\r\nContent-Length: 200000";
    let of_the_start = Answer::Whole(answer("206 Partial Content", range, &body()));
    for second in [whole(), of_the_start] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::plain(vec![cut_after(70_000), second]);
        try_from(&server, &plainly(), folder.path()).unwrap();
        assert_eq!(std::fs::read(folder.path().join("file.gz")).unwrap(), body());
    }
}

#[test]
fn a_server_that_cuts_for_ever_is_given_up() {
    let said = refused(&Server::plain(vec![cut_after(1_000); 20]), &plainly());
    assert!(said.contains("broke off after 1000 of 200000 bytes"), "{said}");
    let steps = (1..20).map(|i| {
        let range =
            format!("Content-Range: bytes {0}-199999/200000\r\nContent-Length: {1}", i * 100, 200_000 - i * 100);
        Answer::Whole(answer("206 Partial Content", &range, &body()[i * 100..][..100]))
    });
    let server = Server::plain([cut_after(100)].into_iter().chain(steps).collect());
    assert!(refused(&server, &plainly()).contains("broke off after 500 of"));
    assert_eq!(server.requests().len(), 5);
    // Bytes of another file after a cut.
    let mut other = body()[70_000..].to_vec();
    other[5] ^= 1;
    let range = "Content-Range: bytes 70000-199999/200000\r\nContent-Length: 130000";
    let server = Server::plain(vec![cut_after(70_000), Answer::Whole(answer("206 Partial Content", range, &other))]);
    assert!(refused(&server, &plainly()).contains("must have the SHA-256 sum"));
}

#[test]
fn a_server_that_stalls_is_given_up() {
    let long = Duration::from_secs(60);
    let header = ok(body().len(), b"");
    for answer in [
        Answer::Stalled(Vec::new(), long),
        Answer::Stalled(header.clone(), long),
        Answer::Stalled(ok(body().len(), &body()[..90_000]), long),
        // Never silent for long, and never done.
        Answer::Dripping(header, Duration::from_millis(20)),
    ] {
        let began = Instant::now();
        let said = refused(&Server::plain(vec![answer; 2]), &impatient());
        assert!(said.contains("timeout"), "{said}");
        assert!(began.elapsed() < long / 2, "{said}");
    }
}

#[test]
fn redirections_in_a_loop_are_given_up() {
    let to_itself = Answer::Whole(answer("302 Found", "Location: /file.gz\r\nContent-Length: 0", b""));
    let server = Server::plain(vec![to_itself; 40]);
    let said = refused(&server, &plainly());
    assert!(said.contains("redirect"), "{said}");
    assert!(server.requests().len() < 20);
}

#[test]
fn only_tls_is_used_wherever_a_server_leads_to() {
    let body = body();
    let folder = tempfile::tempdir().unwrap();
    let sound = || Answer::Whole(ok(body.len(), &body));
    try_from(&Server::with_tls(vec![sound()]), &trusting(), folder.path()).unwrap();
    assert_eq!(std::fs::read(folder.path().join("file.gz")).unwrap(), body);

    let plain = Server::plain(vec![sound(); 2]);
    let said = refused(&plain, &trusting());
    assert!(said.contains("https"), "{said}");
    let leads = answer("302 Found", &format!("Location: {}\r\nContent-Length: 0", plain.url()), b"");
    let said = refused(&Server::with_tls(vec![Answer::Whole(leads)]), &trusting());
    assert!(said.contains("https"), "{said}");
    assert_eq!(plain.requests(), [""; 0], "nothing was asked for without TLS");
}

#[test]
fn a_server_that_nobody_vouches_for_is_refused() {
    let server = Server::with_tls(vec![Answer::Whole(ok(body().len(), &body()))]);
    let said = refused(&server, &Manner { pause: Duration::ZERO, ..Manner::default() });
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(server.requests(), [""; 0]);
}

#[test]
fn what_a_killed_download_left_is_removed_after_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let old = std::time::SystemTime::now() - Duration::from_secs(100_000);
    for (name, is_old) in [(".download-old", true), (".download-new", false), ("other", true)] {
        let file = std::fs::File::create(folder.path().join(name)).unwrap();
        if is_old {
            file.set_modified(old).unwrap();
        }
    }
    try_from(&Server::plain(vec![Answer::Whole(ok(body().len(), &body()))]), &plainly(), folder.path()).unwrap();
    assert_eq!(names_in(folder.path()), [".download-new", "file.gz", "other"]);
}
