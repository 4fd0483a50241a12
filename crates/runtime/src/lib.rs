//! Configuration, telemetry, health and the ordered life of a service process.
