//! Online Retail II (UCI, CC BY 4.0) as orders.
//!
//! | in the file | here |
//! |---|---|
//! | invoice | an order of channel `online-retail`; its number is the channel's order number |
//! | `StockCode` | SKU, unless it is a charge |
//! | `POST`, `DOT`, `C2`, `M`, `D`, `BANK CHARGES` … | charges on the order |
//! | exact duplicate rows | taken once, and the order is pushed twice |
//! | price 0 | stays 0: the order is held until somebody says what it costs |
//! | no customer | an order without recipient: held until somebody completes it |
//! | `C` invoice | cancels or returns what the same customer bought before, latest purchase first |
//! | negative quantity elsewhere | a stock write-off |
//! | `A` invoice | an adjustment of bad debt: no order, only counted |

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use jiff::civil::DateTime;

/// A cancellation this soon after the purchase stops the order; later it is a return. The file does not say when goods left:
/// a day is the shop's promised dispatch time.
const CANCEL_WITHIN_HOURS: i64 = 24;

/// Codes that are charges or credits, not goods.
const CHARGES: &[(&str, &str)] = &[
    ("POST", "FREIGHT"),
    ("DOT", "FREIGHT"),
    ("C2", "FREIGHT"),
    ("C3", "FREIGHT"),
    ("M", "MANUAL"),
    ("D", "DISCOUNT"),
    ("S", "SAMPLES"),
    ("B", "BAD_DEBT"),
    ("ADJUST", "ADJUSTMENT"),
    ("ADJUST2", "ADJUSTMENT"),
    ("BANK CHARGES", "BANK_CHARGES"),
    ("AMAZONFEE", "MARKETPLACE_FEE"),
    ("CRUK", "DONATION"),
];

/// What the file says, in the order of its rows.
#[derive(Debug, Default)]
pub struct History {
    /// Orders, oldest first.
    pub orders: Vec<Order>,
    /// Articles with the units needed to serve every order and write-off.
    pub articles: BTreeMap<String, Article>,
    /// Units that left otherwise.
    pub write_offs: Vec<WriteOff>,
    /// What has no counterpart here.
    pub left_out: LeftOut,
}

/// An article.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Article {
    /// First description seen.
    pub name: String,
    /// Latest price above zero, in pence.
    pub price_pence: i64,
    /// Units ordered or written off.
    pub units: i64,
}

/// One invoice.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// Invoice number.
    pub number: String,
    /// Local time of the shop.
    pub ordered_at: DateTime,
    /// Five digits, or none.
    pub customer: Option<String>,
    /// As written in the file.
    pub country: String,
    /// Goods.
    pub lines: Vec<Line>,
    /// Freight and the like.
    pub charges: Vec<Charge>,
    /// The file has exact duplicates of its rows.
    pub pushed_twice: bool,
    /// Units by index of line that were cancelled soon.
    pub cancelled: BTreeMap<usize, i64>,
    /// Units by index of line that came back later.
    pub returned: BTreeMap<usize, i64>,
}

/// Goods on an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Stock code.
    pub sku: String,
    /// Description.
    pub title: String,
    /// Units, at least 1.
    pub quantity: i64,
    /// Pence a unit, rounded half up from at most three decimals.
    pub price_pence: i64,
}

/// An amount on an invoice that is not goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Upper-case code.
    pub code: &'static str,
    /// Description.
    pub title: String,
    /// Pence; negative for a credit.
    pub amount_pence: i64,
}

/// A negative quantity outside a cancellation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOff {
    /// Invoice number.
    pub number: String,
    /// Stock code.
    pub sku: String,
    /// Units, at least 1.
    pub quantity: i64,
    /// The remark in the file, or `unknown`.
    pub remark: String,
}

