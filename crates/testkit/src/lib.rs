//! Real servers for tests: nats-server, SQLite and Postgres, started on free ports and stopped.
