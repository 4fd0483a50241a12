//! The arguments.

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{
    Args, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};
use clap_complete::Shell;

use crate::{
    commands::{backup, case, catalogue, events, operations, order, parked, stock, work},
    fault::{Fault, exit},
};

/// Told at the end of `ordo --help`.
const EXIT_STATUSES: &str = "\
Exit status:
  0    done
  1    a check found a difference, a rebuilt read model was not switched to, or something failed on this machine
  2    the arguments, or a file that they name, are wrong; nothing was sent
  3    refused: the same again gets the same answer
  4    the token is not taken, or its roles do not allow it
  5    no cluster, no answer, too late or too busy: the same again may succeed. What may have been done already is named by a
       command id: the same again with --command-id does it once
  6    a fault of a service
  141  whoever read the output has left

With --json a failure is one object on standard error:
  {\"error\": {\"code\", \"reason\", \"domain\", \"message\", \"fields\": [{\"field\", \"description\"}], \"way_out\", \"metadata\",
  \"retry_after_ms\", \"command_id\", \"exit_status\"}}; decide by `reason` (docs/ERRORS.md). What is empty is left out.";

/// Runs Ordo on one machine, and talks to a running one.
///
/// Commands find the cluster through the folder that `ordo up` writes (`.ordo` in the current folder, or ORDO_HOME).
#[derive(Debug, Parser)]
#[command(name = "ordo", version, max_term_width = 110, after_long_help = EXIT_STATUSES)]
pub struct Cli {
    /// How to reach the cluster.
    #[command(flatten)]
    pub target: Target,
    /// Print JSON (proto3 JSON for messages) instead of tables.
    #[arg(long, global = true)]
    pub json: bool,
    /// Id of an earlier run whose answer was lost, to repeat it without doing it twice (1 to 150 bytes); a new one when
    /// not given.
    #[arg(long, global = true, value_name = "ID", value_parser = command_id)]
    pub command_id: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Room is left for the steps of a command within the 200 bytes that a service takes.
fn command_id(text: &str) -> Result<String, String> {
    let fits = (1..=150).contains(&text.len()) && !text.contains(char::is_control);
    if fits && !text.trim().is_empty() {
        Ok(text.to_owned())
    } else {
        Err(
            "a command id has 1 to 150 bytes, not all of them blank, and no control characters"
                .to_owned(),
        )
    }
}

/// Which cluster, as whom.
#[derive(Debug, Clone, Args)]
pub struct Target {
    /// Folder of the one-machine cluster.
    #[arg(
        long,
        global = true,
        env = "ORDO_HOME",
        default_value = ".ordo",
        value_name = "DIR"
    )]
    pub home: PathBuf,
    /// Tenant (shop) to act for; the cluster's own one when not given.
    #[arg(long, global = true, env = "ORDO_TENANT", value_name = "NAME")]
    pub tenant: Option<String>,
    /// File with the token to present; the cluster's administrator's when not given.
    #[arg(long, global = true, env = "ORDO_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start nats-server and the four services on this machine, and keep them running until Ctrl-C.
    #[command(
        after_help = "Example: ordo up --free-ports --set telemetry.log_filter=info,ordo_bus=debug"
    )]
    Up(crate::cluster::UpOptions),
    /// Replay real orders from placing to delivery and return on a private cluster, then verify it.
    #[command(after_help = "Example: ordo demo --orders 100")]
    Demo(crate::demo::DemoOptions),
    /// Take, show and change orders.
    #[command(subcommand)]
    Order(order::OrderCommand),
    /// Sites, SKUs and their stock.
    #[command(subcommand)]
    Stock(stock::StockCommand),
    /// Define what is sold and where it lies.
    #[command(subcommand)]
    Catalogue(catalogue::CatalogueCommand),
    /// The warehouse's work: pick, pack, dispatch, track.
    #[command(subcommand)]
    Work(work::WorkCommand),
    /// Returns, exchanges and refunds.
    #[command(subcommand)]
    Case(case::CaseCommand),
    /// Read the event logs.
    #[command(subcommand)]
    Events(events::EventsCommand),
    /// Read models.
    #[command(subcommand)]
    Projection(operations::ProjectionCommand),
    /// Work that gave up and waits for an operator.
    #[command(subcommand)]
    Parked(parked::ParkedCommand),
    /// Check positions, hash chains, the broker's copy, read models and stock; exit status 1 with the first difference.
    #[command(after_help = "Example: ordo verify --service inventory --check stock.conservation")]
    Verify(operations::VerifyOptions),
    /// Copy what a service keeps to a folder, while it runs, and check the copy.
    #[command(after_help = "Example: ordo backup intake --to /backups/intake-2026-11-22")]
    Backup(backup::BackupOptions),
    /// Put a backup in the place of a stopped service's databases (docs/OPERATIONS.md).
    #[command(
        after_help = "Example: ordo restore intake --from /backups/intake-2026-11-22 --replace"
    )]
    Restore(backup::RestoreOptions),
    /// Measure how fast it is, beside floors measured in the same run. Needs a release build to mean anything.
    #[command(subcommand)]
    Bench(crate::bench::BenchCommand),
    /// Print a completion script for a shell.
    #[command(after_help = "Example: ordo completions bash")]
    Completions {
        /// Which shell.
        shell: Shell,
    },
}

