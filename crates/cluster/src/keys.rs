//! Keys of a one-machine cluster, made at its first start.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use ordo_event_log::TenantId;
use ordo_privacy::MasterKeys;
use ordo_rpc::{Grant, TokenIssuer, TokenSource, role};

use crate::{ClusterError, SERVICES};

/// Tokens for people are good for a year: the folder that holds them holds the signing key as well.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);

/// Users of the broker beside the services.
pub(crate) const OPERATOR: &str = "operator";
pub(crate) const WAREHOUSE: &str = "warehouse";

/// The keys of a cluster.
#[derive(Debug)]
pub struct Keys {
    folder: PathBuf,
    issuer: TokenIssuer,
}

impl Keys {
    pub(crate) fn read_or_create(folder: &Path, tenant: &str) -> Result<Self, ClusterError> {
        let fault = |fault: String| ClusterError::Keys {
            path: folder.to_owned(),
            fault,
        };
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .map_err(|source| ClusterError::file(folder, source))?;
        let tenant = TenantId::new(tenant).ok_or_else(|| {
            fault(format!(
                "`{tenant}` is no tenant: 1 to 40 characters of a-z 0-9 - _"
            ))
        })?;
        let pem = folder.join("issuer.pem");
        let issuer = if pem.is_file() {
            let text =
                fs::read_to_string(&pem).map_err(|source| ClusterError::file(&pem, source))?;
            TokenIssuer::from_text(&text).map_err(|error| fault(error.to_string()))?
        } else {
            let issuer = TokenIssuer::generate();
            let text = issuer
                .private_pem()
                .map_err(|error| fault(error.to_string()))?;
            write_secret(&pem, &text)?;
            issuer
        };
        let keys = Self {
            folder: folder.to_owned(),
            issuer,
        };
        write_secret(&folder.join("jwks.json"), &keys.issuer.jwks())?;
        MasterKeys::read_or_create(&folder.join("master.key"))
            .map_err(|error| fault(error.to_string()))?;
        for user in SERVICES.into_iter().chain([OPERATOR, WAREHOUSE]) {
            let path = keys.password_file(user);
            if !path.is_file() {
                write_secret(&path, &random_word())?;
            }
        }
        for (name, roles) in [
            ("admin", &[role::ADMIN][..]),
            ("warehouse", &[role::WAREHOUSE]),
        ] {
            write_secret(
                &folder.join(format!("{name}.token")),
                &keys.token(name, &tenant, roles)?,
            )?;
        }
        let whole_system = Grant::new("operator", None, &[role::ADMIN]).lifetime(LIFETIME);
        let token = keys
            .issuer
            .mint(&whole_system)
            .map_err(|error| fault(error.to_string()))?;
        write_secret(&folder.join("operator.token"), &token)?;
        Ok(keys)
    }

    /// A token for `subject` of `tenant` with these roles, good for a year.
    pub fn token(
        &self,
        subject: &str,
        tenant: &TenantId,
        roles: &[&str],
    ) -> Result<String, ClusterError> {
        let grant = Grant::new(subject, Some(tenant), roles).lifetime(LIFETIME);
        self.issuer
            .mint(&grant)
            .map_err(|error| ClusterError::Keys {
                path: self.folder.clone(),
                fault: error.to_string(),
            })
    }

    /// The administrator's token, for clients in this process.
    pub fn admin(&self) -> TokenSource {
        TokenSource::file(self.folder.join("admin.token"))
    }

    /// The token of an operator of the whole system, who sees every tenant's parked work and where a check fails.
    pub fn operator(&self) -> TokenSource {
        TokenSource::file(self.folder.join("operator.token"))
    }

    /// Password of one of the broker's users: a service, `operator` or `warehouse`.
    pub fn password(&self, user: &str) -> Result<String, ClusterError> {
        let path = self.password_file(user);
        fs::read_to_string(&path).map_err(|source| ClusterError::file(&path, source))
    }

    fn password_file(&self, user: &str) -> PathBuf {
        self.folder.join(format!("nats-{user}.password"))
    }
}

/// Written beside and moved over what was there, readable by the owner only.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), ClusterError> {
    let partial = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&partial, path)
    };
    write().map_err(|source| ClusterError::file(path, source))
}

/// 32 letters and digits.
fn random_word() -> String {
    use rand::{RngExt as _, distr::Alphanumeric};
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(32)
        .map(char::from)
        .collect()
}
