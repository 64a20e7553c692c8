//! SQL as tokens, cut as PostgreSQL's own scanner cuts it.

mod fault;
mod lex;
mod tokens;

pub(super) use fault::Fault;
pub use lex::Span;
pub(super) use lex::TokenKind;
pub(super) use tokens::Tokens;
