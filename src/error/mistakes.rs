//! All mistakes of one input, so that a person sees them together and not one after the other.

use super::kind::Kind;
use super::value::{Error, Result};
use crate::counted::counted;

/// Errors about independent parts of one input, in the order in which they were found.
#[derive(Debug, Default)]
pub struct Mistakes(Vec<Error>);

impl Mistakes {
    /// Adds a mistake.
    pub fn add(&mut self, mistake: Error) {
        self.0.push(mistake);
    }

    /// The part, or `None` with its mistake added.
    pub fn keep<T>(&mut self, part: Result<T>) -> Option<T> {
        part.map_err(|mistake| self.add(mistake)).ok()
    }

    /// Adds those of another part of the input.
    pub fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Every mistake.
    pub fn all(&self) -> &[Error] {
        &self.0
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The whole input, for those who need it without a mistake.
    ///
    /// # Errors
    /// The first mistake, with what lists the others; `Internal` when there is neither a mistake nor a whole.
    pub fn into_result<T>(self, whole: Option<T>) -> Result<T> {
        let others = (self.0.len() as u64).saturating_sub(1);
        match self.0.into_iter().next() {
            Some(first) if others > 0 => {
                let more = format!("{}: evo config check", counted(others, "further mistake", "further mistakes"));
                let hint = first.hint_text().map_or(more.clone(), |hint| format!("{hint}\n{more}"));
                Err(first.hint(hint))
            }
            Some(first) => Err(first),
            None => whole.ok_or_else(|| Error::new(Kind::Internal, "an input is neither whole nor wrong")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mistake_stands_for_all_where_one_is_enough() {
        let mut mistakes = Mistakes::default();
        assert_eq!(mistakes.keep(Ok(1)), Some(1));
        for message in ["a", "b"] {
            assert_eq!(mistakes.keep::<u8>(Err(Error::new(Kind::Config, message))), None);
        }
        assert_eq!(mistakes.all().len(), 2);
        let first = mistakes.into_result(Some(1)).unwrap_err();
        assert_eq!((first.message(), first.hint_text()), ("a", Some("1 further mistake: evo config check")));
        assert_eq!(Mistakes::default().into_result(Some(1)).unwrap(), 1);
    }
}
