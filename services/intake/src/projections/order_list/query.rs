//! Finding orders: one statement per page, walking an index in the list's order.

use ordo_projection::Db;
use ordo_sql::{SqlError, Value, params};

use super::{OrderRow, key};

/// Order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Largest amount due first.
    Amount,
}

impl Sort {
    fn column(self) -> &'static str {
        match self {
            Self::Newest | Self::Oldest => "ordered_at",
            Self::Amount => "due",
        }
    }

    fn descends(self) -> bool {
        self != Self::Oldest
    }
}

/// What is wanted. Empty and absent filters match everything; filters combine with 'and'.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Query {
    pub tenant: String,
    pub statuses: Vec<i64>,
    pub fulfilment_statuses: Vec<i64>,
    /// Numbers of hold reasons; any of them.
    pub holds: Vec<i64>,
    pub channel: String,
    pub customer_id: String,
    pub channel_order_number: String,
    /// Microseconds, inclusive.
    pub ordered_from: Option<i64>,
    /// Microseconds, exclusive.
    pub ordered_until: Option<i64>,
    /// Minor units, inclusive.
    pub due_from: Option<i64>,
    /// Minor units, inclusive.
    pub due_until: Option<i64>,
    /// Kind and value of keys that the order must have.
    pub keys: Vec<(&'static str, String)>,
    pub sort: Sort,
    /// Sort value and order id of the row before the first wanted one.
    pub after: Option<(i64, String)>,
    pub limit: u32,
}

/// A page of orders.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// In the list's order.
    pub rows: Vec<OrderRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<(i64, String)>,
}

/// Collects the statement's text and parameters.
#[derive(Default)]
struct Statement {
    conditions: Vec<String>,
    params: Vec<Value>,
}

impl Statement {
    /// A parameter's placeholder.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    fn equals(&mut self, column: &str, value: impl Into<Value>) {
        let value = self.bind(value);
        self.conditions.push(format!("{column} = {value}"));
    }

    fn among(&mut self, column: &str, values: &[i64]) {
        if let [only] = values {
            self.equals(column, *only);
        } else if !values.is_empty() {
            let list: Vec<_> = values.iter().map(|value| self.bind(*value)).collect();
            self.conditions
                .push(format!("{column} in ({})", list.join(", ")));
        }
    }

    fn compare(&mut self, column: &str, operator: &str, value: Option<i64>) {
        if let Some(value) = value {
            let value = self.bind(value);
            self.conditions.push(format!("{column} {operator} {value}"));
        }
    }

    /// The order has one of the keys.
    fn has_key(&mut self, tenant: &str, kind: &str, values: &[String]) {
        let tenant = self.bind(tenant);
        let kind = self.bind(kind);
        let values: Vec<_> = values.iter().map(|value| self.bind(value)).collect();
        self.conditions.push(format!(
            "exists (select 1 from order_key x where x.tenant = {tenant} and x.kind = {kind}
                and x.value in ({}) and x.ordered_at = o.ordered_at and x.order_id = o.order_id)",
            values.join(", ")
        ));
    }
}

/// One page of the orders that match.
pub async fn find(db: &Db, query: &Query) -> Result<Found, SqlError> {
    let (sql, params) = statement(query);
    let rows = db.fetch_all(&sql, &params).await?;
    let mut rows = rows
        .iter()
        .map(OrderRow::read_row)
        .collect::<Result<Vec<_>, _>>()?;
    let more = rows.len() > query.limit as usize;
    rows.truncate(query.limit as usize);
    let next = rows.last().filter(|_| more).map(|row| {
        let value = match query.sort {
            Sort::Newest | Sort::Oldest => row.ordered_at,
            Sort::Amount => row.due,
        };
        (value, row.order_id.clone())
    });
    Ok(Found { rows, next })
}

