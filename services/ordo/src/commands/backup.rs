//! `ordo backup …`, `ordo restore …`: a service's databases, opened by this program. The service is not asked.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use ordo_backup::{BackupError, Kind, Manifest, Restored, RestoredPartition, Verified};
use ordo_sql::StoreUrl;
use serde_json::json;

use crate::{
    cli::Target,
    client::SERVICES,
    fault::Fault,
    output::{say, table},
};

/// What to back up, and where to.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct BackupOptions {
    /// Service. It may be running.
    #[arg(required = true, value_parser = PossibleValuesParser::new(SERVICES))]
    service: Option<String>,
    /// Folder to write to; made when it is not there, and empty when it is.
    #[arg(long, required = true, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Back up the keys of personal data (of intake) and nothing else. Keep such backups for days: they undo erasures.
    #[arg(long)]
    keys: bool,
    #[command(flatten)]
    store: StoreOption,
    #[command(subcommand)]
    command: Option<BackupCommand>,
}

/// What else can be done with a backup.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    /// Check a backup anywhere: checksums, and for a log positions, hash chain, stream versions and results of commands.
    #[command(after_help = "Example: ordo backup verify /backups/intake-2026-11-22")]
    Verify {
        /// Folder of the backup.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// What to restore, and from where.
#[derive(Debug, Args)]
pub struct RestoreOptions {
    /// Service. Every replica of it must be stopped.
    #[arg(value_parser = PossibleValuesParser::new(SERVICES))]
    service: String,
    /// Folder of the backup; of either kind of store, for either.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Put it in the place of what is there, which is then gone.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    store: StoreOption,
}

#[derive(Debug, Args)]
struct StoreOption {
    /// Where the service's databases are: `sqlite:<folder>` or `postgres://user@host/database`. When not given, what the
    /// configuration in the cluster's folder says.
    #[arg(long, env = "ORDO_STORE", hide_env_values = true, value_name = "URL")]
    store: Option<String>,
}

impl StoreOption {
    fn url(&self, target: &Target, service: &str, keys: bool) -> Result<StoreUrl, Fault> {
        let text = match &self.store {
            Some(text) => text.clone(),
            None => configured(target, service, keys)?,
        };
        text.parse()
            .map_err(|error| Fault::usage_because("the store", error))
    }
}

/// The store in the configuration that `ordo up` wrote; for keys, the one of their own when there is one.
fn configured(target: &Target, service: &str, keys: bool) -> Result<String, Fault> {
    let path = target.home.join(format!("config/{service}.toml"));
    let told = path.display().to_string();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Fault::NoCluster(format!(
            "no cluster in {}: {told}: {error}. Name its folder with --home, or the databases with --store.",
            target.home.display()
        ))
    })?;
    let settings: toml::Table = text
        .parse()
        .map_err(|error: toml::de::Error| Fault::usage_because(&told, error))?;
    let of_keys = settings.get("keys").filter(|_| keys);
    let store = of_keys
        .and_then(|keys| keys.get("store"))
        .or_else(|| settings.get("store"));
    store
        .and_then(toml::Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| Fault::usage(format_args!("{told} names no store; give --store")))
}

