#![no_main]
ordo_fuzz::fuzz!("page_token");