/// Rows that become nothing, by why.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Exact duplicates of another row of their invoice.
    pub duplicate_rows: u64,
    /// Units on cancellations for which the file has no earlier purchase by the customer.
    pub cancelled_without_purchase: i64,
    /// Rows of charges on cancellations.
    pub charges_on_cancellations: u64,
    /// Rows of `A` invoices.
    pub bad_debt_rows: u64,
    /// Positive quantities of write-off invoices without price or customer: units found again.
    pub found_rows: u64,
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum RetailError {
    /// It cannot be opened or read.
    #[error("the order history {path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// It is not CSV with the expected columns.
    #[error("the order history is not CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A value cannot be understood.
    #[error("line {line}: {column} `{value}` is not {expected}")]
    Value {
        /// Line of the file, from 1.
        line: u64,
        /// Column.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Row {
    invoice: String,
    code: String,
    description: String,
    quantity: i64,
    time: String,
    price_pence: i64,
    customer: String,
    country: String,
}

/// Reads a CSV file, compressed with zstd when its name ends in `.zst`; at most `limit` orders, with the cancellations of them
/// that the whole file holds.
pub fn read(path: &Path, limit: Option<usize>) -> Result<History, RetailError> {
    let file_error = |source| RetailError::File {
        path: path.display().to_string(),
        source,
    };
    let file = BufReader::new(File::open(path).map_err(file_error)?);
    if path.extension().is_some_and(|extension| extension == "zst") {
        parse(zstd::Decoder::with_buffer(file).map_err(file_error)?, limit)
    } else {
        parse(file, limit)
    }
}

/// Parses CSV text.
pub fn parse(input: impl Read, limit: Option<usize>) -> Result<History, RetailError> {
    let mut history = History::default();
    let mut open: HashMap<(String, String), Vec<(usize, usize)>> = HashMap::new();
    for invoice in invoices(input)? {
        let number = &invoice[0].invoice;
        if number.starts_with('C') {
            history.cancel(&invoice, &open)?;
        } else if number.starts_with('A') {
            history.left_out.bad_debt_rows += invoice.len() as u64;
        } else if limit.is_none_or(|limit| history.orders.len() < limit) {
            history.take(invoice, &mut open)?;
        }
    }
    Ok(history)
}

/// Rows by invoice, invoices in the order of their first row.
fn invoices(input: impl Read) -> Result<Vec<Vec<Row>>, RetailError> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut invoices: Vec<Vec<Row>> = Vec::new();
    let mut reader = csv::Reader::from_reader(input);
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        let row = row(&record, line)?;
        let place = *places.entry(row.invoice.clone()).or_insert_with(|| {
            invoices.push(Vec::new());
            invoices.len() - 1
        });
        invoices[place].push(row);
    }
    Ok(invoices)
}

fn row(record: &csv::StringRecord, line: u64) -> Result<Row, RetailError> {
    let field = |index: usize| record.get(index).unwrap_or_default().trim().to_owned();
    let quantity = field(3);
    let price = field(5);
    Ok(Row {
        invoice: field(0),
        code: field(1),
        description: field(2),
        quantity: quantity
            .trim_end_matches(".0")
            .parse()
            .map_err(|_| RetailError::Value {
                line,
                column: "Quantity",
                value: quantity.clone(),
                expected: "a whole number",
            })?,
        time: field(4),
        price_pence: pence(&price).ok_or(RetailError::Value {
            line,
            column: "Price",
            value: price,
            expected: "an amount in pounds",
        })?,
        customer: field(6).trim_end_matches(".0").to_owned(),
        country: field(7),
    })
}

/// `12.5` → 1250; a third decimal rounds half away from zero.
fn pence(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (pounds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let pounds: i64 = pounds.parse().ok()?;
    let thousandths: i64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    let pence = pounds.checked_mul(100)? + (thousandths + 5) / 10;
    Some(if negative { -pence } else { pence })
}

fn charge_code(code: &str) -> Option<&'static str> {
    let code = code.to_ascii_uppercase();
    CHARGES
        .iter()
        .find(|(known, _)| *known == code)
        .map(|(_, charge)| *charge)
}

fn time(row: &Row) -> Result<DateTime, RetailError> {
    DateTime::strptime("%Y-%m-%d %H:%M:%S", &row.time).map_err(|_| RetailError::Value {
        line: 0,
        column: "InvoiceDate",
        value: row.time.clone(),
        expected: "a time such as 2009-12-01 07:45:00",
    })
}

