//! Tables. `bigint`, `text` and `bytea` exist on both databases; SQLite takes any type name.

/// Raised when the tables change form.
pub(super) const FORMAT: i64 = 1;

/// What the statements of [`tables`] say in the two dialects.
pub(super) struct Dialect {
    /// The type of keys: compared byte by byte.
    text: &'static str,
    /// Keeps a table's rows in the tree of its key, so that each is written once.
    by_key: &'static str,
}

pub(super) const SQLITE: Dialect = Dialect {
    text: "text",
    by_key: " without rowid",
};

pub(super) const POSTGRES: Dialect = Dialect {
    text: "text collate \"C\"",
    by_key: "",
};

/// The statements that make the tables unless they are there.
pub(super) fn tables(dialect: &Dialect) -> impl Iterator<Item = String> {
    TABLES.iter().map(|table| {
        table
            .replace("{text}", dialect.text)
            .replace("{by_key}", dialect.by_key)
    })
}

const TABLES: &[&str] = &[
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
    ){by_key}",
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
