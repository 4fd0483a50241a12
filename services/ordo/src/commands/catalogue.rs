//! `ordo catalogue …`

use std::process::ExitCode;

use clap::Subcommand;
use ordo_proto::{
    inventory::{
        GetSkuRequest, GetSkuResponse, ListSitesRequest, PutSiteRequest, PutSkuRequest, SiteKind,
        Sku, get_sku_request::Key, inventory_client::InventoryClient,
    },
    types::Region,
};
use ordo_rpc::SignedChannel;
use tonic::{Code, Status};

use super::parse;
use crate::{
    client::{Client, header},
    fault::Fault,
    output::{json, money, say, table, word},
};

/// What is sold, and where it lies.
#[derive(Debug, Subcommand)]
pub enum CatalogueCommand {
    /// Define or change a warehouse or shop.
    #[command(
        after_help = "Example: ordo catalogue site west --name \"Lakeside shop\" --kind shop --country CN"
    )]
    Site {
        /// Its id.
        #[arg(value_parser = parse::text)]
        site_id: String,
        /// Its name; the id when not given.
        #[arg(long, value_parser = parse::text)]
        name: Option<String>,
        /// What it is.
        #[arg(long, default_value = "warehouse", value_parser = parse::words(SiteKind::as_str_name, "SITE_KIND_"))]
        kind: SiteKind,
        /// ISO 3166-1 alpha-2 code.
        #[arg(long, value_parser = parse::text)]
        country: Option<String>,
        /// Lower is tried first.
        #[arg(long, default_value_t = 0)]
        priority: i32,
    },
    /// List the sites.
    #[command(after_help = "Example: ordo catalogue sites")]
    Sites,
    /// Define or change an SKU; what is not given stays.
    #[command(
        after_help = "Example: ordo catalogue sku TEA-1 --name \"Oolong tea\" --price 12.50 --barcode 6901234567892"
    )]
    Sku {
        /// Its code.
        #[arg(value_parser = parse::text)]
        sku: String,
        /// Its name; the code when not given.
        #[arg(long, value_parser = parse::text)]
        name: Option<String>,
        /// A barcode; may be given several times.
        #[arg(long = "barcode", value_parser = parse::text)]
        barcodes: Vec<String>,
        /// Selling price, such as 12.50.
        #[arg(long, allow_negative_numbers = true)]
        price: Option<String>,
        /// Cost price.
        #[arg(long, allow_negative_numbers = true)]
        cost: Option<String>,
        /// ISO 4217 code.
        #[arg(long, default_value = "CNY")]
        currency: String,
    },
    /// Show an SKU, by its code or a barcode.
    #[command(after_help = "Example: ordo catalogue show 6901234567892")]
    Show {
        /// SKU or barcode: the SKU of that name, else the one with that barcode.
        #[arg(value_parser = parse::text)]
        code: String,
        /// It is a barcode, whatever SKU has the name.
        #[arg(long)]
        barcode: bool,
    },
}

