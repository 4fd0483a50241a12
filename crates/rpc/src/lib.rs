//! What every gRPC service shares: sign-in, errors, clients, the EventLog and Operations services.
