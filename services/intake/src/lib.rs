//! Intake: orders, customers and payments.
