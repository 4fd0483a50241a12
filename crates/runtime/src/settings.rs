//! Reads settings by key from file, environment and flags, and collects everything that is wrong with them.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

/// What the operator wrote, by key: `nats.url`, `listen` …
#[derive(Clone, Debug, Default)]
pub struct Values {
    by_key: BTreeMap<String, Written>,
}

#[derive(Clone, Debug)]
struct Written {
    text: String,
    place: String,
    /// A foreign variable may begin with `ORDO_`; a foreign key in our file may not be there.
    must_be_known: bool,
}

impl Values {
    /// Nothing written: all defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one value, over what was there. `place` names its origin in faults.
    pub fn set(&mut self, key: &str, text: impl Into<String>, place: impl Into<String>) {
        let written = Written {
            text: text.into(),
            place: place.into(),
            must_be_known: true,
        };
        self.by_key.insert(key.to_owned(), written);
    }

    /// Adds a TOML document.
    pub fn add_toml(&mut self, text: &str, place: &str) -> Result<(), ConfigFault> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigFault {
            key: String::new(),
            place: place.to_owned(),
            fault: error.to_string().trim_end().to_owned(),
        })?;
        self.add_table("", table, place);
        Ok(())
    }

    /// Adds the environment: `ORDO_NATS_URL` is `nats.url`. `keys` are the known ones.
    pub fn add_env(
        &mut self,
        keys: &[Setting],
        variables: impl IntoIterator<Item = (String, String)>,
    ) {
        let variables: BTreeMap<String, String> = variables.into_iter().collect();
        for setting in keys {
            let name = setting.env_name();
            if let Some(text) = variables.get(&name) {
                let written = Written {
                    text: text.clone(),
                    place: format!("environment variable {name}"),
                    must_be_known: false,
                };
                self.by_key.insert(setting.key.clone(), written);
            }
        }
    }

    fn add_table(&mut self, prefix: &str, table: toml::Table, place: &str) {
        for (name, value) in table {
            let key = match prefix {
                "" => name,
                prefix => format!("{prefix}.{name}"),
            };
            match value {
                toml::Value::Table(inner) => self.add_table(&key, inner, place),
                toml::Value::String(text) => self.set(&key, text, place),
                toml::Value::Array(items) => {
                    let items: Vec<String> = items.into_iter().map(plain).collect();
                    self.set(&key, items.join(","), place);
                }
                other => self.set(&key, other.to_string(), place),
            }
        }
    }
}

fn plain(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}

/// One setting as docs/CONFIGURATION.md and `--help` show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Key in the TOML file, with its section: `nats.url`.
    pub key: String,
    /// Value when nothing is written; empty for none.
    pub default: String,
    /// What it does, with units.
    pub meaning: &'static str,
}

impl Setting {
    /// `ORDO_NATS_URL`.
    pub fn env_name(&self) -> String {
        format!(
            "ORDO_{}",
            self.key.replace(['.', '-'], "_").to_ascii_uppercase()
        )
    }

    /// `nats-url`.
    pub fn flag_name(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFault {
    /// Key; empty for a whole file.
    pub key: String,
    /// Where it was written; empty when it was not.
    pub place: String,
    /// What is wrong. Never holds a secret's value.
    pub fault: String,
}

/// Everything that is wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFaults(pub Vec<ConfigFault>);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration has faults:")?;
        for ConfigFault { key, place, fault } in &self.0 {
            write!(f, "\n  {key}")?;
            if !place.is_empty() {
                write!(f, " ({place})")?;
            }
            write!(f, ": {fault}")?;
        }
        Ok(())
    }
}

/// Settings of a kind, read from a [`Reader`]. A service's own settings implement it too.
pub trait Settings: Sized {
    /// Reads every setting, whatever is wrong with the ones before it.
    fn read(reader: &mut Reader) -> Self;
}

impl Settings for () {
    fn read(_: &mut Reader) -> Self {}
}

/// Hands out values by key, remembers which keys exist and what is wrong.
#[derive(Debug, Default)]
pub struct Reader {
    values: Values,
    known: Vec<Setting>,
    faults: Vec<ConfigFault>,
}

impl Reader {
    /// Reads from `values`.
    pub fn new(values: Values) -> Self {
        Self {
            values,
            ..Self::default()
        }
    }

