//! The names that `evo transform` takes: those of entities and dimensions.

use super::definition::Dimension;
use crate::entity::{Catalog, Entity, unknown_entity};
use crate::error::Result;

/// The entities and dimensions that `names` mean; `all`, or no name, means every one.
///
/// # Errors
/// `Usage` for a name that is neither; the hint is the nearest one.
pub fn select<'a>(
    catalog: &'a Catalog,
    dimensions: &'a [Dimension],
    names: &[String],
) -> Result<(Vec<&'a Entity>, Vec<&'a Dimension>)> {
    if names.is_empty() || names.iter().any(|name| name == "all") {
        return Ok((catalog.all().iter().collect(), dimensions.iter().collect()));
    }
    let entities = catalog.all().iter().map(|entity| entity.name.as_str());
    let known: Vec<&str> = entities.chain(dimensions.iter().map(|dimension| dimension.name.as_str())).collect();
    if let Some(name) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(unknown_entity(name, &known));
    }
    let (of_dimensions, of_entities): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| dimensions.iter().any(|d| &d.name == name));
    let entities = if of_entities.is_empty() { Vec::new() } else { catalog.select(&of_entities)? };
    Ok((entities, dimensions.iter().filter(|d| of_dimensions.contains(&d.name)).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::all;
    use super::*;

    #[test]
    fn names_select_entities_and_dimensions_and_a_misspelt_one_is_answered_with_the_nearest() {
        let catalog = Catalog::load(None).unwrap();
        let dimensions = all(None, &catalog).unwrap();
        let select = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            select(&catalog, &dimensions, &names).map(|(e, d)| (e.len(), d.len()))
        };
        assert_eq!(select(&["all"]).unwrap(), (4, 2));
        assert_eq!(select(&["branches"]).unwrap(), (0, 1));
        assert_eq!(select(&["sales", "branches", "sales"]).unwrap(), (1, 1));
        assert_eq!(select(&["branchs"]).unwrap_err().hint_text(), Some("did you mean \"branches\"?"));
    }
}
