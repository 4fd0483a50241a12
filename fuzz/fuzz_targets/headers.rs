#![no_main]
ordo_fuzz::fuzz!("headers");
