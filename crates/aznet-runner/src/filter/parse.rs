//! Text as expressions. Each place allows one thing or another by its first character, so nothing is ever tried twice,
//! and an error is where the text goes wrong.

use std::ops::Range;

use glob::Pattern;
use regex::Regex;
use winnow::{
    Parser,
    ascii::multispace0,
    combinator::{alt, delimited, eof, not, opt, preceded, terminated},
    error::{ErrMode, ParserError},
    stream::{LocatingSlice, Location, Stream},
    token::{any, literal, one_of, take_while},
};

use super::{
    error::BadFilter,
    expr::{Expr, Leaf, Matcher, Set},
};
use crate::near::nearest;

/// Longer ones are no work of a person.
const LONGEST: usize = 10_000;
/// Parentheses and negations in each other.
const DEEPEST: usize = 50;

const OPERAND: &str =
    "`test(…)`, `topology(…)`, `tag(…)`, `class(…)`, `all()`, `none()`, `!` or `(`";
const OPERATOR: &str = "`&`, `|`, `-` or the end";

type Input<'a> = LocatingSlice<&'a str>;
type Parsed<T> = Result<T, ErrMode<Wrong>>;

/// Why the text is no expression.
#[derive(Debug)]
enum Wrong {
    /// Something else is to be tried.
    Other,
    Expected(&'static str),
    /// With the place, and the name that may have been meant.
    Said(String, Range<usize>, Option<&'static str>),
}

impl<I: Stream> ParserError<I> for Wrong {
    type Inner = Self;

    fn from_input(_: &I) -> Self {
        Self::Other
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expr, BadFilter> {
    let bad = |problem, at, nearest: Option<&str>| BadFilter {
        text: text.to_owned(),
        at,
        problem,
        nearest: nearest.map(str::to_owned),
    };
    if text.len() > LONGEST {
        let problem = format!("longer than {LONGEST} characters");
        let text = "…".to_owned();
        return Err(BadFilter {
            text,
            ..bad(problem, 0..0, None)
        });
    }
    whole.parse(LocatingSlice::new(text)).map_err(|error| {
        let at = error.offset();
        match error.into_inner() {
            Wrong::Said(problem, at, near) => bad(problem, at, near),
            Wrong::Expected(what) => bad(format!("expected {what}"), at..at, None),
            Wrong::Other => bad(format!("expected {OPERAND}"), at..at, None),
        }
    })
}

fn expected<T>(what: &'static str) -> Parsed<T> {
    Err(ErrMode::Cut(Wrong::Expected(what)))
}

fn said<T>(
    problem: impl Into<String>,
    at: Range<usize>,
    nearest: Option<&'static str>,
) -> Parsed<T> {
    Err(ErrMode::Cut(Wrong::Said(problem.into(), at, nearest)))
}

fn whole(input: &mut Input<'_>) -> Parsed<Expr> {
    let expr = union(input, 0)?;
    multispace0.parse_next(input)?;
    if opt(eof).parse_next(input)?.is_none() {
        return expected(OPERATOR);
    }
    Ok(expr)
}

fn union(input: &mut Input<'_>, depth: usize) -> Parsed<Expr> {
    let mut left = section(input, depth)?;
    let or = alt((literal("|").void(), literal("+").void(), word("or")));
    let mut or = opt(preceded(multispace0, or));
    while or.parse_next(input)?.is_some() {
        let right = section(input, depth)?;
        left = Expr::Or(Box::new(left), Box::new(right));
    }
    Ok(left)
}

fn section(input: &mut Input<'_>, depth: usize) -> Parsed<Expr> {
    let mut left = operand(input, depth)?;
    let and = alt((literal("&").void(), word("and"))).value(true);
    let minus = alt((literal("-").void(), word("minus"))).value(false);
    let mut operator = opt(preceded(multispace0, alt((and, minus))));
    while let Some(and) = operator.parse_next(input)? {
        let (a, b) = (Box::new(left), Box::new(operand(input, depth)?));
        left = if and {
            Expr::And(a, b)
        } else {
            Expr::Minus(a, b)
        };
    }
    Ok(left)
}

fn operand(input: &mut Input<'_>, depth: usize) -> Parsed<Expr> {
    multispace0.parse_next(input)?;
    let here = input.current_token_start();
    if depth > DEEPEST {
        let problem = format!("more than {DEEPEST} parentheses and negations in each other");
        return said(problem, here..here, None);
    }
    let negation = alt((literal("!").void(), word("not")));
    if opt(negation).parse_next(input)?.is_some() {
        return Ok(Expr::Not(Box::new(operand(input, depth + 1)?)));
    }
    if opt(literal("(")).parse_next(input)?.is_none() {
        return set(input);
    }
    let inner = union(input, depth + 1)?;
    if opt(preceded(multispace0, literal(")")))
        .parse_next(input)?
        .is_some()
    {
        return Ok(inner);
    }
    multispace0.parse_next(input)?;
    expected("`&`, `|`, `-` or `)`")
}

/// `tag(slow)`, `all()`.
fn set(input: &mut Input<'_>) -> Parsed<Expr> {
    let (name, span) = take_while(0.., letter).with_span().parse_next(input)?;
    let constant = match name {
        "" => return expected(OPERAND),
        "all" => Some(Expr::All),
        "none" => Some(Expr::None),
        _ => None,
    };
    let set = Set::ALL.into_iter().find(|set| set.word() == name);
    if constant.is_none() && set.is_none() {
        let words = Set::ALL.iter().map(|set| set.word());
        let near = nearest(name, words.chain(["all", "none"]));
        return said(
            format!("`{name}` is unknown: expected {OPERAND}"),
            span,
            near,
        );
    }
    if opt(delimited(multispace0, literal("("), multispace0))
        .parse_next(input)?
        .is_none()
    {
        return expected("`(`");
    }
    let expr = match (constant, set) {
        (Some(constant), _) => constant,
        (None, None) => return expected(OPERAND),
        (None, Some(set)) => {
            let matcher = matcher(input)?;
            let span = span.start..input.current_token_start() + 1;
            Expr::Match(Leaf { set, matcher, span })
        }
    };
    multispace0.parse_next(input)?;
    if opt(literal(")")).parse_next(input)?.is_none() {
        return expected("`)`");
    }
    Ok(expr)
}

fn matcher(input: &mut Input<'_>) -> Parsed<Matcher> {
    let start = input.current_token_start();
    let kind = opt(one_of(['=', '~', '/', '#'])).parse_next(input)?;
    if kind == Some('/') {
        let regex = slashed(input)?;
        let span = start..input.current_token_start();
        return match Regex::new(&regex) {
            Ok(regex) => Ok(Matcher::Regex(regex)),
            Err(error) => said(in_a_line(&error.to_string()), span, None),
        };
    }
    let text = text(input)?;
    let span = start..input.current_token_start();
    Ok(match kind {
        Some('=') => Matcher::Equal(text),
        Some('#') => match Pattern::new(&text) {
            Ok(glob) => Matcher::Glob(glob),
            Err(error) => return said(in_a_line(error.msg), span, None),
        },
        _ => Matcher::Contains(text),
    })
}

/// What regular expressions say of themselves has several lines: a drawing, and the reason last.
fn in_a_line(error: &str) -> String {
    let reason = error.lines().last().unwrap_or(error);
    let reason = reason.trim_start_matches("error:").trim();
    format!("no pattern: {reason}")
}

/// Text up to a `)`, without the blanks around it.
fn text(input: &mut Input<'_>) -> Parsed<String> {
    let (mut text, mut kept) = (String::new(), 0);
    while let Some(c) = opt(one_of(|c| c != ')')).parse_next(input)? {
        if c == '\\' {
            text.push(escaped(input)?);
            kept = text.len();
        } else {
            text.push(c);
            if !c.is_whitespace() {
                kept = text.len();
            }
        }
    }
    text.truncate(kept);
    if text.is_empty() {
        return expected("a name, `=name`, `/regex/` or `#glob`");
    }
    Ok(text)
}

/// What follows a backslash.
fn escaped(input: &mut Input<'_>) -> Parsed<char> {
    let start = input.current_token_start() - 1;
    let hex = take_while(1..=6, |c: char| c.is_ascii_hexdigit());
    if let Some(hex) = opt(delimited(literal("u{"), hex, literal("}"))).parse_next(input)? {
        let c = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32);
        let span = start..input.current_token_start();
        return c.map_or_else(|| said("no character", span, None), Ok);
    }
    match opt(one_of(['\\', '(', ')', '/'])).parse_next(input)? {
        Some(c) => Ok(c),
        None => said(
            "after `\\` expected `\\`, `(`, `)`, `/` or `u{…}`",
            start..start + 1,
            None,
        ),
    }
}

/// A regular expression up to the slash that ends it.
fn slashed(input: &mut Input<'_>) -> Parsed<String> {
    let mut regex = String::new();
    loop {
        match opt(any).parse_next(input)? {
            Some('/') => return Ok(regex),
            Some('\\') => match opt(any).parse_next(input)? {
                Some('/') => regex.push('/'),
                Some(other) => regex.extend(['\\', other]),
                None => return expected("`/` at the end of the regular expression"),
            },
            Some(other) => regex.push(other),
            None => return expected("`/` at the end of the regular expression"),
        }
    }
}

/// A whole word.
fn word<'a>(word: &'static str) -> impl Parser<Input<'a>, (), ErrMode<Wrong>> {
    terminated(literal(word), not(one_of(letter))).void()
}

const fn letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
