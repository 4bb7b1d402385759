//! Source text to tokens. A unit belongs to the number it follows, so it is read here.

use std::sync::Arc;

use kernel::{Decimal, Unit};

use super::{
    TOKENS_MAX,
    problem::{Problem, Span},
};
use crate::units::{Kind, Measure, is_word};

/// A number as written.
#[derive(Clone, Debug)]
pub(crate) struct Literal {
    pub value: f64,
    /// The same number exactly, for exact unit conversion; none outside the decimal's range.
    pub exact: Option<Decimal>,
    pub measure: Measure,
}

#[derive(Clone, Debug)]
pub(crate) enum TokenKind {
    Number(Literal),
    Text(Arc<str>),
    /// A name, and whether it was quoted with backticks (then it is never a keyword or function).
    Name(Arc<str>, bool),
    Symbol(&'static str),
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub kind: TokenKind,
    pub span: Span,
}

/// Longest first, so that `>=` is not read as `>`.
const SYMBOLS: &[&str] = &["&&", "||", "==", "!=", ">=", "<=", ">", "<", "+", "-", "*", "/", "(", ")", ",", "!"];
/// What people type or paste instead.
const SYNONYMS: &[(&str, &str)] =
    &[("≥", ">="), ("≤", "<="), ("≠", "!="), ("×", "*"), ("÷", "/"), ("−", "-"), ("（", "("), ("）", ")"), ("，", ",")];
const KEYWORDS: &[&str] = &["and", "or", "not", "true", "false"];
const NAME_MAX: usize = 64;
const TEXT_MAX: usize = 256;

pub(crate) fn lex(source: &str) -> Result<Vec<Token>, Problem> {
    let mut lexer = Lexer { source, at: 0 };
    let mut tokens = Vec::with_capacity(TOKENS_MAX.min(source.len() / 2 + 2));
    loop {
        lexer.skip_space();
        let from = lexer.at;
        let kind = lexer.token()?;
        let end = matches!(kind, TokenKind::End);
        tokens.push(Token { kind, span: Span::new(from, lexer.at) });
        if end {
            return Ok(tokens);
        }
        if tokens.len() >= TOKENS_MAX {
            return Err(Problem::too_long(Span::new(from, lexer.at), format!("more than {TOKENS_MAX} tokens"))
                .hint("split the rule into several"));
        }
    }
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn token(&mut self) -> Result<TokenKind, Problem> {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return Ok(TokenKind::End) };
        if c.is_ascii_digit() {
            return self.number();
        }
        if c == '"' || c == '\'' {
            return self.text(c);
        }
        if c == '`' {
            return self.quoted_name();
        }
        if c.is_alphabetic() || c == '_' {
            let length = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            return self.name(length);
        }
        if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            self.at += symbol.len();
            return Ok(TokenKind::Symbol(symbol));
        }
        if let Some((typed, symbol)) = SYNONYMS.iter().find(|(typed, _)| rest.starts_with(typed)) {
            self.at += typed.len();
            return Ok(TokenKind::Symbol(symbol));
        }
        let span = Span::new(self.at, self.at + c.len_utf8());
        let problem = Problem::syntax(span, format!("{c:?} means nothing here"));
        Err(match c {
            '=' => problem.hint("compare with `==`"),
            '&' => problem.hint("write `and` or `&&`"),
            '|' => problem.hint("write `or` or `||`"),
            '%' | '°' => problem.hint("a unit follows a number, such as `80 %` or `80 °C`"),
            '.' => problem.hint("write a digit before the decimal point"),
            _ => problem,
        })
    }

    fn name(&mut self, length: usize) -> Result<TokenKind, Problem> {
        let span = Span::new(self.at, self.at + length);
        if length > NAME_MAX {
            return Err(Problem::too_long(span, format!("a name of more than {NAME_MAX} bytes")));
        }
        self.at += length;
        Ok(TokenKind::Name(self.source[span.from..span.to].into(), false))
    }

    fn quoted_name(&mut self) -> Result<TokenKind, Problem> {
        let from = self.at;
        let inner = &self.rest()[1..];
        let Some(length) = inner.find('`') else {
            return Err(Problem::syntax(Span::new(from, self.source.len()), "the name has no closing backtick"));
        };
        let span = Span::new(from, from + length + 2);
        if length == 0 || length > NAME_MAX {
            return Err(Problem::syntax(span, format!("a name has 1 to {NAME_MAX} bytes")));
        }
        self.at = span.to;
        Ok(TokenKind::Name(inner[..length].into(), true))
    }

    fn text(&mut self, quote: char) -> Result<TokenKind, Problem> {
        let from = self.at;
        let mut value = String::new();
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((offset, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at = from + offset + 1;
                    return Ok(TokenKind::Text(value.into()));
                }
                '\\' => match chars.next() {
                    Some((_, c @ ('\\' | '"' | '\''))) => value.push(c),
                    _ => {
                        let span = Span::new(from + offset, from + offset + 1);
                        return Err(Problem::syntax(span, "a backslash may stand only before a quote or a backslash"));
                    }
                },
                c => value.push(c),
            }
            if value.len() > TEXT_MAX {
                return Err(Problem::too_long(
                    Span::new(from, from + offset),
                    format!("a text of more than {TEXT_MAX} bytes"),
                ));
            }
        }
        Err(Problem::syntax(Span::new(from, self.source.len()), "the text has no closing quote"))
    }

    fn number(&mut self) -> Result<TokenKind, Problem> {
        let from = self.at;
        let length = number_length(self.rest());
        let digits = &self.rest()[..length];
        let span = Span::new(from, from + length);
        if length > NAME_MAX {
            return Err(Problem::too_long(span, format!("a number of more than {NAME_MAX} digits")));
        }
        let value = digits.parse::<f64>().ok().filter(|value| value.is_finite());
        let Some(value) = value else { return Err(Problem::syntax(span, format!("{digits} is not a number"))) };
        let exact = digits.parse().or_else(|_| Decimal::from_scientific(digits)).ok();
        self.at += length;
        let mut measure = self.unit(span)?.unwrap_or_else(Measure::none);
        if measure.unit.is_some_and(|unit| unit.code() == "KEL") {
            measure.kind = Kind::Either;
        }
        Ok(TokenKind::Number(Literal { value, exact, measure }))
    }

    /// The unit after a number: `°C`, `kW`, `CEL`, `K/min`, `[CEL]`. A keyword is no unit; any other word must be one.
    fn unit(&mut self, number: Span) -> Result<Option<Measure>, Problem> {
        let number_end = self.at;
        self.skip_space();
        let rest = self.rest();
        if let Some(inner) = rest.strip_prefix('[') {
            let length = inner.find(']').unwrap_or(inner.len());
            let span = Span::new(self.at, (self.at + length + 2).min(self.source.len()));
            let code = inner[..length].trim();
            let measure = Unit::of(code).ok().map(Measure::of).or_else(|| Measure::parse(code));
            let (Some(measure), true) = (measure, length < inner.len()) else { return Err(unknown_unit(code, span)) };
            self.at = span.to;
            return Ok(Some(measure));
        }
        let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        if KEYWORDS.contains(&&rest[..word]) {
            self.at = number_end;
            return Ok(None);
        }
        if let Some((measure, length)) = Measure::at(rest) {
            self.at += length;
            return Ok(Some(measure));
        }
        if word > 0 {
            return Err(unknown_unit(&rest[..word], Span::new(number.from, self.at + word)));
        }
        self.at = number_end;
        Ok(None)
    }
}

fn unknown_unit(written: &str, span: Span) -> Problem {
    let shown: String = written.chars().take(24).collect();
    Problem::unknown_unit(span, format!("{shown:?} is not a known unit"))
        .hint("use a symbol such as °C, kW, min, m³/h, %, or a UN/ECE Rec 20 code in brackets such as [CEL]")
}

/// Digits, a fraction, and an exponent when digits follow it.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(0);
    if text[length..].starts_with('.') && digits(length + 1) > 0 {
        length += 1 + digits(length + 1);
    }
    if text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['+', '-']));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}