/// Reads the arguments. When there is nothing to run, what there is to say is said, and the exit status given.
pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Cli, ExitCode> {
    let arguments: Vec<OsString> = arguments.collect();
    Cli::try_parse_from(&arguments).map_err(|error| {
        if !error.use_stderr() {
            return match error.print() {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => Fault::output(error).tell(false),
            };
        }
        if arguments.iter().any(|argument| argument == "--json") {
            return wrong(&error).tell(true);
        }
        // Nobody is left to be told.
        let _ = error.print();
        ExitCode::from(exit::USAGE)
    })
}

/// What clap says, without the hints for people.
fn wrong(error: &clap::Error) -> Fault {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Fault::usage("a command is missing; --help lists them");
    }
    let text = error.to_string();
    let said = text.strip_prefix("error: ").unwrap_or(&text);
    let said = said.split("\n\n").next().unwrap_or(said);
    let words: Vec<&str> = said.split_whitespace().collect();
    let argument = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(name)) => Some(name.clone()),
        Some(ContextValue::Strings(names)) => Some(names.join(", ")),
        _ => None,
    };
    Fault::Usage {
        message: words.join(" "),
        argument,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::{CommandFactory as _, ValueEnum as _};

    use super::*;

    fn leaves(command: &clap::Command, path: &str, found: &mut Vec<(String, String)>) {
        let mut subcommands = command.get_subcommands().peekable();
        if subcommands.peek().is_none() {
            let help = command.get_after_help().map(ToString::to_string);
            found.push((path.to_owned(), help.unwrap_or_default()));
        }
        for subcommand in subcommands {
            leaves(
                subcommand,
                &format!("{path} {}", subcommand.get_name()),
                found,
            );
        }
    }

    /// Words of a shell, as far as the examples go: quotes, and comments behind ` # `.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(" # ").next().unwrap();
        let mut words = vec![String::new()];
        let mut quoted = false;
        for c in line.trim().chars() {
            match c {
                '"' | '\'' => quoted = !quoted,
                ' ' if !quoted => words.push(String::new()),
                c => words.last_mut().unwrap().push(c),
            }
        }
        words.retain(|word| !word.is_empty());
        words
    }

    #[test]
    fn every_command_has_an_example_that_it_takes() {
        let mut found = Vec::new();
        leaves(&Cli::command(), "ordo", &mut found);
        assert!(found.len() > 30, "{}", found.len());
        // Benchmarks say what they need in their own help.
        found.retain(|(path, _)| !path.starts_with("ordo bench"));
        for (path, help) in found {
            // A line that ends in a backslash goes on in the next one.
            let help = help.replace("\\\n", " ");
            let examples: Vec<&str> = help.split("Example:").flat_map(str::lines).collect();
            let examples = examples.iter().map(|line| line.trim());
            let examples: Vec<&str> = examples.filter(|line| line.starts_with("ordo ")).collect();
            assert!(!examples.is_empty(), "`{path}` has no example in its help");
            for example in examples {
                assert!(example.starts_with(&path), "`{path}` shows `{example}`");
                if let Err(error) = Cli::try_parse_from(words(example)) {
                    panic!("`{example}` of the help is not taken: {error}");
                }
            }
        }
    }

    #[test]
    fn the_arguments_are_sound_and_every_shell_gets_its_completions() {
        Cli::command().debug_assert();
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "ordo", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("timeline"), "{shell} completes commands");
            if matches!(shell, Shell::Bash | Shell::Zsh | Shell::Fish) {
                assert!(script.contains("short-stock"), "{shell} completes words");
            }
        }
    }

    #[test]
    fn a_program_is_told_which_argument_is_wrong_and_what_it_may_be() {
        let error = Cli::try_parse_from(["ordo", "case", "open", "o", "--kind", "gift"]);
        let told = wrong(&error.unwrap_err()).to_json();
        let error = &told["error"];
        assert_eq!(error["reason"], "USAGE");
        assert_eq!(error["fields"][0]["field"], "--kind <KIND>");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("refund-only"), "{message}");
    }

    /// Arguments of texts in which a blank one is a way to say nothing, or is judged with others.
    fn takes_blank(path: &str, name: &str) -> bool {
        let filters = ["order list", "stock show", "stock movements", "work list"];
        let of_a_filter = filters.iter().any(|filter| path.ends_with(filter));
        let judged_later = [
            "page", "store", "amount", "currency", "price", "cost", "tenant",
        ];
        of_a_filter || path.starts_with("ordo bench") || judged_later.contains(&name)
    }

    fn see_that_texts_say_something(command: &clap::Command, path: &str) {
        for argument in command.get_arguments() {
            let parser = argument.get_value_parser().clone();
            let is_text = parser.type_id() == clap::builder::ValueParser::string().type_id();
            let name = argument.get_id().as_str();
            if !is_text || takes_blank(path, name) {
                continue;
            }
            let alone = clap::Command::new("x").arg(clap::Arg::new("it").value_parser(parser));
            let taken = alone.try_get_matches_from(["x", " "]);
            assert!(taken.is_err(), "`{path}` takes a blank {name}");
        }
        for subcommand in command.get_subcommands() {
            let path = format!("{path} {}", subcommand.get_name());
            see_that_texts_say_something(subcommand, &path);
        }
    }

    #[test]
    fn no_command_takes_a_text_that_says_nothing() {
        see_that_texts_say_something(&Cli::command(), "ordo");
    }

    #[test]
    fn an_amount_below_zero_is_an_amount_and_no_unknown_argument() {
        for line in [
            "ordo catalogue sku TEA --price -1 --cost -0.5",
            "ordo order pay phone/1 -5",
            "ordo order refund phone/1 --amount -5",
            "ordo case open phone/1 --amount -5",
            "ordo case refund 01kq-C1 --amount -5",
        ] {
            let taken = Cli::try_parse_from(words(line));
            assert!(taken.is_ok(), "{line}: {}", taken.unwrap_err());
        }
    }

    #[cfg(unix)]
    #[test]
    fn an_argument_that_is_no_text_is_refused_and_a_path_may_be_any_bytes() {
        use std::os::unix::ffi::OsStringExt as _;
        let bytes = || OsString::from_vec(vec![b'a', 0xff]);
        let order = ["ordo", "order", "show"].map(OsString::from);
        assert!(Cli::try_parse_from(order.into_iter().chain([bytes()])).is_err());
        let home = ["ordo".into(), "--home".into(), bytes(), "verify".into()];
        assert_eq!(Cli::try_parse_from(home).unwrap().target.home, bytes());
    }
}
