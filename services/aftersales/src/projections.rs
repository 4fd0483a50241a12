//! Read models of aftersales.

pub mod case_list;