    /// The settings of `S`, in the order in which it reads them.
    pub fn settings_of<S: Settings>() -> Vec<Setting> {
        let mut reader = Self::default();
        S::read(&mut reader);
        reader.known
    }

    /// A value that has a default. `parse` says what is wrong with a text.
    pub fn parsed<T>(
        &mut self,
        key: &str,
        default: &str,
        meaning: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(Setting {
            key: key.to_owned(),
            default: default.to_owned(),
            meaning,
        });
        let written = self.values.by_key.remove(key);
        let (text, place) = match &written {
            Some(written) => (written.text.as_str(), written.place.as_str()),
            None => (default, ""),
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(fault) => {
                let place = place.to_owned();
                self.fault_at(key, place, fault);
                None
            }
        }
    }

    /// A value of a type with a text form. What is wrong is worded as `expected`.
    pub fn value<T: FromStr + Default>(
        &mut self,
        key: &str,
        default: &str,
        expected: &str,
        meaning: &'static str,
    ) -> T {
        self.parsed(key, default, meaning, |text| {
            text.trim()
                .parse()
                .map_err(|_| format!("expected {expected}"))
        })
        .unwrap_or_default()
    }

    /// A value that may be absent.
    pub fn optional<T: FromStr>(
        &mut self,
        key: &str,
        expected: &str,
        meaning: &'static str,
    ) -> Option<T> {
        self.parsed(key, "", meaning, |text| match text.trim() {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|_| format!("expected {expected}")),
        })
        .flatten()
    }

    /// A text; empty when absent.
    pub fn text(&mut self, key: &str, default: &str, meaning: &'static str) -> String {
        self.parsed(key, default, meaning, |text| Ok(text.to_owned()))
            .unwrap_or_default()
    }

    /// A file that must be there when it is named.
    pub fn file(&mut self, key: &str, meaning: &'static str) -> Option<PathBuf> {
        self.parsed(key, "", meaning, |text| match text {
            "" => Ok(None),
            text if Path::new(text).is_file() => Ok(Some(PathBuf::from(text))),
            text => Err(format!("there is no file `{text}`")),
        })
        .flatten()
    }

    /// A span of time: `250ms`, `30s`, `5m`, `2h`, `30d`.
    pub fn duration(
        &mut self,
        key: &str,
        default: &str,
        meaning: &'static str,
    ) -> std::time::Duration {
        self.parsed(key, default, meaning, parse_duration)
            .unwrap_or_default()
    }

    /// Records that settings do not go together, or break a rule.
    pub fn fault(&mut self, key: &str, fault: impl Into<String>) {
        self.fault_at(key, String::new(), fault.into());
    }

    fn fault_at(&mut self, key: &str, place: String, fault: String) {
        self.faults.push(ConfigFault {
            key: key.to_owned(),
            place,
            fault,
        });
    }

    /// Everything that is wrong, unknown keys included.
    pub fn finish(mut self) -> Result<(), ConfigFaults> {
        for (key, written) in std::mem::take(&mut self.values.by_key) {
            if written.must_be_known {
                let fault = match self.nearest(&key) {
                    Some(near) => format!("unknown setting; did you mean `{near}`?"),
                    None => "unknown setting".to_owned(),
                };
                self.fault_at(&key, written.place, fault);
            }
        }
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(ConfigFaults(self.faults))
        }
    }

    fn nearest(&self, key: &str) -> Option<&str> {
        let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
        self.known
            .iter()
            .map(|setting| setting.key.as_str())
            .map(|known| (distance(known, key), known))
            .filter(|(distance, known)| *distance <= 2 || last(known) == last(key))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, known)| known)
    }
}

/// Edits between two short texts (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replace = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

fn parse_duration(text: &str) -> Result<std::time::Duration, String> {
    let expected = || "expected a span of time such as 250ms, 30s, 5m, 2h or 30d".to_owned();
    let text = text.trim();
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .ok_or_else(expected)?;
    let (count, unit) = text.split_at(unit_at);
    let count: u64 = count.parse().map_err(|_| expected())?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(expected()),
    };
    count
        .checked_mul(millis)
        .map(std::time::Duration::from_millis)
        .ok_or_else(expected)
}
