#![allow(clippy::unwrap_used)]

use super::*;

/// A service's own settings.
#[derive(Debug)]
struct Own {
    unpaid_after: Duration,
}

impl Settings for Own {
    fn read(reader: &mut Reader) -> Self {
        Self {
            unpaid_after: reader.duration(
                "intake.unpaid_after",
                "48h",
                "When an unpaid order is cancelled.",
            ),
        }
    }
}

fn load(
    arguments: &[&str],
    environment: &[(&str, &str)],
) -> Result<(ServiceConfig, Own), ConfigFaults> {
    let settings = all_settings::<Own>();
    let matches = command("intake", &settings)
        .try_get_matches_from([&["ordo-intake"], arguments].concat())
        .unwrap();
    let environment = environment
        .iter()
        .map(|(name, text)| (String::from(*name), String::from(*text)));
    values(&settings, &matches, environment).and_then(ServiceConfig::with::<Own>)
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(
        &path,
        "listen = '127.0.0.1:1'\nready_file = 'a'\nshutdown_delay = '1s'\n[auth]\njwks = '{}'\n[intake]\nunpaid_after = '1h'",
    )
    .unwrap();
    let (config, own) = load(
        &[
            "--config",
            path.to_str().unwrap(),
            "--listen",
            "127.0.0.1:3",
        ],
        &[
            ("ORDO_LISTEN", "127.0.0.1:2"),
            ("ORDO_READY_FILE", "b"),
            ("ORDO_SOMETHING_ELSE", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.ready_file.unwrap().to_str(), Some("b"));
    assert_eq!(config.shutdown_delay, Duration::from_secs(1));
    assert_eq!(own.unpaid_after, Duration::from_secs(3600));
}

#[test]
fn the_services_own_faults_come_with_the_shared_ones() {
    let faults = load(&["--intake-unpaid-after", "x", "--listen", "y"], &[]).unwrap_err();
    let text = faults.to_string();
    for expected in [
        "intake.unpaid_after (--intake-unpaid-after)",
        "listen (--listen)",
        "auth.jwks_file",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[test]
fn a_file_that_is_not_there_or_not_toml_is_a_fault() {
    assert!(
        load(&["--config", "/nonexistent.toml"], &[])
            .unwrap_err()
            .to_string()
            .contains("/nonexistent.toml")
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, "listen = ").unwrap();
    assert!(load(&["--config", path.to_str().unwrap()], &[]).is_err());
}

#[test]
fn the_command_line_is_well_formed() {
    command("intake", &all_settings::<Own>()).debug_assert();
}

#[test]
#[cfg(target_os = "linux")]
fn a_service_takes_memory_in_small_pages() {
    let is_off = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        // Kernels without huge pages say nothing.
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("THP_enabled:"))?;
        Some(line.trim() == "0")
    };
    use_small_pages();
    assert_ne!(is_off(), Some(false));
}
