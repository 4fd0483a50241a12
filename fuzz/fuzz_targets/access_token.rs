#![no_main]
ordo_fuzz::fuzz!("access_token");
