#![no_main]
ordo_fuzz::fuzz!("place_order");