impl History {
    fn take(
        &mut self,
        rows: Vec<Row>,
        open: &mut HashMap<(String, String), Vec<(usize, usize)>>,
    ) -> Result<(), RetailError> {
        let ordered_at = time(&rows[0])?;
        let mut order = Order {
            number: rows[0].invoice.clone(),
            ordered_at,
            customer: Some(rows[0].customer.clone()).filter(|customer| !customer.is_empty()),
            country: rows[0].country.clone(),
            lines: Vec::new(),
            charges: Vec::new(),
            pushed_twice: false,
            cancelled: BTreeMap::new(),
            returned: BTreeMap::new(),
        };
        // An invoice of corrections only is no order: no customer, no price, some quantity negative.
        let correction = order.customer.is_none()
            && rows.iter().all(|row| row.price_pence == 0)
            && rows.iter().any(|row| row.quantity < 0);
        let mut seen = HashSet::new();
        for row in rows {
            if !seen.insert(row.clone()) {
                order.pushed_twice = true;
                self.left_out.duplicate_rows += 1;
            } else if let Some(code) = charge_code(&row.code) {
                order.charges.push(Charge {
                    code,
                    title: row.description,
                    amount_pence: row.price_pence * row.quantity,
                });
            } else if row.quantity < 0 {
                self.write_off(row);
            } else if correction || row.quantity == 0 {
                self.left_out.found_rows += 1;
            } else {
                order.lines.push(self.line(row));
            }
        }
        if order.lines.is_empty() && order.charges.is_empty() {
            return Ok(());
        }
        let place = self.orders.len();
        if let Some(customer) = &order.customer {
            for (index, line) in order.lines.iter().enumerate() {
                open.entry((customer.clone(), line.sku.clone()))
                    .or_default()
                    .push((place, index));
            }
        }
        self.orders.push(order);
        Ok(())
    }

    fn line(&mut self, row: Row) -> Line {
        let article = self.articles.entry(row.code.clone()).or_default();
        article.units += row.quantity;
        if row.price_pence > 0 {
            article.price_pence = row.price_pence;
        }
        if article.name.is_empty() {
            article.name.clone_from(&row.description);
        }
        Line {
            sku: row.code,
            title: row.description,
            quantity: row.quantity,
            price_pence: row.price_pence,
        }
    }

    fn write_off(&mut self, row: Row) {
        let quantity = -row.quantity;
        let article = self.articles.entry(row.code.clone()).or_default();
        article.units += quantity;
        let remark = if row.description.is_empty() {
            "unknown".to_owned()
        } else {
            row.description
        };
        self.write_offs.push(WriteOff {
            number: row.invoice,
            sku: row.code,
            quantity,
            remark,
        });
    }

    /// Takes the units off the customer's purchases of the article, latest first.
    fn cancel(
        &mut self,
        rows: &[Row],
        open: &HashMap<(String, String), Vec<(usize, usize)>>,
    ) -> Result<(), RetailError> {
        let at = time(&rows[0])?;
        for row in rows {
            if charge_code(&row.code).is_some() {
                self.left_out.charges_on_cancellations += 1;
                continue;
            }
            let mut wanted = row.quantity.saturating_neg().max(0);
            let purchases = open.get(&(row.customer.clone(), row.code.clone()));
            for &(place, index) in purchases.into_iter().flatten().rev() {
                let order = &mut self.orders[place];
                let gone = order.cancelled.get(&index).copied().unwrap_or(0)
                    + order.returned.get(&index).copied().unwrap_or(0);
                let units = wanted.min(order.lines[index].quantity - gone);
                if units == 0 {
                    continue;
                }
                let soon = at.duration_since(order.ordered_at).as_hours() < CANCEL_WITHIN_HOURS;
                let undone = if soon {
                    &mut order.cancelled
                } else {
                    &mut order.returned
                };
                *undone.entry(index).or_default() += units;
                wanted -= units;
            }
            self.left_out.cancelled_without_purchase += wanted;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "retail_tests.rs"]
mod tests;
