//! Cluster scenarios: four services, real servers, faults.
