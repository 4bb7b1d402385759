//! The expression language: source → tokens → tree → checked terms → flat program. The language is described in the README.

mod ast;
mod lex;
mod lower;
mod operators;
mod parse;
mod problem;
pub(crate) mod program;
mod symbols;
mod term;

pub use problem::{Problem, Span};
pub use symbols::Symbols;

use kernel::Timestamp;

use crate::{
    frame::{Frame, Layout},
    units::{Kind, Measure},
    value::{Outcome, Reading, Truth},
};
use ast::{Comparison, NodeKind, Tree};
use lower::Lowerer;
use operators::{arithmetic, compare, not};
use program::Program;
use term::{Term, Type};

/// Bytes of source.
pub const SOURCE_MAX: usize = 4096;
/// Tokens.
pub const TOKENS_MAX: usize = 1024;
/// Nodes of the tree.
pub const NODES_MAX: usize = 512;
/// Levels of parentheses, calls, signs and right-hand sides.
pub const DEPTH_MAX: usize = 32;
/// Levels of the tree, chains of equal operators included.
pub const HEIGHT_MAX: usize = 160;
/// Cells of a program's stack.
pub const STACK_MAX: usize = 32;
/// Windows of one rule.
pub const WINDOWS_MAX: usize = 16;
/// The longest window.
pub const WINDOW_MAX_DAYS: i64 = 31;

/// What an expression computes.
#[derive(Clone, Debug)]
pub enum ResultType {
    /// A condition.
    Condition,
    /// A number and what it measures.
    Number(Measure),
}

/// A compiled expression over the properties of one thing model: a condition, or a number in a unit (a virtual property).
#[derive(Clone, Debug)]
pub struct Expression {
    layout: Layout,
    program: Program,
    result: ResultType,
}

impl Expression {
    /// Checks and compiles. The result is in whatever unit the expression works out to; see [`Expression::compile_in`].
    pub fn compile(source: &str, symbols: &Symbols) -> Result<Self, Problem> {
        Self::compile_to(source, symbols, None)
    }

    /// Checks and compiles a number and brings it to a unit, written like a literal's: `kW`, `kWh/m³`.
    pub fn compile_in(source: &str, symbols: &Symbols, unit: &str) -> Result<Self, Problem> {
        let Some(measure) = Measure::parse(unit) else {
            return Err(Problem::unknown_unit(Span::default(), format!("{unit:?} is not a known unit")));
        };
        Self::compile_to(source, symbols, Some(measure))
    }

    fn compile_to(source: &str, symbols: &Symbols, target: Option<Measure>) -> Result<Self, Problem> {
        let mut layout = Layout::default();
        let tree = parse::parse(source)?;
        let mut term = Lowerer { symbols, layout: &mut layout }.term(&tree, tree.root)?;
        if let Some(target) = target {
            convert_result(&mut term, target)?;
        }
        let result = match &term.ty {
            Type::Bool => ResultType::Condition,
            Type::Number(measure) => ResultType::Number(measure.clone()),
            Type::Text => return Err(Problem::types(term.span, "a text is not a result").hint("compare it with `==`")),
        };
        let program = assemble(term, &mut layout)?;
        Ok(Self { layout, program, result })
    }

    /// What it computes.
    pub fn result(&self) -> &ResultType {
        &self.result
    }

    /// The properties it needs, in the order of first mention.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.layout.inputs.iter().map(|(id, _)| &**id)
    }
}

fn convert_result(term: &mut Term, mut target: Measure) -> Result<(), Problem> {
    // Kelvins are asked for both as temperatures and as differences.
    if target.unit.is_some_and(|unit| unit.code() == "KEL") && term.measure()?.kind != Kind::Point {
        target.kind = Kind::Amount;
    }
    // A stand-in that is measured in the wanted unit; what is aligned with it takes its scale.
    let span = term.span;
    let mut wanted = Term::new(program::Op::Load(0), Type::Number(target), span);
    term::align(&mut wanted, term, span).map(drop)
}

fn assemble(term: Term, layout: &mut Layout) -> Result<Program, Problem> {
    let span = term.span;
    let Some(program) = Program::new(term.ops) else {
        return Err(Problem::too_deep(span, format!("needs more than {STACK_MAX} values at once"))
            .hint("split the rule into several"));
    };
    layout.watch(&program);
    Ok(program)
}

/// Compiles a condition into a layout shared with others.
pub(crate) fn condition(source: &str, symbols: &Symbols, layout: &mut Layout) -> Result<Program, Problem> {
    let tree = parse::parse(source)?;
    let term = Lowerer { symbols, layout }.condition(&tree, tree.root)?;
    assemble(term, layout)
}

/// The condition under which `raise`, which must be one comparison, is over by a margin: `not (a > b - margin)`.
pub(crate) fn past_deadband(
    raise: &str,
    margin: &str,
    symbols: &Symbols,
    layout: &mut Layout,
) -> Result<Program, Problem> {
    let tree = parse::parse(raise)?;
    let root = tree.node(tree.root);
    let NodeKind::Compare(op, left, right) = root.kind else { return Err(no_deadband(&tree)) };
    let sign = match op {
        Comparison::Greater | Comparison::GreaterOrEqual => ast::Arithmetic::Subtract,
        Comparison::Less | Comparison::LessOrEqual => ast::Arithmetic::Add,
        Comparison::Equal | Comparison::NotEqual => return Err(no_deadband(&tree)),
    };
    let margin_tree = parse::parse(margin)?;
    let mut lowerer = Lowerer { symbols, layout };
    let margin = lowerer.term(&margin_tree, margin_tree.root)?;
    if !margin.constant.is_some_and(|margin| margin >= 0.0) {
        return Err(
            Problem::types(margin.span, "a deadband is a constant that is not negative").hint("write `2 K` or `5 kW`")
        );
    }
    margin.amount()?;
    let (left, right) = (lowerer.term(&tree, left)?, lowerer.term(&tree, right)?);
    let limit = arithmetic(sign, right, margin, root.span)?;
    let over = not(compare(op, left, limit, root.span)?, root.span);
    assemble(over, layout)
}

fn no_deadband(tree: &Tree) -> Problem {
    Problem::types(tree.node(tree.root).span, "a deadband needs a condition that is one comparison with <, <=, > or >=")
        .hint("give the condition for the return to normal as an expression instead")
}

/// An expression applied to one subject: feed it values, ask it for the answer.
#[derive(Clone, Debug)]
pub struct Evaluator<'a> {
    expression: &'a Expression,
    frame: Frame,
}

impl<'a> Evaluator<'a> {
    /// An evaluator that has seen nothing, from `start` on.
    pub fn new(expression: &'a Expression, start: Timestamp) -> Self {
        Self { expression, frame: Frame::new(&expression.layout, start) }
    }

    /// Takes one value in.
    pub fn feed(&mut self, at: Timestamp, reading: Reading<'_>) -> Outcome {
        let layout = &self.expression.layout;
        match layout.slot(reading.property) {
            Some(slot) => self.frame.apply(layout, slot, at.micros(), reading.value, reading.quality),
            None => Outcome::Ignored,
        }
    }

    /// The number at a moment (not before the newest value); none when it is unknown. A condition gives 0 or 1.
    pub fn number(&self, now: Timestamp) -> Option<f64> {
        Some(self.expression.program.run(&self.frame, now.micros())).filter(|value| !value.is_nan())
    }

    /// Whether the condition holds at a moment. A number holds when it is not 0.
    pub fn truth(&self, now: Timestamp) -> Truth {
        Truth::of(self.expression.program.run(&self.frame, now.micros()))
    }
}
