#![no_main]
ordo_fuzz::fuzz!("event_payload");
