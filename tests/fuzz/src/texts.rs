//! Short texts that have a form.

use ordo_event_log::TenantId;
use ordo_inventory::gs1;
use ordo_privacy::MasterKeys;
use ordo_sql::StoreUrl;

/// Each of them takes the whole text.
pub fn texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(canonical) = gs1::canonical(&text) {
        let again = gs1::canonical(&canonical);
        assert_eq!(again.as_ref(), Ok(&canonical), "one form for each barcode");
    }
    if let Some(tenant) = TenantId::new(&text) {
        assert_eq!(tenant.as_str(), text);
    }
    let _ = text.parse::<StoreUrl>();
    let _ = MasterKeys::parse(&text);
}
