//! A thin layer over SQLite and Postgres for SQL that is written once.
