//! Aftersales: returns, exchanges and refunds.

pub mod case;
pub mod commands;
pub mod config;
pub mod desk;
pub mod grpc;
pub mod ids;
pub mod money;
pub mod projections;
pub mod purchase;
pub mod reactions;
pub mod refusals;

/// The service's name in logs, subjects, tokens and positions.
pub const SERVICE: &str = "aftersales";
