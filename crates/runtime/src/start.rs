//! From the command line to a running service: what every `main.rs` calls.

use std::{error::Error, future::Future, process::ExitCode, time::Duration};

use clap::{Arg, ArgMatches, Command};
use tokio_util::sync::CancellationToken;

use crate::{
    background,
    config::ServiceConfig,
    settings::{ConfigFault, ConfigFaults, Reader, Setting, Settings, Values},
};

/// Runs `service` until the first SIGINT or SIGTERM, then lets it end in order; the second signal ends it at once.
///
/// Exit codes: 0 ended in order, 1 failed, 2 the configuration has faults, 130 cut off by the second signal.
pub fn main<R, F, E>(service: &'static str, run: R) -> ExitCode
where
    R: FnOnce(ServiceConfig, CancellationToken) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error>>,
{
    main_with(service, |config, (), shutdown| run(config, shutdown))
}

/// Like [`main`], for a service with settings of its own.
pub fn main_with<S, R, F, E>(service: &'static str, run: R) -> ExitCode
where
    S: Settings,
    R: FnOnce(ServiceConfig, S, CancellationToken) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error>>,
{
    use_small_pages();
    let settings = all_settings::<S>();
    let matches = command(service, &settings).get_matches();
    let loaded = values(&settings, &matches, std::env::vars()).and_then(ServiceConfig::with::<S>);
    let (mut config, own) = match loaded {
        Ok(loaded) => loaded,
        Err(faults) => {
            complain(&faults);
            return ExitCode::from(2);
        }
    };
    if matches.get_flag("check") {
        return ExitCode::SUCCESS;
    }
    let ended = background::start()
        .map_err(Into::into)
        .and_then(|(runtime, handle)| {
            config.background = handle;
            let ended = block_on(|shutdown| run(config, own, shutdown));
            runtime.shutdown_timeout(Duration::from_secs(1));
            ended
        });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&*error);
            ExitCode::FAILURE
        }
    }
}

/// Each thread's heap is small and there are dozens, one for each connection to SQLite: with huge pages a service takes twice
/// the memory and is no faster.
fn use_small_pages() {
    // Where it is forbidden a service only takes more memory.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Every setting of a service that has `S` beside the shared ones.
pub fn all_settings<S: Settings>() -> Vec<Setting> {
    let mut settings = Reader::settings_of::<ServiceConfig>();
    settings.extend(Reader::settings_of::<S>());
    settings
}

fn block_on<R, F, E>(run: R) -> Result<(), Box<dyn Error>>
where
    R: FnOnce(CancellationToken) -> F,
    F: Future<Output = Result<(), E>>,
    E: Into<Box<dyn Error>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let ended = runtime.block_on(async {
        let shutdown = CancellationToken::new();
        tokio::spawn(listen_for_signals(shutdown.clone())?);
        run(shutdown).await.map_err(Into::into)
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

/// Cancels `shutdown` at the first signal, ends the process at the second.
fn listen_for_signals(
    shutdown: CancellationToken,
) -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if shutdown.is_cancelled() {
                tracing::warn!("second signal: ending at once");
                #[allow(
                    clippy::disallowed_methods,
                    reason = "skipping the ordered shutdown is what the second signal asks for"
                )]
                std::process::exit(130);
            }
            shutdown.cancel();
        }
    })
}

/// The flags: every setting, and where the file is.
fn command(service: &'static str, settings: &[Setting]) -> Command {
    let flags = settings.iter().map(|setting| {
        let help = match setting.default.as_str() {
            "" => setting.meaning.to_owned(),
            default => format!("{} [default: {default}]", setting.meaning),
        };
        Arg::new(setting.key.clone())
            .long(setting.flag_name())
            .value_name("VALUE")
            .help(help)
    });
    Command::new(format!("ordo-{service}"))
        .version(env!("CARGO_PKG_VERSION"))
        .about(format!("The {service} service of Ordo."))
        .after_help("Every setting can also be written in the file (`section.key`) or in the environment (ORDO_SECTION_KEY). Flags win over the environment, the environment over the file.")
        .arg(
            Arg::new("config")
                .long("config")
                .short('c')
                .env("ORDO_CONFIG")
                .value_name("FILE")
                .help("TOML file with settings."),
        )
        .arg(
            Arg::new("check")
                .long("check")
                .action(clap::ArgAction::SetTrue)
                .help("Check the configuration and end."),
        )
        .args(flags)
}

/// File, then environment, then flags.
fn values(
    settings: &[Setting],
    matches: &ArgMatches,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Values, ConfigFaults> {
    let mut values = Values::new();
    if let Some(path) = matches.get_one::<String>("config") {
        let read = std::fs::read_to_string(path).map_err(|error| ConfigFault {
            key: "config".to_owned(),
            place: path.clone(),
            fault: error.to_string(),
        });
        read.and_then(|text| values.add_toml(&text, path))
            .map_err(|fault| ConfigFaults(vec![fault]))?;
    }
    values.add_env(settings, environment);
    for setting in settings {
        if let Some(text) = matches.get_one::<String>(&setting.key) {
            values.set(&setting.key, text, format!("--{}", setting.flag_name()));
        }
    }
    Ok(values)
}

/// An error and its causes, on standard error.
fn complain(error: &dyn Error) {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str("\n  because: ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    #[allow(clippy::print_stderr, reason = "logging may not be set up")]
    {
        eprintln!("{text}");
    }
}

#[cfg(test)]
#[path = "start_tests.rs"]
mod tests;
