//! Finding the configured lake in the ledger.

use futures_util::TryStreamExt;

use crate::bronze::{Lake, Object};
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ids::LakeId;
use crate::ledger::lakes::{self, AddressStatus};
use crate::ledger::listing::Listed;
use crate::pg::Pool;

/// The lake's id in the ledger. The first lake that a ledger meets becomes its own. A new address is added to
/// a known lake if it shows objects that the ledger knows: it is the same lake, moved or written differently.
/// With `is_trial` the ledger is not changed.
///
/// # Errors
/// `Config` when the ledger knows other lakes and nothing shows that this is one of them; see [`crate::pg`]
/// and [`crate::bronze`].
pub(super) async fn find(pool: &Pool, lake: &Lake, entities: &[&Entity], is_trial: bool) -> Result<LakeId> {
    let address = lake.address();
    let mut standing = pool.retry("looking up the lake", async || lakes::address_status(pool, &address).await).await?;
    if standing == AddressStatus::First && !is_trial {
        standing = pool.retry("naming the lake", async || lakes::be_first(pool, &address).await).await?;
    }
    let known_as = match standing {
        AddressStatus::Known(id) => return Ok(id),
        AddressStatus::First => return Ok(LakeId::default()),
        AddressStatus::Other(known_as) => known_as,
    };
    let Some(id) = recognise(pool, lake, entities).await? else { return Err(other(&address, &known_as)) };
    tracing::info!(lake = address, "the ledger knows this lake's objects under another address: it is the same lake");
    if is_trial {
        return Ok(id);
    }
    pool.retry("naming the lake", async || lakes::keep_address(pool, &address, Some(id)).await).await
}

/// The lake that has the objects on the first page of some entity's listing; `None` when no lake has them.
async fn recognise(pool: &Pool, lake: &Lake, entities: &[&Entity]) -> Result<Option<LakeId>> {
    for entity in entities {
        let Some(page) = lake.list_pages(&entity.bronze_prefix, &entity.input.suffixes).try_next().await? else {
            continue;
        };
        let listed: Vec<Listed> = page.objects.into_iter().map(known_by).collect();
        let holder = pool.retry("looking for the objects", async || lakes::holder(pool, &entity.name, &listed).await);
        if let Some(id) = holder.await? {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

fn known_by(object: Object) -> Listed {
    Listed { path: object.path, etag: object.etag, size_bytes: 0, run_id: None, ingestion_date: None }
}

fn other(address: &str, known_as: &[String]) -> Error {
    Error::new(Kind::Config, format!("the ledger of this database belongs to another lake than {address}"))
        .detail(format!("it knows {}", known_as.join(", ")))
        .hint(format!(
            "if the lake was moved, or its address is written differently: evo objects same-lake --lake {address}; \
             if it is a second lake: evo objects another-lake --lake {address}; otherwise check --lake"
        ))
}
