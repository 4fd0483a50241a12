//! Intake: orders of every channel, their payments, and their way through the other services.

pub mod order;
