//! NATS JetStream as an exact copy of the event log, and feeds from it.
