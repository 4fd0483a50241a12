/// Cases that a property test tries: `usual`, or as many as the environment's `PROPTEST_CASES` asks for. For
/// `ProptestConfig::with_cases`, which alone takes no notice of the environment.
pub fn cases(usual: u32) -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(usual)
}
