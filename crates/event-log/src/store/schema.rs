//! Tables. `bigint`, `text` and `bytea` exist on both databases; SQLite takes any type name.

/// Raised when the tables change form.
pub(super) const FORMAT: i64 = 1;

/// One statement each. `{text}` is the type of keys: on Postgres compared byte by byte, which is what SQLite does.
pub(super) const TABLES: &[&str] = &[
    "create table if not exists log (
        service text not null,
        partitions bigint not null,
        format bigint not null
    )",
    "create table if not exists heads (
        partition bigint primary key,
        epoch bigint not null,
        position bigint not null,
        hash bytea not null,
        time bigint not null
    )",
    "create table if not exists events (
        partition bigint not null,
        position bigint not null,
        epoch bigint not null,
        tenant {text} not null,
        aggregate {text} not null,
        stream_id {text} not null,
        version bigint not null,
        event_id bytea not null,
        type {text} not null,
        time bigint not null,
        payload bytea not null,
        metadata bytea not null,
        hash bytea not null,
        primary key (partition, position)
    )",
    // Without the partition: a stream that is written in the wrong partition is refused.
    "create unique index if not exists events_stream on events (tenant, aggregate, stream_id, version)",
    "create table if not exists commands (
        tenant {text} not null,
        command_id {text} not null,
        fingerprint bytea not null,
        partition bigint not null,
        epoch bigint not null,
        position bigint not null,
        events bigint not null,
        time bigint not null,
        answer bytea not null,
        primary key (tenant, command_id)
    )",
    "create table if not exists snapshots (
        tenant {text} not null,
        aggregate {text} not null,
        stream_id {text} not null,
        fold_version bigint not null,
        version bigint not null,
        state bytea not null,
        primary key (tenant, aggregate, stream_id)
    )",
];

/// Epochs are equal in all partitions, because only this changes them.
pub(super) const BUMP_EPOCH: &str = "update heads set epoch = epoch + 1 returning epoch";
