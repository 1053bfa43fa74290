//! Downloading from a server on this machine, and finding what lies in folders.

mod server;
mod transfers;

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use self::server::{Answer, Server, ok};
use super::download::{Expected, download};
use super::*;
use contractive_table::checksum::Sha256Sum;

fn sum_of(bytes: &[u8]) -> String {
    let mut sum = Sha256Sum::new();
    sum.update(bytes);
    sum.finish()
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        folder.read_dir().unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Without TLS, and without waiting.
fn plainly() -> Manner {
    Manner { tls_only: false, pause: Duration::ZERO, ..Manner::default() }
}

/// Downloads `answer` where `body` is expected, and says what is in the folder afterwards.
fn attempt(answer: Vec<u8>, body: &[u8]) -> (Result<(), DatasetError>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::plain(vec![Answer::Whole(answer)]);
    let expected = Expected { size: body.len() as u64, sha256: &sum_of(body) };
    let result = download(&server.url(), expected, &folder.path().join("file.gz"), &plainly(), &mut |_| {});
    (result, names_in(folder.path()))
}

fn body() -> Vec<u8> {
    (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn a_sound_file_arrives_with_progress_up_to_its_size() {
    let folder = tempfile::tempdir().unwrap();
    let body = body();
    let server = Server::plain(vec![Answer::Whole(ok(body.len(), &body))]);
    let url = server.url();
    let file = RegisteredFile {
        name: "file.gz",
        url: Some(Box::leak(url.into_boxed_str())),
        size: body.len() as u64,
        sha256: Box::leak(sum_of(&body).into_boxed_str()),
        md5: None,
    };
    let set = find("mnist").unwrap();
    let mut told = Vec::new();
    let into = folder.path().join("mnist");
    let mut tell = |name: &str, done, all| told.push((name.to_string(), done, all));
    let path = fetch_file(set, &file, &into, &plainly(), &mut tell).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), body);
    assert_eq!(names_in(&into), ["file.gz"]);
    assert_eq!(told.last(), Some(&("file.gz".to_string(), file.size, file.size)));
    assert!(told.is_sorted_by_key(|(_, done, _)| *done));

    // A sound file is not fetched again.
    assert_eq!(fetch_file(set, &file, &into, &plainly(), &mut |_, _, _| {}).unwrap(), path);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_wrong_sum_leaves_nothing_and_is_bad_data() {
    let mut wrong = body();
    wrong[7] ^= 1;
    let (result, names) = attempt(ok(wrong.len(), &wrong), &body());
    let error = result.unwrap_err();
    assert!(matches!(&error, DatasetError::Checksum { got, .. } if *got == sum_of(&wrong)), "{error}");
    assert_eq!(names, [""; 0]);
}

#[test]
fn a_body_cut_short_or_too_long_leaves_nothing() {
    let body = body();
    let mut longer = body.clone();
    longer.push(0);
    let cases = [
        ("broken off", ok(body.len(), &body[..1000])),
        ("honestly short", ok(1000, &body[..1000])),
        ("too long", ok(longer.len(), &longer)),
        ("no such file", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()),
        ("no HTTP", b"\0\0\0\0".to_vec()),
    ];
    for (what, answer) in cases {
        let (result, names) = attempt(answer, &body);
        let error = result.expect_err(what);
        assert!(matches!(error, DatasetError::Network { .. }), "{what}: {error:?}");
        assert_eq!(names, [""; 0], "{what}");
    }
}

#[test]
fn no_server_is_a_network_error() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // closed again at once
    let expected = Expected { size: 1, sha256: "" };
    let url = format!("http://127.0.0.1:{port}/x");
    let error = download(&url, expected, &folder.path().join("x"), &plainly(), &mut |_| {});
    assert!(matches!(error.unwrap_err(), DatasetError::Network { .. }));
    assert_eq!(names_in(folder.path()), [""; 0]);
}

#[test]
fn a_failed_fetch_leaves_no_folder_that_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port(); // closed again at once
    let file = |url: String| RegisteredFile {
        name: "file.gz",
        url: Some(Box::leak(url.into_boxed_str())),
        size: 4,
        sha256: Box::leak(sum_of(b"four").into_boxed_str()),
        md5: None,
    };
    let refused = file(format!("http://127.0.0.1:{port}/file.gz"));
    let set = find("mnist").unwrap();
    let into = folder.path().join("new").join("mnist");
    fetch_file(set, &refused, &into, &plainly(), &mut |_, _, _| {}).unwrap_err();
    assert_eq!(names_in(folder.path()), [""; 0]);

    // What was there before stays, empty or not.
    std::fs::create_dir(folder.path().join("new")).unwrap();
    fetch_file(set, &refused, &into, &plainly(), &mut |_, _, _| {}).unwrap_err();
    assert_eq!(names_in(folder.path()), ["new"]);
    assert_eq!(names_in(&folder.path().join("new")), [""; 0]);
    let server = Server::plain(vec![Answer::Whole(ok(4, b"four"))]);
    let path = fetch_file(set, &file(server.url()), &into, &plainly(), &mut |_, _, _| {}).unwrap();
    fetch_file(set, &RegisteredFile { name: "other.gz", ..refused }, &into, &plainly(), &mut |_, _, _| {}).unwrap_err();
    assert_eq!((names_in(&into), path), (vec!["file.gz".to_string()], into.join("file.gz")));
}

#[test]
fn a_file_is_found_without_its_partner() {
    let folder = tempfile::tempdir().unwrap();
    let source = Source { data_dir: Some(folder.path().to_path_buf()), offline: true };
    let mine = folder.path().join("mnist");
    std::fs::create_dir(&mine).unwrap();
    let set = find("mnist").unwrap();
    let files = set.files_of(Part::Train).unwrap();
    std::fs::write(mine.join(files.images.name), "x").unwrap();
    // A folder of another name: the file there may be another set's, of the same name.
    std::fs::write(folder.path().join(files.labels.name), "x").unwrap();
    assert_eq!(find_alone(set, &files.images, &source), Some(mine.join(files.images.name)));
    assert_ne!(find_alone(set, &files.labels, &source), Some(folder.path().join(files.labels.name)));
    // Sound on a machine that has the set in its cache.
    let state = verify("mnist", &source).unwrap().remove(0).state;
    assert!(matches!(state, FileState::Wrong { .. } | FileState::Sound), "{state:?}");
}

#[test]
fn a_set_without_download_cannot_be_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let error = fetch("cifar10-gray", folder.path(), &mut |_, _, _| {}).unwrap_err();
    assert!(matches!(error, DatasetError::NotFound { can_be_downloaded: false, .. }), "{error}");
    assert!(fetch("strokes", folder.path(), &mut |_, _, _| {}).unwrap().is_empty());
    assert!(matches!(fetch("mnits", folder.path(), &mut |_, _, _| {}), Err(DatasetError::UnknownName { .. })));
}

#[test]
fn the_catalogue_is_whole() {
    for set in all() {
        assert_eq!(find(set.name).unwrap().name, set.name);
        for file in set.files() {
            assert_eq!(file.sha256.len(), 64);
            assert!(file.url.is_none_or(|url| url.starts_with("https://") && url.ends_with(file.name)));
        }
    }
    assert!(find("mnist").unwrap().can_be_downloaded() && find("fashion-mnist").unwrap().can_be_downloaded());
    assert!(find("strokes").unwrap().is_built_in() && !find("cifar10-gray").unwrap().can_be_downloaded());
}
