//! Tokens to a tree, by binding power (Pratt). Every limit is checked before the node it concerns is made.

use std::sync::Arc;

use super::{
    DEPTH_MAX, HEIGHT_MAX, NODES_MAX, SOURCE_MAX,
    ast::{Arithmetic, Comparison, Function, Logic, Node, NodeId, NodeKind, Tree},
    lex::{Token, TokenKind, lex},
    problem::{Problem, Span},
};

pub(crate) fn parse(source: &str) -> Result<Tree, Problem> {
    if source.len() > SOURCE_MAX {
        return Err(Problem::too_long(Span::new(SOURCE_MAX, source.len()), format!("longer than {SOURCE_MAX} bytes"))
            .hint("split the rule into several"));
    }
    let tokens = lex(source)?;
    let mut parser = Parser { nodes: Vec::with_capacity(tokens.len().min(NODES_MAX)), tokens, at: 0, depth: 0 };
    let root = parser.expression(0)?;
    let rest = parser.peek();
    match &rest.kind {
        TokenKind::End => Ok(Tree { nodes: parser.nodes, root }),
        TokenKind::Symbol(")") => Err(Problem::syntax(rest.span, "a closing parenthesis without its opening one")),
        _ => Err(Problem::syntax(rest.span, "an operator is missing before this")),
    }
}

enum Infix {
    Arithmetic(Arithmetic),
    Compare(Comparison),
    Logic(Logic),
}

const NOT_POWER: u8 = 5;
const COMPARE_POWER: u8 = 7;
const NEGATE_POWER: u8 = 13;

/// How tightly an operator binds: `or`, `and`, `not`, comparison, sum, product, sign.
fn infix(kind: &TokenKind) -> Option<(Infix, u8)> {
    use {Arithmetic::*, Comparison::*};
    Some(match kind {
        TokenKind::Name(name, false) if &**name == "or" => (Infix::Logic(Logic::Or), 1),
        TokenKind::Name(name, false) if &**name == "and" => (Infix::Logic(Logic::And), 3),
        TokenKind::Symbol(symbol) => match *symbol {
            "||" => (Infix::Logic(Logic::Or), 1),
            "&&" => (Infix::Logic(Logic::And), 3),
            "<" => (Infix::Compare(Less), COMPARE_POWER),
            "<=" => (Infix::Compare(LessOrEqual), COMPARE_POWER),
            ">" => (Infix::Compare(Greater), COMPARE_POWER),
            ">=" => (Infix::Compare(GreaterOrEqual), COMPARE_POWER),
            "==" => (Infix::Compare(Equal), COMPARE_POWER),
            "!=" => (Infix::Compare(NotEqual), COMPARE_POWER),
            "+" => (Infix::Arithmetic(Add), 9),
            "-" => (Infix::Arithmetic(Subtract), 9),
            "*" => (Infix::Arithmetic(Multiply), 11),
            "/" => (Infix::Arithmetic(Divide), 11),
            _ => return None,
        },
        _ => return None,
    })
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    nodes: Vec<Node>,
    depth: usize,
}

