//! Why a command on a parcel is refused.

/// Each variant is one reason that callers can act on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParcelError {
    /// No parcel of this id has left.
    #[error("no such parcel has left")]
    NotFound,
    /// More distinct scans than a parcel can have.
    #[error("more than {} different scans of one parcel", super::MAX_SCANS)]
    TooManyScans,
}
