//! Read models and reactions that follow event logs.
