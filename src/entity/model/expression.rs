//! An expression as far as readings have to know it: its casts, and what decides whether they are evaluated.

use std::ops::Range;

use super::casts::{CHILDREN, CastCall, cast_at};
use crate::entity::scan::Fault;
use crate::entity::scan::Span;
use crate::entity::scan::Tokens;

/// An expression and the casts in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression {
    /// Where it stands in the text.
    pub span: Span,
    /// In the order of the text; a part inside another one is not listed by itself.
    pub parts: Vec<CastSite>,
}

/// A part of an expression that holds a cast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CastSite {
    /// A cast: `evo.as_bigint(…)`.
    Cast(Cast),
    /// `case …`: only one of its results is evaluated.
    Case(Case),
    /// `coalesce(…)`: nothing after the first value is evaluated.
    Coalesce(Vec<Expression>),
}

/// A call of one of evo's casts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cast {
    /// The ending of its name: `bigint`.
    pub kind: &'static str,
    /// The whole call, with its schema.
    pub call: Span,
    /// The name without its schema, `as_bigint`.
    pub name: Span,
    /// The arguments, with the casts in them.
    pub arguments: Expression,
}

/// `case operand when … then … else … end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The value that the conditions are compared with, if there is one.
    pub operand: Option<Expression>,
    /// The conditions with their results.
    pub arms: Vec<(Expression, Expression)>,
    /// The result when no condition holds.
    pub otherwise: Option<Expression>,
}

impl Expression {
    /// Every cast, including those in another's arguments.
    pub fn casts(&self) -> Vec<&Cast> {
        let mut found = Vec::new();
        for part in &self.parts {
            match part {
                CastSite::Cast(cast) => {
                    found.push(cast);
                    found.extend(cast.arguments.casts());
                }
                CastSite::Case(case) => {
                    let arms = case.arms.iter().flat_map(|(condition, result)| [condition, result]);
                    found.extend(case.operand.iter().chain(arms).chain(&case.otherwise).flat_map(Expression::casts));
                }
                CastSite::Coalesce(values) => found.extend(values.iter().flat_map(Expression::casts)),
            }
        }
        found
    }

    pub(super) fn parse(tokens: &Tokens<'_>, range: Range<usize>) -> Result<Self, Fault> {
        let mut parts = Vec::new();
        let mut i = range.start;
        while i < range.end {
            if let Some(call) = cast_at(tokens, i)? {
                parts.push(CastSite::Cast(cast(tokens, call)?));
                i = tokens.partner(call.open) + 1;
            } else if tokens.is_keyword(i, "case") {
                let end = end_of_case(tokens, i, range.end)?;
                parts.extend(case(tokens, i + 1..end)?.map(CastSite::Case));
                i = end + 1;
            } else if tokens.is_keyword(i, "coalesce") && tokens.is_mark(i + 1, "(") {
                let end = tokens.partner(i + 1);
                let values = tokens.list(i + 2..end).into_iter().map(|value| Self::parse(tokens, value));
                let values = values.collect::<Result<Vec<_>, _>>()?;
                if values.iter().any(|value| !value.parts.is_empty()) {
                    parts.push(CastSite::Coalesce(values));
                }
                i = end + 1;
            } else if tokens.opens_select(i) {
                i = without_casts(tokens, i)?;
            } else {
                i += 1;
            }
        }
        Ok(Self { span: tokens.span(&range), parts })
    }
}

fn cast(tokens: &Tokens<'_>, call: CastCall) -> Result<Cast, Fault> {
    if call.kind == CHILDREN {
        return Err(Fault::new(tokens.start(call.name), "evo.as_children is used in an expression")
            .hint("it gives rows: cross join lateral evo.as_children(s.raw_data, 'array', 'idOfAnElement') c"));
    }
    let close = tokens.partner(call.open);
    let arguments = call.open + 1..close;
    if arguments.is_empty() {
        return Err(Fault::new(tokens.start(call.name), format!("evo.as_{} has no argument", call.kind)));
    }
    Ok(Cast {
        kind: call.kind,
        call: tokens.span(&(call.name - 2..close + 1)),
        name: tokens.span(&(call.name..call.name + 1)),
        arguments: Expression::parse(tokens, arguments)?,
    })
}

/// Where the `end` of the `case` at this token is.
fn end_of_case(tokens: &Tokens<'_>, case: usize, end: usize) -> Result<usize, Fault> {
    let mut depth = 0;
    for i in tokens.outer(case..end) {
        depth += usize::from(tokens.is_keyword(i, "case"));
        if tokens.is_keyword(i, "end") {
            depth -= 1;
            if depth == 0 {
                return Ok(i);
            }
        }
    }
    Err(Fault::new(tokens.start(case), "a case has no end"))
}

/// The parts of `case … end`; `None` if none of them holds a cast.
fn case(tokens: &Tokens<'_>, range: Range<usize>) -> Result<Option<Case>, Fault> {
    let at = tokens.start(range.start);
    let mut depth = 0;
    let mut marks: Vec<usize> = Vec::new();
    for i in tokens.outer(range.clone()) {
        depth += i32::from(tokens.is_keyword(i, "case")) - i32::from(tokens.is_keyword(i, "end"));
        if depth == 0 && ["when", "then", "else"].iter().any(|word| tokens.is_keyword(i, word)) {
            marks.push(i);
        }
    }
    let parse = |range| Expression::parse(tokens, range);
    let first = marks.first().copied().unwrap_or(range.end);
    let operand = (first > range.start).then(|| parse(range.start..first)).transpose()?;
    let (mut arms, mut otherwise) = (Vec::new(), None);
    let mut words = marks.iter().copied().zip(marks.iter().skip(1).copied().chain([range.end]));
    while let Some((word, next)) = words.next() {
        if tokens.is_keyword(word, "else") && words.next().is_none() {
            otherwise = Some(parse(word + 1..next)?);
            continue;
        }
        match words.next().filter(|(then, _)| tokens.is_keyword(word, "when") && tokens.is_keyword(*then, "then")) {
            Some((then, end)) => arms.push((parse(word + 1..then)?, parse(then + 1..end)?)),
            None => return Err(Fault::new(at, "a case is not written as case … when … then … else … end")),
        }
    }
    if arms.is_empty() {
        return Err(Fault::new(at, "a case has no when"));
    }
    let case = Case { operand, arms, otherwise };
    let all = case.arms.iter().flat_map(|(condition, result)| [condition, result]);
    let has_casts = case.operand.iter().chain(all).chain(&case.otherwise).any(|part| !part.parts.is_empty());
    Ok(has_casts.then_some(case))
}

/// The token after a select in brackets, none of whose casts could file a misfit: it reads rows of its own.
fn without_casts(tokens: &Tokens<'_>, open: usize) -> Result<usize, Fault> {
    let end = tokens.partner(open);
    for i in open..end {
        if cast_at(tokens, i)?.is_some() {
            return Err(Fault::new(tokens.start(i), "a cast inside a subselect: its misfits could not be recorded")
                .hint("let the inner select give the text, and cast what it gives: evo.as_int((select … ))"));
        }
    }
    Ok(end + 1)
}