/// The statement of a page. The walk begins at the table whose index is both the narrowest filter and in the list's order:
/// a key when one is asked for and the list is sorted by time, otherwise the orders themselves. A channel's number leaves so few
/// that they are found first, by their index, and then sorted: a database that has no statistics would rather walk all in order.
pub(super) fn statement(query: &Query) -> (String, Vec<Value>) {
    let mut statement = Statement::default();
    let by_number = !query.channel_order_number.is_empty();
    let numbered = by_number.then(|| {
        let tenant = statement.bind(query.tenant.as_str());
        let number = statement.bind(query.channel_order_number.as_str());
        format!(
            "with numbered as materialized
                (select * from order_list where tenant = {tenant} and channel_order_number = {number}) "
        )
    });
    let mut keys: Vec<(&str, Vec<String>)> = query
        .keys
        .iter()
        .map(|(kind, value)| (*kind, vec![value.clone()]))
        .collect();
    if !query.holds.is_empty() {
        keys.push((key::HOLD, query.holds.iter().map(i64::to_string).collect()));
    }
    let leads = keys
        .iter()
        .position(|(_, values)| values.len() == 1)
        .filter(|_| query.sort != Sort::Amount && !by_number);
    let sorted_by = match leads {
        Some(index) => {
            let (kind, values) = keys.remove(index);
            statement.equals("k.tenant", &query.tenant);
            statement.equals("k.kind", kind);
            for value in &values {
                statement.equals("k.value", value);
            }
            "k"
        }
        None => "o",
    };
    statement.equals("o.tenant", &query.tenant);
    statement.among("o.status", &query.statuses);
    statement.among("o.fulfilment_status", &query.fulfilment_statuses);
    for (column, value) in [
        ("o.channel", &query.channel),
        ("o.customer_id", &query.customer_id),
    ] {
        if !value.is_empty() {
            statement.equals(column, value);
        }
    }
    let time = format!("{sorted_by}.ordered_at");
    statement.compare(&time, ">=", query.ordered_from);
    statement.compare(&time, "<", query.ordered_until);
    statement.compare("o.due", ">=", query.due_from);
    statement.compare("o.due", "<=", query.due_until);
    for (kind, values) in keys {
        statement.has_key(&query.tenant, kind, &values);
    }
    let place = format!("{sorted_by}.{}, {sorted_by}.order_id", query.sort.column());
    if let Some((value, order_id)) = &query.after {
        let (value, order_id) = (statement.bind(*value), statement.bind(order_id));
        let operator = if query.sort.descends() { "<" } else { ">" };
        statement
            .conditions
            .push(format!("({place}) {operator} ({value}, {order_id})"));
    }
    let direction = if query.sort.descends() { "desc" } else { "asc" };
    let tables = match leads {
        Some(_) => {
            "order_key k join order_list o on o.tenant = k.tenant and o.order_id = k.order_id"
        }
        None if by_number => "numbered o",
        None => "order_list o",
    };
    let sql = format!(
        "{}select {} from {tables} where {} order by {sorted_by}.{} {direction}, {sorted_by}.order_id {direction} limit {}",
        numbered.unwrap_or_default(),
        OrderRow::columns(),
        statement.conditions.join(" and "),
        query.sort.column(),
        query.limit + 1,
    );
    (sql, statement.params)
}

/// The order that a channel knows by that number.
pub async fn order_of_channel_number(
    db: &Db,
    tenant: &str,
    channel: &str,
    number: &str,
) -> Result<Option<String>, SqlError> {
    let row = db
        .fetch_optional(
            "select order_id from order_list where tenant = $1 and channel_order_number = $2 and channel = $3",
            &params![tenant, number, channel],
        )
        .await?;
    row.map(|row| row.text(0)).transpose()
}

/// Orders that have a key, oldest first, after a place.
pub async fn orders_with_key(
    db: &Db,
    tenant: &str,
    kind: &str,
    value: &str,
    after: (i64, &str),
    limit: u32,
) -> Result<Vec<(i64, String)>, SqlError> {
    let rows = db
        .fetch_all(
            "select ordered_at, order_id from order_key where tenant = $1 and kind = $2 and value = $3
                and (ordered_at, order_id) > ($4, $5) order by ordered_at, order_id limit cast($6 as bigint)",
            &params![tenant, kind, value, after.0, after.1, limit],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.i64(0)?, row.text(1)?)))
        .collect()
}

/// Tenant, id and folded state of orders, in the order of tenant and id, after one of them.
pub async fn states(
    db: &Db,
    after: (&str, &str),
    limit: u32,
) -> Result<Vec<(String, String, Vec<u8>)>, SqlError> {
    let rows = db
        .fetch_all(
            "select tenant, order_id, state from order_state
             where (tenant, order_id) > ($1, $2) order by tenant, order_id limit cast($3 as bigint)",
            &params![after.0, after.1, limit],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.text(1)?, row.bytes(2)?)))
        .collect()
}