impl Parser {
    /// The current token; the last one is always the end, and is never passed.
    fn peek(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn next(&mut self) -> Token {
        let token = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    fn expression(&mut self, power_min: u8) -> Result<NodeId, Problem> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Problem::too_deep(self.peek().span, format!("nested more than {DEPTH_MAX} levels"))
                .hint("split the rule into several"));
        }
        let mut left = self.operand()?;
        let mut compared = false;
        while let Some((operator, power)) = infix(&self.peek().kind) {
            if power < power_min {
                break;
            }
            let token = self.next();
            if matches!(operator, Infix::Compare(_)) && std::mem::replace(&mut compared, true) {
                return Err(
                    Problem::syntax(token.span, "comparisons cannot be chained").hint("write `a < b and b < c`")
                );
            }
            let right = self.expression(power + 1)?;
            let span = self.span(left).to_end_of(self.span(right));
            let kind = match operator {
                Infix::Arithmetic(op) => NodeKind::Arithmetic(op, left, right),
                Infix::Compare(op) => NodeKind::Compare(op, left, right),
                Infix::Logic(op) => {
                    compared = false;
                    NodeKind::Logic(op, left, right)
                }
            };
            left = self.push(kind, span, &[left, right])?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<NodeId, Problem> {
        let token = self.next();
        match token.kind {
            TokenKind::Number(literal) => self.push(NodeKind::Number(literal), token.span, &[]),
            TokenKind::Text(text) => self.push(NodeKind::Text(text), token.span, &[]),
            TokenKind::Name(name, quoted) => self.named(name, quoted, token.span),
            TokenKind::Symbol("(") => {
                let inner = self.expression(0)?;
                self.close(token.span)?;
                Ok(inner)
            }
            TokenKind::Symbol("-") => self.negated(token.span),
            TokenKind::Symbol("!") => self.not(token.span),
            TokenKind::Symbol(symbol) => {
                Err(Problem::syntax(token.span, format!("a value is missing before `{symbol}`")))
            }
            TokenKind::End => Err(Problem::syntax(token.span, "the expression ends where a value is missing")),
        }
    }

    fn named(&mut self, name: Arc<str>, quoted: bool, span: Span) -> Result<NodeId, Problem> {
        match &*name {
            _ if quoted => self.push(NodeKind::Property(name), span, &[]),
            "true" | "false" => self.push(NodeKind::Bool(&*name == "true"), span, &[]),
            "not" => self.not(span),
            "and" | "or" => Err(Problem::syntax(span, format!("a value is missing before `{name}`"))),
            _ if matches!(self.peek().kind, TokenKind::Symbol("(")) => self.call(&name, span),
            _ => self.push(NodeKind::Property(name), span, &[]),
        }
    }

    fn not(&mut self, span: Span) -> Result<NodeId, Problem> {
        let inner = self.expression(NOT_POWER)?;
        let span = span.to_end_of(self.span(inner));
        self.push(NodeKind::Not(inner), span, &[inner])
    }

    /// The sign of a literal belongs to it, so that `-5 °C` is a temperature.
    fn negated(&mut self, span: Span) -> Result<NodeId, Problem> {
        if let TokenKind::Number(literal) = &self.peek().kind {
            let mut literal = literal.clone();
            literal.value = -literal.value;
            literal.exact = literal.exact.map(|exact| -exact);
            let span = span.to_end_of(self.next().span);
            return self.push(NodeKind::Number(literal), span, &[]);
        }
        let inner = self.expression(NEGATE_POWER)?;
        let span = span.to_end_of(self.span(inner));
        self.push(NodeKind::Negate(inner), span, &[inner])
    }

    fn call(&mut self, name: &str, span: Span) -> Result<NodeId, Problem> {
        let Some(function) = Function::named(name) else {
            let known: Vec<_> = Function::ALL.iter().map(|function| function.name()).collect();
            return Err(Problem::unknown_function(span, format!("there is no function {name:?}"))
                .hint(format!("use one of {}", known.join(", "))));
        };
        let open = self.next().span;
        let mut arguments = Vec::new();
        while !matches!(self.peek().kind, TokenKind::Symbol(")")) {
            if arguments.len() == function.arguments() {
                return Err(wrong_count(function, self.peek().span));
            }
            arguments.push(self.expression(0)?);
            match self.peek().kind {
                TokenKind::Symbol(",") => self.next(),
                _ => break,
            };
        }
        let span = span.to_end_of(self.close(open)?);
        if arguments.len() != function.arguments() {
            return Err(wrong_count(function, span));
        }
        let children = arguments.clone();
        self.push(NodeKind::Call(function, arguments), span, &children)
    }

    fn close(&mut self, open: Span) -> Result<Span, Problem> {
        let token = self.next();
        match token.kind {
            TokenKind::Symbol(")") => Ok(token.span),
            TokenKind::End => Err(Problem::syntax(open, "this parenthesis is never closed")),
            _ => Err(Problem::syntax(token.span, "an operator or a closing parenthesis is missing before this")),
        }
    }

    fn span(&self, id: NodeId) -> Span {
        self.nodes[usize::from(id)].span
    }

    fn push(&mut self, kind: NodeKind, span: Span, children: &[NodeId]) -> Result<NodeId, Problem> {
        if self.nodes.len() >= NODES_MAX {
            return Err(
                Problem::too_long(span, format!("more than {NODES_MAX} parts")).hint("split the rule into several")
            );
        }
        let height = 1 + children.iter().map(|id| self.nodes[usize::from(*id)].height).max().unwrap_or(0);
        if usize::from(height) > HEIGHT_MAX {
            return Err(Problem::too_deep(span, format!("more than {HEIGHT_MAX} operations on top of one another"))
                .hint("group the terms with parentheses, or split the rule into several"));
        }
        self.nodes.push(Node { kind, span, height });
        Ok((self.nodes.len() - 1) as NodeId)
    }
}

fn wrong_count(function: Function, span: Span) -> Problem {
    Problem::syntax(span, format!("{} takes {} arguments", function.name(), function.arguments()))
        .hint(format!("write {}", function.usage()))
}
