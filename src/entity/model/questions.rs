//! Questions about fields of an array's elements, which guards ask: is `c.value -> 'name'` an object or an
//! array?

use super::from::Children;
use crate::entity::scan::{Span, Tokens};

/// A question whether a field of an element is an object or an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Where the question stands in the text.
    pub span: Span,
    /// The field that it is about.
    pub field: String,
}

/// The questions in the first `end` tokens, in order.
pub(super) fn find(tokens: &Tokens<'_>, end: usize, children: &Children) -> Vec<Question> {
    // jsonb_typeof ( c . value -> 'field' ) in ( 'object' , 'array' )
    const LENGTH: usize = 14;
    let element = (children.alias.clone(), "value".to_owned());
    let question = |i: usize| {
        let is_question = tokens.is_name(i, "jsonb_typeof")
            && tokens.is_mark(i + 1, "(")
            && tokens.reference(&(i + 2..i + 5)).as_ref() == Some(&element)
            && tokens.str(i + 5) == "->"
            && tokens.is_mark(i + 7, ")")
            && tokens.is_keyword(i + 8, "in")
            && tokens.literal(i + 10).as_deref() == Some("object")
            && tokens.literal(i + 12).as_deref() == Some("array")
            && tokens.is_mark(i + LENGTH - 1, ")");
        let field = tokens.literal(i + 6).filter(|_| is_question)?;
        Some(Question { span: tokens.span(&(i..i + LENGTH)), field })
    };
    (0..end).filter_map(question).collect()
}
