//! Questions to the read model.

use ordo_event_log::TenantId;
use ordo_projection::Db;
use ordo_proto::aftersales;
use ordo_sql::{SqlError, Value, params};
use prost::Message as _;
use serde::{Deserialize, Serialize};

/// Which cases are wanted. Empty fields match everything; fields combine with 'and'.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseFilter {
    /// Cases of this order.
    pub order_id: String,
    /// Cases of this customer.
    pub customer_id: String,
    /// Cases in one of these statuses, as the proto numbers them.
    pub statuses: Vec<i32>,
    /// Cases of one of these kinds.
    pub kinds: Vec<i32>,
    /// Opened then or later, in microseconds since 1970.
    pub opened_from: Option<i64>,
    /// Opened before.
    pub opened_until: Option<i64>,
}

/// Where a case stands in the list, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseKey(pub i64, pub String);

/// One case; `None` when there is no such case.
pub async fn find(
    db: &Db,
    tenant: &TenantId,
    case_id: &str,
) -> Result<Option<aftersales::Case>, SqlError> {
    let row = db
        .fetch_optional(
            "select document from cases where tenant = $1 and case_id = $2",
            &params![tenant.as_str(), case_id],
        )
        .await?;
    row.map(|row| document(&row.bytes("document")?)).transpose()
}

/// At most `limit` cases after `after`, newest first, and where the last of them stands when there may be more.
pub async fn list(
    db: &Db,
    tenant: &TenantId,
    filter: &CaseFilter,
    after: Option<&CaseKey>,
    limit: u32,
) -> Result<(Vec<aftersales::Case>, Option<CaseKey>), SqlError> {
    let mut sql = Statement::new(tenant);
    if !filter.order_id.is_empty() {
        sql.and("order_id = ?", [Value::from(&filter.order_id)]);
    }
    if !filter.customer_id.is_empty() {
        sql.and("customer_id = ?", [Value::from(&filter.customer_id)]);
    }
    sql.and_in("status", &filter.statuses);
    sql.and_in("kind", &filter.kinds);
    if let Some(from) = filter.opened_from {
        sql.and("opened_at >= ?", [Value::from(from)]);
    }
    if let Some(until) = filter.opened_until {
        sql.and("opened_at < ?", [Value::from(until)]);
    }
    if let Some(CaseKey(opened_at, case_id)) = after {
        // The key is unique, so no row is skipped or shown twice however the list grows meanwhile.
        sql.and(
            "(opened_at, case_id) < (?, ?)",
            [Value::from(*opened_at), Value::from(case_id)],
        );
    }
    let (text, values) = sql.finish(limit.saturating_add(1));
    let mut rows = db.fetch_all(&text, &values).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let mut cases = Vec::with_capacity(rows.len());
    for row in &rows {
        cases.push(document(&row.bytes("document")?)?);
    }
    let last = match rows.last().filter(|_| more) {
        Some(row) => Some(CaseKey(row.i64("opened_at")?, row.text("case_id")?)),
        None => None,
    };
    Ok((cases, last))
}

fn document(bytes: &[u8]) -> Result<aftersales::Case, SqlError> {
    aftersales::Case::decode(bytes).map_err(|error| SqlError::Column {
        column: "document".to_owned(),
        detail: error.to_string(),
    })
}

/// A select under construction; each `?` of a condition becomes the next parameter.
struct Statement {
    text: String,
    values: Vec<Value>,
}

impl Statement {
    fn new(tenant: &TenantId) -> Self {
        Self {
            text: "select opened_at, case_id, document from cases where tenant = $1".to_owned(),
            values: vec![Value::from(tenant.as_str())],
        }
    }

    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.text.push_str(" and ");
        let mut values = values.into_iter();
        for (index, piece) in condition.split('?').enumerate() {
            if index > 0 {
                self.values.extend(values.next());
                self.text.push_str(&format!("${}", self.values.len()));
            }
            self.text.push_str(piece);
        }
    }

    fn and_in(&mut self, column: &str, numbers: &[i32]) {
        if !numbers.is_empty() {
            let places = vec!["?"; numbers.len()].join(", ");
            let values: Vec<_> = numbers.iter().map(|number| Value::from(*number)).collect();
            self.and(&format!("{column} in ({places})"), values);
        }
    }

    fn finish(mut self, limit: u32) -> (String, Vec<Value>) {
        self.values.push(Value::from(limit));
        let place = self.values.len();
        self.text.push_str(&format!(
            " order by opened_at desc, case_id desc limit ${place}"
        ));
        (self.text, self.values)
    }
}
