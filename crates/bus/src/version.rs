//! Which brokers will do.

use std::fmt;

/// Atomic batches came with 2.12. Older servers take every setting in silence and ignore what they do not know.
pub const OLDEST_SERVER: ServerVersion = ServerVersion {
    major: 2,
    minor: 12,
    patch: 0,
};

/// Version of a nats-server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerVersion {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl ServerVersion {
    /// Reads `2.12.1`, `v2.12.1` and `2.12.0-RC.3+build`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_prefix('v').unwrap_or(text);
        let numbers = text.split(['-', '+']).next()?;
        let mut numbers = numbers.split('.').map(|number| number.parse().ok());
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next().unwrap_or(Some(0))?,
        };
        numbers.next().is_none().then_some(version)
    }

    /// Whether the bus can work with it.
    pub fn is_supported(self) -> bool {
        self >= OLDEST_SERVER
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supported(text: &str) -> Option<bool> {
        ServerVersion::parse(text).map(ServerVersion::is_supported)
    }

    #[test]
    fn servers_before_atomic_batches_are_refused() {
        for old in ["2.9.10", "2.11.99", "1.99.0", "v2.10.0"] {
            assert_eq!(supported(old), Some(false), "{old}");
        }
    }

    #[test]
    fn servers_with_atomic_batches_are_taken() {
        for new in [
            "2.12.0",
            "2.15.1",
            "v3.0.0",
            "2.12.0-RC.3",
            "2.14.6+build7",
            "2.12",
        ] {
            assert_eq!(supported(new), Some(true), "{new}");
        }
    }

    #[test]
    fn what_is_no_version_is_no_version() {
        for text in ["", "two", "2", "2.x.1", "2.12.1.4", "-2.12.0", "2..1"] {
            assert_eq!(supported(text), None, "{text}");
        }
    }
}
