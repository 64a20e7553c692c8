//! Which lake of the ledger the configured one is.

use futures_util::TryStreamExt;

use crate::bronze::{Lake, Object};
use crate::entity::Entity;
use crate::error::{Error, Kind, Result};
use crate::ledger::lakes::{self, LakeId, Standing};
use crate::ledger::objects::Listed;
use crate::pg::Pool;

/// The lake's number in the ledger. The first lake that a ledger meets is its own; a new address is kept when it shows objects
/// that the ledger knows: it is the same lake, moved or written in another way. With `is_trial` nothing is kept.
///
/// # Errors
/// `Config` when the ledger knows other lakes and nothing tells that this is one of them; of the lake and the server.
pub(super) async fn find(pool: &Pool, lake: &Lake, entities: &[&Entity], is_trial: bool) -> Result<LakeId> {
    let address = lake.address();
    let mut standing = pool.retry("looking the lake up", async || lakes::standing(pool, &address).await).await?;
    if standing == Standing::First && !is_trial {
        standing = pool.retry("naming the lake", async || lakes::be_first(pool, &address).await).await?;
    }
    let known_as = match standing {
        Standing::Known(id) => return Ok(id),
        Standing::First => return Ok(LakeId::default()),
        Standing::Other(known_as) => known_as,
    };
    let Some(id) = recognise(pool, lake, entities).await? else { return Err(other(&address, &known_as)) };
    tracing::info!(lake = address, "the ledger knows this lake's objects under another address; it is the same lake");
    if is_trial {
        return Ok(id);
    }
    pool.retry("naming the lake", async || lakes::keep_address(pool, &address, Some(id)).await).await
}

/// The lake whose objects the first page of some entity shows.
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
        .hint(
            "the lake was moved, or is written in another way: evo objects same-lake; \
             its objects shall be loaded as well: evo objects another-lake; otherwise check --lake",
        )
}