/// Takes or checks a backup.
pub async fn backup(
    target: &Target,
    json: bool,
    options: BackupOptions,
) -> Result<ExitCode, Fault> {
    if let Some(BackupCommand::Verify { folder }) = options.command {
        let (manifest, verified) = ordo_backup::verify(&folder).await.map_err(failed)?;
        tell(json, "good", &manifest, &verified)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (Some(service), Some(to)) = (options.service, options.to) else {
        return Err(Fault::usage("a service and --to are missing"));
    };
    let store = options.store.url(target, &service, options.keys)?;
    let kind = if options.keys {
        Kind::Keys
    } else {
        Kind::Service
    };
    let (manifest, verified) = ordo_backup::take(&service, &store, kind, &to)
        .await
        .map_err(failed)?;
    tell(json, "backed up", &manifest, &verified)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(json: bool, what: &str, manifest: &Manifest, verified: &Verified) -> Result<(), Fault> {
    if json {
        return say!("{}", backup_as_json(manifest, verified));
    }
    let service = &manifest.service;
    let kept = match manifest.kind {
        Kind::Keys => format!("the keys of {service}"),
        Kind::Service => format!("{service}, {} events", verified.events),
    };
    say!(
        "{what}: {kept}, {} bytes in {} files, taken {}",
        verified.bytes,
        verified.files,
        manifest.taken_at
    )?;
    if manifest.partitions.is_empty() {
        return Ok(());
    }
    let mut rows = table(&["partition", "position", "epoch", "hash"]);
    for end in &manifest.partitions {
        rows.add_row([
            end.partition.to_string(),
            end.position.to_string(),
            end.epoch.to_string(),
            end.hash.clone(),
        ]);
    }
    say!("{rows}")
}

fn backup_as_json(manifest: &Manifest, verified: &Verified) -> serde_json::Value {
    json!({
        "manifest": manifest,
        "verified": {
            "files": verified.files,
            "bytes": verified.bytes,
            "events": verified.events,
        },
    })
}

/// Restores a backup.
pub async fn restore(
    target: &Target,
    json: bool,
    options: RestoreOptions,
) -> Result<ExitCode, Fault> {
    let RestoreOptions {
        service,
        from,
        replace,
        store,
    } = options;
    // Which of two stores it belongs to is for the backup to say.
    let keys = Manifest::read(&from).map_err(failed)?.kind == Kind::Keys;
    let store = store.url(target, &service, keys)?;
    let restored = ordo_backup::restore(&service, &store, &from, replace)
        .await
        .map_err(failed)?;
    if json {
        say!("{}", restored_as_json(&service, &restored))?;
        return Ok(ExitCode::SUCCESS);
    }
    say!("restored in {store}: {}", restored.written.join(", "))?;
    if !restored.removed.is_empty() {
        say!("removed: {}", restored.removed.join(", "))?;
    }
    if keys {
        match restored.erased_again {
            Some(count) => {
                say!("{count} keys of people who were erased since were destroyed again")?
            }
            None => say!(
                "There is no log of {service} here that says who was erased since: erase them again (docs/OPERATIONS.md, Erasing a person)."
            )?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = table(&["partition", "position", "epoch", "events gone"]);
    for partition in &restored.partitions {
        rows.add_row([
            partition.partition.to_string(),
            partition.position.to_string(),
            restored.epoch.to_string(),
            gone(partition).map_or_else(|| "not known".to_owned(), |gone| gone.to_string()),
        ]);
    }
    say!("{rows}")?;
    say!(
        "Start {service} now. What the others do by themselves and what needs you: docs/OPERATIONS.md, After a restore."
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Events that were after the backup's last one; `None` when the log that was replaced could not be read.
fn gone(partition: &RestoredPartition) -> Option<u64> {
    Some(partition.replaced?.saturating_sub(partition.position))
}

fn restored_as_json(service: &str, restored: &Restored) -> serde_json::Value {
    let partitions = restored.partitions.iter().map(|partition| {
        json!({
            "partition": partition.partition,
            "position": partition.position,
            "replaced": partition.replaced,
            "gone": gone(partition),
        })
    });
    json!({
        "service": service,
        "epoch": restored.epoch,
        "partitions": partitions.collect::<Vec<_>>(),
        "written": restored.written,
        "removed": restored.removed,
        "erased_again": restored.erased_again,
    })
}

/// Arguments that do not fit what is there, a backup that is not what was written, or a failure on this machine.
fn failed(error: BackupError) -> Fault {
    match &error {
        BackupError::NothingThere { .. }
        | BackupError::NotEmpty(_)
        | BackupError::NotABackup { .. }
        | BackupError::OtherService { .. }
        | BackupError::Exists { .. } => Fault::usage(error),
        BackupError::Damaged(_) => Fault::Check(error.to_string()),
        BackupError::Running { .. } => Fault::local(error),
        BackupError::Unsupported { .. }
        | BackupError::Sql(_)
        | BackupError::Database { .. }
        | BackupError::Open(_)
        | BackupError::Read(_)
        | BackupError::File { .. } => Fault::because("no backup", error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn target(home: &std::path::Path) -> Target {
        Target {
            home: home.to_owned(),
            tenant: None,
            token_file: None,
        }
    }

    #[test]
    fn a_service_s_databases_are_where_its_configuration_says_and_keys_may_have_a_place_of_their_own()
     {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().join("config");
        std::fs::create_dir(&config).unwrap();
        let text = "store = \"sqlite:/d\"\nkeys.master_key_file = \"/k\"\n";
        std::fs::write(config.join("intake.toml"), text).unwrap();
        let of = |keys| configured(&target(home.path()), "intake", keys).unwrap();
        assert_eq!(
            (of(false), of(true)),
            ("sqlite:/d".to_owned(), "sqlite:/d".to_owned())
        );
        let text = format!("{text}keys.store = \"sqlite:/keys\"\n");
        std::fs::write(config.join("intake.toml"), text).unwrap();
        assert_eq!(
            (of(false), of(true)),
            ("sqlite:/d".to_owned(), "sqlite:/keys".to_owned())
        );
        let none = configured(&target(home.path()), "inventory", false);
        assert!(matches!(none, Err(Fault::NoCluster(text)) if text.contains("--store")));
    }

    #[test]
    fn how_much_is_gone_is_told_only_when_it_is_known() {
        let of = |position, replaced| {
            gone(&RestoredPartition {
                partition: 0,
                position,
                replaced,
            })
        };
        assert_eq!(of(10, Some(25)), Some(15));
        assert_eq!(of(10, Some(4)), Some(0));
        assert_eq!(of(10, None), None);
    }

    #[test]
    fn what_fails_is_told_by_its_kind() {
        use crate::fault::exit;
        let damaged = BackupError::Damaged("intake.log.db has 1 byte".to_owned());
        assert_eq!(failed(damaged).to_json()["error"]["reason"], "CHECK_FAILED");
        assert_eq!(
            failed(BackupError::NotEmpty("x".into())).exit_status(),
            exit::USAGE
        );
        let running = BackupError::Running {
            service: "intake".to_owned(),
            store: "sqlite:/d".to_owned(),
            detail: "the log is locked".to_owned(),
        };
        assert_eq!(failed(running).exit_status(), exit::FAILED);
    }
}