/// Runs one of them.
pub async fn run(client: &Client, command: CatalogueCommand) -> Result<ExitCode, Fault> {
    let mut inventory = client.inventory()?;
    match command {
        CatalogueCommand::Site {
            site_id,
            name,
            kind,
            country,
            priority,
        } => {
            let request = PutSiteRequest {
                header: header("put-site", None),
                name: name.unwrap_or_else(|| site_id.clone()),
                site_id,
                kind: kind.into(),
                region: Some(Region {
                    country_code: country.unwrap_or_default(),
                    ..Region::default()
                }),
                priority,
                serves_no_orders: false,
            };
            let answer = inventory.put_site(request).await?.into_inner();
            done(client, &answer)?;
        }
        CatalogueCommand::Sites => {
            let answer = inventory
                .list_sites(ListSitesRequest::default())
                .await?
                .into_inner();
            if client.json {
                json(&answer)?;
            } else {
                let mut rows = table(&["site", "name", "kind", "priority", "serves orders"]);
                for site in answer.sites {
                    let kind = word(site.kind().as_str_name(), "SITE_KIND_");
                    rows.add_row([
                        site.site_id,
                        site.name,
                        kind,
                        site.priority.to_string(),
                        site.serves_orders.to_string(),
                    ]);
                }
                say!("{rows}")?;
            }
        }
        CatalogueCommand::Sku {
            sku,
            name,
            barcodes,
            price,
            cost,
            currency,
        } => {
            let amount = |text: Option<String>| {
                text.map(|text| parse::amount(&text, &currency))
                    .transpose()
                    .map_err(Fault::usage)
            };
            // What is not named stays.
            let known = known_sku(client, &sku).await?.unwrap_or_default();
            let barcodes = if barcodes.is_empty() {
                known.barcodes
            } else {
                barcodes
            };
            let name = name.or_else(|| Some(known.name).filter(|name| !name.is_empty()));
            let request = PutSkuRequest {
                header: header("put-sku", None),
                name: name.unwrap_or_else(|| sku.clone()),
                sku,
                barcodes,
                price: amount(price)?,
                cost: amount(cost)?,
                product_id: known.product_id,
                style: known.style,
                colour: known.colour,
                size: known.size,
                weight_grams: known.weight_grams,
                fragile: known.fragile,
                perishable: known.perishable,
                attributes: known.attributes,
                channel_skus: known.channel_skus,
                ..PutSkuRequest::default()
            };
            let answer = inventory.put_sku(request).await?.into_inner();
            done(client, &answer)?;
        }
        CatalogueCommand::Show { code, barcode } => {
            let answer = if barcode {
                get(&mut inventory, Key::Barcode(code)).await?
            } else {
                by_either(&mut inventory, code).await?
            };
            if client.json {
                json(&answer)?;
            } else {
                let sku = answer.sku.unwrap_or_default();
                say!("{}  {}", sku.sku, sku.name)?;
                say!(
                    "price {}, cost {}",
                    money(sku.price.as_ref()),
                    money(sku.cost.as_ref())
                )?;
                say!("barcodes {}", sku.barcodes.join(", "))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

type Inventory = InventoryClient<SignedChannel>;

async fn get(inventory: &mut Inventory, key: Key) -> Result<GetSkuResponse, Status> {
    let request = GetSkuRequest {
        key: Some(key),
        ..GetSkuRequest::default()
    };
    let answer = inventory.get_sku(request).await?;
    Ok(answer.into_inner())
}

/// The SKU of that name, or else the one that has it as a barcode.
async fn by_either(inventory: &mut Inventory, code: String) -> Result<GetSkuResponse, Status> {
    let no_sku = match get(inventory, Key::Sku(code.clone())).await {
        Err(status) if is_no_key(&status) => status,
        answer => return answer,
    };
    match get(inventory, Key::Barcode(code)).await {
        // What is no barcode either is told as what it was asked for first.
        Err(status) if is_no_key(&status) => Err(no_sku),
        answer => answer,
    }
}

/// Nothing has such a key, or nothing can have it.
fn is_no_key(status: &Status) -> bool {
    matches!(status.code(), Code::NotFound | Code::InvalidArgument)
}

/// Whether the catalogue has an SKU of that name.
pub async fn is_known(client: &Client, sku: &str) -> Result<bool, Fault> {
    Ok(known_sku(client, sku).await?.is_some())
}

/// The SKU of that name as it is; `None` when the catalogue has none.
async fn known_sku(client: &Client, sku: &str) -> Result<Option<Sku>, Fault> {
    match get(&mut client.inventory()?, Key::Sku(sku.to_owned())).await {
        Ok(answer) => Ok(Some(answer.sku.unwrap_or_default())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

/// Tells that a command without a further answer is done.
pub fn done<M: prost::Message + prost::Name>(client: &Client, answer: &M) -> Result<(), Fault> {
    if client.json {
        return json(answer);
    }
    say!("done")
}
