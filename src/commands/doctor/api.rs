//! Whether the APIs that entities are extracted from can be used.

use std::time::Duration;

use crate::config::ApiSource;
use crate::doctor::{DoctorFinding, Gravity};
use crate::entity::Entity;
use crate::entity::extract::Query;
use crate::error::{Error, Kind};
use crate::extract;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(20);

/// Asks each source that an entity comes from, if its secrets are set.
pub(super) async fn examine(sources: &[ApiSource], entities: &[Entity]) -> Vec<DoctorFinding> {
    let first = |source: &ApiSource| {
        let mut queries = entities.iter().flat_map(|entity| &entity.queries);
        queries.find(|query| query.source == source.name)
    };
    let mut found = Vec::new();
    for source in sources {
        if let Some(query) = first(source) {
            found.extend(ask(source, query).await);
        }
    }
    found
}

async fn ask(source: &ApiSource, query: &Query) -> Option<DoctorFinding> {
    let name = &source.name;
    if let Some(fault) = &source.fault {
        return Some(fails("api.address", format!("source {name}: {fault}")));
    }
    let answer = tokio::time::timeout(ANSWER, extract::reach(source, query)).await;
    let answer =
        answer.unwrap_or_else(|_| Err(Error::new(Kind::SourceUnavailable, format!("no answer within {ANSWER:?}"))));
    match answer {
        Ok(status @ (401 | 403)) => {
            let finding = fails("api.credential", format!("source {name} refuses the credential ({status})"));
            Some(finding.words("compare the secrets with the vendor's; `evo extract ENTITY --try` shows one request"))
        }
        Ok(status @ 500..) => Some(fails("api.unreachable", format!("source {name} answers with {status}"))),
        Ok(_) => None,
        // Many do not extract with evo.
        Err(error) if error.kind() == Kind::Config => {
            let why = "`evo extract` cannot sign in; loads and transforms do not need it";
            let what = format!("source {name}: {}", error.message());
            Some(DoctorFinding::new(Gravity::Note, "api.secret", what, why))
        }
        Err(error) => {
            let finding = fails("api.unreachable", format!("source {name}: {}", error.message()));
            Some(error.hint_text().into_iter().fold(finding, DoctorFinding::words))
        }
    }
}

fn fails(id: &str, what: String) -> DoctorFinding {
    DoctorFinding::new(Gravity::Breaks, id, what, "`evo extract` fails; loads and transforms do not need it")
}
