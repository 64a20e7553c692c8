//! Whether the lake can be listed.

use std::time::Duration;

use futures_util::TryStreamExt;

use super::finding::{DoctorFinding, Gravity};
use crate::bronze::Lake;
use crate::config::{Azure, LakeAddress};
use crate::entity::Entity;
use crate::error::{Error, Kind};

/// How long one listing may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Lists the first page of each entity.
pub async fn examine_lake(address: &LakeAddress, azure: &Azure, entities: &[Entity]) -> Vec<DoctorFinding> {
    let lake = match Lake::open(address, azure) {
        Ok(lake) => lake,
        Err(error) => return vec![closed(&error, address)],
    };
    let mut empty = Vec::new();
    for entity in entities {
        let mut pages = lake.list_pages(&entity.bronze_prefix, &entity.input.suffixes);
        match tokio::time::timeout(ANSWER, pages.try_next()).await {
            Ok(Ok(Some(page))) if !page.objects.is_empty() => {}
            // A prefix that does not exist is an empty one.
            Ok(Ok(_)) => empty.push(entity.name.as_str()),
            Ok(Err(error)) if error.kind() == Kind::SourceInvalid => empty.push(entity.name.as_str()),
            Ok(Err(error)) => return vec![closed(&error, address)],
            Err(_) => {
                let message = format!("the lake {} did not answer within {ANSWER:?}", lake.shown());
                return vec![closed(&Error::new(Kind::SourceUnavailable, message), address)];
            }
        }
    }
    if empty.is_empty() {
        return Vec::new();
    }
    let what = format!("the lake holds no objects of {}", empty.join(", "));
    let why = "`evo load` of these has nothing to do; the folders are bronze/evo/entity=…/";
    vec![DoctorFinding::new(Gravity::Note, "lake.empty", what, why)]
}

fn closed(error: &Error, address: &LakeAddress) -> DoctorFinding {
    let why = "`evo load` reads from it, and `evo extract` writes to it";
    let finding = DoctorFinding::new(Gravity::Breaks, "lake.closed", error.message(), why);
    let finding = error.hint_text().into_iter().fold(finding, DoctorFinding::words);
    match (error.kind(), address) {
        (Kind::AccessDenied, LakeAddress::Azure { .. }) => finding.shell(
            "az role assignment create --assignee CLIENT_ID \\\n  \
             --role \"Storage Blob Data Contributor\" --scope ACCOUNT_ID",
        ),
        _ => finding,
    }
}
