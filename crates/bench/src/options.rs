//! What the options may be.

use std::{ffi::OsStr, ops::RangeBounds, str::FromStr as _};

use clap::{
    Arg, Command,
    builder::{RangedU64ValueParser, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use ordo_sql::StoreUrl;
use sqlx::postgres::PgConnectOptions;

/// Most callers at once: as many calls as the four replicas of a service take.
pub const MOST_CALLERS: u64 = 4096;

/// How many, within this range.
pub fn count(range: impl RangeBounds<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(range)
}

/// A way to name a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `sqlite`
    Sqlite,
    /// `sqlite:<folder>`
    Folder,
    /// `postgres`
    Postgres,
    /// `postgres://user@host/database`
    Address,
}

/// What a `--store` may be. Refuses everything else without repeating it: an address may hold a password.
#[derive(Clone, Copy, Debug)]
pub struct Stores(&'static [Form]);

impl Stores {
    /// Of a benchmark's own log.
    pub const OF_A_LOG: Self = Self(&[Form::Sqlite, Form::Folder, Form::Postgres, Form::Address]);
    /// Of a cluster that lasts for one run.
    pub const OF_A_RUN: Self = Self(&[Form::Sqlite, Form::Postgres, Form::Address]);
    /// Of services that stay.
    pub const OF_SERVICES: Self = Self(&[Form::Folder, Form::Address]);

    fn take(self, text: &str) -> bool {
        let form = match text {
            "sqlite" => Form::Sqlite,
            "postgres" => Form::Postgres,
            url => match url.parse() {
                Ok(StoreUrl::SqliteDir(_)) => Form::Folder,
                Ok(StoreUrl::Postgres(url)) if PgConnectOptions::from_str(&url).is_ok() => {
                    Form::Address
                }
                _ => return false,
            },
        };
        self.0.contains(&form)
    }

    fn says(self) -> String {
        let forms: Vec<&str> = (self.0.iter())
            .map(|form| match form {
                Form::Sqlite => "`sqlite`",
                Form::Folder => "`sqlite:<folder>`",
                Form::Postgres => "`postgres`",
                Form::Address => "`postgres://user@host/database`",
            })
            .collect();
        format!("a store is {}", forms.join(" or "))
    }
}

impl TypedValueParser for Stores {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        if let Some(text) = value.to_str().filter(|text| self.take(text)) {
            return Ok(text.to_owned());
        }
        let mut error = clap::Error::raw(ErrorKind::ValueValidation, self.says()).with_cmd(command);
        if let Some(argument) = argument {
            let name = ContextValue::String(argument.to_string());
            error.insert(ContextKind::InvalidArg, name);
        }
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_one_of_the_forms_that_fit_there() {
        let taken = |stores: Stores| {
            let all = [
                "sqlite",
                "sqlite:./data",
                "postgres",
                "postgres://u@h/d",
                "postgresql://u:p@h/d",
            ];
            all.map(|text| stores.take(text))
        };
        assert_eq!(taken(Stores::OF_A_LOG), [true; 5]);
        assert_eq!(taken(Stores::OF_A_RUN), [true, false, true, true, true]);
        assert_eq!(taken(Stores::OF_SERVICES), [false, true, false, true, true]);
        for wrong in [
            "",
            " ",
            "sqlite:",
            "mysql/foo",
            "mysql://x",
            "Postgres",
            "postgres:/h",
            "postgres://h:port/d",
        ] {
            assert!(!Stores::OF_A_LOG.take(wrong), "{wrong}");
        }
    }
}
