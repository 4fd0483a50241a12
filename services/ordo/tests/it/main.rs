//! The program as a shell sees it: pipes, exit statuses, what is on standard error. What needs a cluster is in tests/scenarios.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{
    io::{Read as _, pipe},
    process::{Command, Output, Stdio},
};

use ordo_testkit::{Postgres, PostgresOptions};

fn ordo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ordo"));
    command
        .args(arguments)
        .env_remove("ORDO_HOME")
        .env_remove("ORDO_TENANT")
        .env_remove("ORDO_TOKEN_FILE")
        .stdin(Stdio::null());
    command
}

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = ordo(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn error(stderr: &str) -> serde_json::Value {
    assert_eq!(
        stderr.lines().count(),
        1,
        "one object on one line: {stderr}"
    );
    serde_json::from_str::<serde_json::Value>(stderr).unwrap()["error"].take()
}

#[test]
fn a_reader_that_left_ends_a_command_quietly() {
    for arguments in [
        &["completions", "bash"][..],
        &["--help"],
        &["order", "--help"],
        &["--version"],
    ] {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let ended = ordo(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(
            (ended.status.code(), &*said),
            (Some(141), ""),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_reader_that_leaves_in_the_middle_ends_a_command_quietly() {
    // More than a pipe holds.
    let mut child = ordo(&["completions", "zsh"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(141));
    assert!(
        ended.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
}

#[test]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ended = ordo(&["completions", "fish"])
        .stdout(full)
        .output()
        .unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1));
    assert!(said.contains("No space left"), "{said}");
}

#[test]
fn without_a_cluster_a_command_says_how_to_start_one() {
    let nowhere = tempfile::tempdir().unwrap();
    let home = nowhere.path().to_str().unwrap();
    let (code, said, why) = run(&["--home", home, "order", "list"]);
    assert_eq!((code, said.as_str()), (Some(5), ""));
    assert!(why.contains("deploy/up") && why.contains(home), "{why}");
    let (code, said, why) = run(&["--home", home, "--json", "order", "list"]);
    assert_eq!((code, said.as_str()), (Some(5), ""));
    let error = error(&why);
    assert_eq!(error["code"], "UNAVAILABLE");
    assert_eq!(error["reason"], "NO_CLUSTER");
    assert_eq!(error["exit_status"], 5);
}

#[test]
fn wrong_arguments_are_told_to_people_and_to_programs() {
    let (code, said, why) = run(&["case", "open", "x", "--kind", "gift"]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    assert!(
        why.contains("refund-only") && why.contains("--help"),
        "{why}"
    );
    let (code, said, why) = run(&["case", "open", "x", "--kind", "gift", "--json"]);
    assert_eq!((code, said.as_str()), (Some(2), ""));
    let error = error(&why);
    assert_eq!(
        (&error["code"], &error["reason"]),
        (&"INVALID_ARGUMENT".into(), &"USAGE".into())
    );
    assert_eq!(error["fields"][0]["field"], "--kind <KIND>");
    let (code, _, why) = run(&["--json"]);
    assert_eq!(
        (code, &self::error(&why)["reason"]),
        (Some(2), &"USAGE".into())
    );
}

#[test]
fn an_argument_that_is_no_text_is_refused() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let mut command = ordo(&["order", "show"]);
    let ended = command
        .arg(OsStr::from_bytes(b"\xff\xfe"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2));
    assert!(said.contains("UTF-8"), "{said}");
}

#[test]
fn a_folder_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let home = file.to_str().unwrap();
    // Any program will do: it does not come to starting one.
    let mut command = ordo(&["--home", home, "--json", "up", "--free-ports"]);
    let ended = command
        .env("ORDO_NATS_SERVER", "/bin/true")
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let why = String::from_utf8(ended.stderr).unwrap();
    let message = error(&why)["message"].as_str().unwrap().to_owned();
    assert!(message.contains(home), "{message}");
}

#[test]
fn a_file_that_is_named_and_cannot_be_read_is_a_wrong_argument() {
    let nowhere = tempfile::tempdir().unwrap();
    let home = nowhere.path().to_str().unwrap();
    let missing = nowhere.path().join("missing");
    let missing = missing.to_str().unwrap();
    for (flag, arguments) in [
        (
            "--token-file",
            &["--token-file", missing, "order", "list"][..],
        ),
        // A folder is there and cannot be read.
        ("--token-file", &["--token-file", home, "order", "list"]),
        ("--data", &["demo", "--data", missing]),
    ] {
        let arguments = [&["--home", home][..], arguments].concat();
        let (code, said, why) = run(&arguments);
        assert_eq!((code, said.as_str()), (Some(2), ""), "{why}");
        assert!(why.contains(flag), "{why}");
        let (code, _, why) = run(&[&arguments[..], &["--json"]].concat());
        let error = error(&why);
        assert_eq!(code, Some(2), "{error}");
        assert_eq!(error["fields"][0]["field"], flag, "{error}");
    }
}

#[tokio::test]
async fn a_postgres_without_room_is_refused_before_anything_is_started() {
    let options = PostgresOptions {
        settings: vec!["max_connections=50".to_owned()],
        ..PostgresOptions::default()
    };
    let server = Postgres::start_with(options).await.unwrap();
    let store = server.fresh_database().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("cluster");
    for arguments in [
        &["up", "--free-ports"][..],
        &["up", "--free-ports", "--replicas", "2"],
        &["demo", "--orders", "1"],
    ] {
        let mut command = ordo(&["--json", "--home", home.to_str().unwrap()]);
        let ended = command
            .args(arguments)
            .args(["--store", &store])
            // Any program will do: it does not come to starting one.
            .env("ORDO_NATS_SERVER", "/bin/true")
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
        let why = String::from_utf8(ended.stderr).unwrap();
        let message = error(&why)["message"].as_str().unwrap().to_owned();
        for part in ["max_connections = 50", "130", "alter system"] {
            let part = match (part, arguments.contains(&"--replicas")) {
                ("130", true) => "260",
                _ => part,
            };
            assert!(message.contains(part), "{arguments:?}: {message}");
        }
        assert!(!home.exists(), "{arguments:?}");
    }
}

#[test]
fn a_postgres_that_is_not_there_is_told_before_anything_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("cluster");
    let host = folder.path().to_str().unwrap();
    let store = format!("postgres://ordo:s3cr3t@localhost/ordo?host={host}");
    let line = ["--home", home.to_str().unwrap(), "up", "--store", &store];
    let ended = ordo(&line)
        .env("ORDO_NATS_SERVER", "/bin/true")
        .output()
        .unwrap();
    let why = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{why}");
    assert!(why.contains("postgres://ordo@"), "{why}");
    assert!(!why.contains("s3cr3t") && !home.exists(), "{why}");
}

#[test]
fn a_size_or_a_store_that_cannot_be_is_refused_and_its_argument_named() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("cluster");
    for line in [
        "bench hot-sku --callers 0",
        "bench hot-sku --rounds 0",
        "bench hot-sku --buyers 0",
        "bench hot-sku --units 0",
        "bench hot-sku --replicas 5",
        "bench hot-sku --replicas 2",
        "bench hot-sku --store sqlite:/tmp",
        "bench orders --seconds 1",
        "bench orders --callers 0",
        "bench orders --lines 0",
        "bench orders --articles 0",
        "bench orders --store mysql/foo",
        "bench append --round-ms 0",
        "bench append --partitions 0",
        "bench append --payload 10000000",
        "bench append --store mysql/foo",
        "bench relay --lag-seconds 0",
        "bench project --queries 0",
        "demo --store mysql://x",
        "up --free-ports --store mysql://x",
        "up --free-ports --store postgres",
        "up --free-ports --replicas 0",
        "up --free-ports --replicas 2",
        "up --free-ports --replicas 2 --store sqlite:/tmp",
    ] {
        let mut command = ordo(&["--json", "--home", home.to_str().unwrap()]);
        let ended = command
            .args(line.split(' '))
            // Any program will do: it does not come to starting one.
            .env("ORDO_NATS_SERVER", "/bin/true")
            .output()
            .unwrap();
        let why = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(2), "{line}: {why}");
        let field = error(&why)["fields"][0]["field"]
            .as_str()
            .unwrap()
            .to_owned();
        let flag = field.split(' ').next().unwrap();
        assert!(
            line.contains(flag) && flag != "--free-ports",
            "{line}: {flag}"
        );
        assert!(!home.exists(), "{line}");
    }
}

#[test]
fn a_text_that_says_nothing_is_refused_and_its_argument_named() {
    for (argument, line) in [
        ("<DETAIL>", &["order", "hold", "phone/1", ""][..]),
        ("<DETAIL>", &["order", "reject", "phone/1", " "]),
        (
            "--reason <REASON>",
            &["order", "cancel", "phone/1", "--reason", " "],
        ),
        (
            "--number <NUMBER>",
            &["order", "place", "--number", "", "--line", "TEA:1"],
        ),
        (
            "--tracking <TRACKING>",
            &[
                "work",
                "dispatch",
                "F1",
                "--carrier",
                "SF",
                "--tracking",
                "   ",
            ],
        ),
        ("<REASON>", &["case", "reject", "C1", "\t"]),
    ] {
        let (code, said, why) = run(&[line, &["--json"]].concat());
        assert_eq!((code, said.as_str()), (Some(2), ""), "{line:?}: {why}");
        assert_eq!(error(&why)["fields"][0]["field"], argument, "{line:?}");
    }
}
