//! From the tree to a program: names are looked up, types and units checked, constants folded, operations chosen.

use super::{
    WINDOW_MAX_DAYS, WINDOWS_MAX,
    ast::{Arithmetic, Comparison, Function, Logic, NodeId, NodeKind, Tree},
    problem::{Problem, Span},
    program::{Op, TextSource, binary, unary},
    symbols::Symbols,
    term::{Term, Type, align, same_dimension},
};
use crate::{
    frame::{Layout, PropertyType},
    units::{Dims, Kind, Measure},
};
use kernel::Dimension;

pub(crate) struct Lowerer<'a> {
    pub symbols: &'a Symbols,
    pub layout: &'a mut Layout,
}

impl Lowerer<'_> {
    pub(crate) fn term(&mut self, tree: &Tree, id: NodeId) -> Result<Term, Problem> {
        let node = tree.node(id);
        let span = node.span;
        match &node.kind {
            NodeKind::Number(literal) => {
                let term = Term::constant(literal.value, literal.measure.clone(), span);
                Ok(Term { exact: literal.exact, ..term })
            }
            NodeKind::Bool(value) => Ok(Term::new(Op::Constant(f64::from(u8::from(*value))), Type::Bool, span)),
            NodeKind::Text(text) => Ok(Term::text(TextSource::Literal(text.clone()), span)),
            NodeKind::Property(_) => {
                let (slot, property_type) = self.property(tree, id)?;
                Ok(match property_type {
                    PropertyType::Text => Term::text(TextSource::Current(slot), span),
                    PropertyType::Bool => Term::new(Op::Load(slot), Type::Bool, span),
                    PropertyType::Number(measure) => Term::new(Op::Load(slot), Type::Number(measure), span),
                })
            }
            NodeKind::Not(inner) => Ok(not(self.condition(tree, *inner)?, span)),
            NodeKind::Negate(inner) => {
                let term = self.term(tree, *inner)?;
                let measure = term.amount()?;
                Ok(apply_unary(Op::Negate, term, measure, span))
            }
            NodeKind::Arithmetic(op, left, right) => {
                arithmetic(*op, self.term(tree, *left)?, self.term(tree, *right)?, span)
            }
            NodeKind::Compare(op, left, right) => compare(*op, self.term(tree, *left)?, self.term(tree, *right)?, span),
            NodeKind::Logic(op, left, right) => {
                let (left, right) = (self.condition(tree, *left)?, self.condition(tree, *right)?);
                let op = if *op == Logic::And { Op::And } else { Op::Or };
                Ok(join(op, [left, right], Type::Bool, span))
            }
            NodeKind::Call(function, arguments) => self.call(tree, *function, arguments, span),
        }
    }

    pub(crate) fn condition(&mut self, tree: &Tree, id: NodeId) -> Result<Term, Problem> {
        let term = self.term(tree, id)?;
        term.require_bool()?;
        Ok(term)
    }

    fn property(&mut self, tree: &Tree, id: NodeId) -> Result<(u16, PropertyType), Problem> {
        let node = tree.node(id);
        let NodeKind::Property(name) = &node.kind else {
            return Err(Problem::types(node.span, "the id of a property is needed here, not a formula")
                .hint("history is kept of properties; make the formula a property of its own first"));
        };
        let property_type = self.symbols.find(name, node.span)?.clone();
        let slot = self.layout.slot(name).unwrap_or_else(|| {
            self.layout.inputs.push((name.clone(), property_type.clone()));
            (self.layout.inputs.len() - 1) as u16
        });
        Ok((slot, property_type))
    }

    /// A constant length of time, in microseconds.
    fn length(&mut self, tree: &Tree, id: NodeId) -> Result<i64, Problem> {
        let term = self.term(tree, id)?;
        let measure = term.measure()?;
        if measure.dims != Dims::of(Dimension::Time) {
            return Err(Problem::units(
                term.span,
                format!("a length of time is needed here, and this is in {measure}"),
            )
            .hint("write `30 s`, `5 min` or `1 h`"));
        }
        let Some(value) = term.constant else {
            return Err(Problem::types(term.span, "the length of time must be a constant")
                .hint("write `30 s`, `5 min` or `1 h`"));
        };
        let micros = value * measure.factor * 1e6;
        if !(1e3..=WINDOW_MAX_DAYS as f64 * 86_400e6).contains(&micros) {
            return Err(Problem::types(term.span, format!("a length of time is 1 ms to {WINDOW_MAX_DAYS} days")));
        }
        Ok(micros.round() as i64)
    }

    fn window(&mut self, slot: u16, length: i64, span: Span) -> Result<u16, Problem> {
        let wanted = (slot, length);
        let known = self.layout.windows.iter().position(|window| *window == wanted);
        let index = known.unwrap_or(self.layout.windows.len());
        if index >= WINDOWS_MAX {
            return Err(
                Problem::too_long(span, format!("more than {WINDOWS_MAX} windows")).hint("split the rule into several")
            );
        }
        if known.is_none() {
            self.layout.windows.push(wanted);
        }
        Ok(index as u16)
    }

    fn call(&mut self, tree: &Tree, function: Function, arguments: &[NodeId], span: Span) -> Result<Term, Problem> {
        use crate::window::Statistic;
        match function {
            Function::Rate | Function::Avg | Function::MinOver | Function::MaxOver | Function::Delta => {
                let (slot, property_type) = self.property(tree, arguments[0])?;
                let measure = match property_type {
                    PropertyType::Number(measure) => measure,
                    // The mean of a truth value is the share of time for which it held.
                    PropertyType::Bool if function == Function::Avg => Measure::none(),
                    _ => {
                        let message = format!("{} works on numbers", function.name());
                        return Err(Problem::types(tree.node(arguments[0]).span, message));
                    }
                };
                let length = self.length(tree, arguments[1])?;
                let window = self.window(slot, length, span)?;
                let (statistic, measure) = match function {
                    Function::Avg => (Statistic::Mean, measure),
                    Function::MinOver => (Statistic::Minimum, measure),
                    Function::MaxOver => (Statistic::Maximum, measure),
                    _ => (Statistic::Delta, measure.as_amount()),
                };
                let term = Term::new(Op::Window(window, statistic), Type::Number(measure), span);
                if function == Function::Rate {
                    arithmetic(Arithmetic::Divide, term, seconds(length, span), span)
                } else {
                    Ok(term)
                }
            }
            Function::Age => {
                let (slot, _) = self.property(tree, arguments[0])?;
                Ok(Term::new(Op::Age(slot), Type::Number(second()), span))
            }
            Function::Absent => {
                let (slot, _) = self.property(tree, arguments[0])?;
                Ok(Term::new(Op::Absent(slot, self.length(tree, arguments[1])?), Type::Bool, span))
            }
            Function::Changed => {
                let (slot, _) = self.property(tree, arguments[0])?;
                Ok(Term::new(Op::Changed(slot), Type::Bool, span))
            }
            Function::Prev => {
                let (slot, property_type) = self.property(tree, arguments[0])?;
                Ok(match property_type {
                    PropertyType::Text => Term::text(TextSource::Previous(slot), span),
                    PropertyType::Bool => Term::new(Op::Previous(slot), Type::Bool, span),
                    PropertyType::Number(measure) => Term::new(Op::Previous(slot), Type::Number(measure), span),
                })
            }
            Function::If => {
                let condition = self.condition(tree, arguments[0])?;
                let (mut yes, mut no) = (self.term(tree, arguments[1])?, self.term(tree, arguments[2])?);
                let ty = match (&yes.ty, &no.ty) {
                    (Type::Bool, Type::Bool) => Type::Bool,
                    (Type::Number(_), Type::Number(_)) => Type::Number(align(&mut yes, &mut no, span)?),
                    (a, b) => return Err(unlike(a, b, span)),
                };
                Ok(join(Op::If, [condition, yes, no], ty, span))
            }
            Function::Min | Function::Max => {
                let (mut a, mut b) = (self.term(tree, arguments[0])?, self.term(tree, arguments[1])?);
                let measure = align(&mut a, &mut b, span)?;
                let op = if function == Function::Min { Op::Min } else { Op::Max };
                Ok(join(op, [a, b], Type::Number(measure), span))
            }
            Function::Clamp => {
                let mut value = self.term(tree, arguments[0])?;
                if value.constant.is_some() {
                    return Err(Problem::types(value.span, "the value to clamp is a constant").hint(function.usage()));
                }
                let (mut low, mut high) = (self.term(tree, arguments[1])?, self.term(tree, arguments[2])?);
                align(&mut value, &mut low, span)?;
                let measure = align(&mut value, &mut high, span)?;
                Ok(join(Op::Clamp, [value, low, high], Type::Number(measure), span))
            }
            Function::Abs => {
                let term = self.term(tree, arguments[0])?;
                let measure = term.amount()?;
                Ok(apply_unary(Op::Abs, term, measure, span))
            }
            Function::Sqrt => {
                let term = self.term(tree, arguments[0])?;
                let measure = term.amount()?;
                let Some(dims) = measure.dims.root() else {
                    return Err(Problem::units(term.span, format!("{measure} has no square root with a whole unit")));
                };
                Ok(apply_unary(Op::Sqrt, term, Measure::amount(dims, measure.factor.sqrt()), span))
            }
            Function::Exp | Function::Ln => {
                let mut term = self.term(tree, arguments[0])?;
                term.to_plain()?;
                let op = if function == Function::Exp { Op::Exp } else { Op::Ln };
                Ok(apply_unary(op, term, Measure::none(), span))
            }
            Function::Pow => power(self.term(tree, arguments[0])?, self.term(tree, arguments[1])?, span),
            Function::Kelvin => {
                let mut term = self.term(tree, arguments[0])?;
                let measure = term.measure()?.clone();
                if measure.kind == Kind::Amount {
                    return Err(Problem::types(
                        term.span,
                        format!("kelvin takes a temperature, and this is in {measure}"),
                    ));
                }
                let kelvin = Measure { offset: 0.0, factor: 1.0, unit: None, ..measure };
                term.convert(&kelvin, true)?;
                term.ty = Type::Number(Measure::amount(kelvin.dims, 1.0));
                Ok(Term { span, ..term })
            }
            Function::Radians => {
                let mut term = self.term(tree, arguments[0])?;
                let measure = term.amount()?;
                let (angle, rest) = measure.dims.without_angle();
                if angle == 0 {
                    return Err(Problem::units(
                        term.span,
                        format!("radians takes an angle or a speed of rotation, and this is in {measure}"),
                    ));
                }
                term.ty = Type::Number(Measure::amount(rest, measure.factor));
                Ok(Term { span, exact: None, ..term })
            }
        }
    }
}

fn second() -> Measure {
    Measure::parse("s").unwrap_or_else(Measure::none)
}

fn seconds(micros: i64, span: Span) -> Term {
    Term::constant(micros as f64 / 1e6, second(), span)
}

fn unlike(a: &Type, b: &Type, span: Span) -> Problem {
    Problem::types(span, format!("{} and {} cannot stand side by side here", a.describe(), b.describe()))
}

fn join<const N: usize>(op: Op, terms: [Term; N], ty: Type, span: Span) -> Term {
    let mut ops = Vec::with_capacity(terms.iter().map(|term| term.ops.len()).sum::<usize>() + 1);
    terms.into_iter().for_each(|term| ops.extend(term.ops));
    ops.push(op);
    Term { ops, ty, span, constant: None, exact: None, text: None }
}

fn apply_unary(op: Op, term: Term, measure: Measure, span: Span) -> Term {
    match term.constant {
        Some(value) => Term::constant(unary(&op, value), measure, span),
        None => join(op, [term], Type::Number(measure), span),
    }
}

pub(crate) fn not(term: Term, span: Span) -> Term {
    join(Op::Not, [term], Type::Bool, span)
}

pub(crate) fn arithmetic(op: Arithmetic, mut a: Term, mut b: Term, span: Span) -> Result<Term, Problem> {
    let measure = match op {
        Arithmetic::Add | Arithmetic::Subtract => sum(op, &mut a, &mut b, span)?,
        Arithmetic::Multiply | Arithmetic::Divide => product(op, &a, &b, span)?,
    };
    let op = Op::Arithmetic(op);
    if let (Some(x), Some(y)) = (a.constant, b.constant) {
        let value = binary(&op, x, y);
        if value.is_nan() {
            return Err(
                Problem::types(span, "this has no finite value").hint("a constant is divided by zero, or is too large")
            );
        }
        return Ok(Term::constant(value, measure, span));
    }
    Ok(join(op, [a, b], Type::Number(measure), span))
}

fn sum(op: Arithmetic, a: &mut Term, b: &mut Term, span: Span) -> Result<Measure, Problem> {
    use Kind::*;
    same_dimension(a, b, span)?;
    let (ma, mb) = (a.measure()?.clone(), b.measure()?.clone());
    let (a_point, b_point, result) = match (op, ma.kind, mb.kind) {
        (_, Either, Either) => (false, false, Either),
        (_, Amount | Either, Amount | Either) => (false, false, Amount),
        (_, Point, Amount | Either) => (true, false, Point),
        (Arithmetic::Add, Amount | Either, Point) => (false, true, Point),
        (Arithmetic::Subtract, Point | Either, Point) => (true, true, Amount),
        _ => {
            return Err(Problem::units(span, format!("{ma} and {mb} are not two amounts"))
                .hint("two temperatures differ by an amount but have no sum; an amount of temperature is written in K, such as `+ 5 K`"));
        }
    };
    // The scale of a point wins, then the scale of what is measured, then that of the left side.
    let right_wins = match (a_point && ma.kind == Point, b_point) {
        (true, true) | (false, false) => a.constant.is_some() && b.constant.is_none(),
        (mine, _) => !mine,
    };
    let target = if right_wins { mb } else { ma };
    a.convert(&target, a_point)?;
    b.convert(&target, b_point)?;
    Ok(match result {
        Point => target,
        Either => Measure { kind: Either, ..target },
        Amount => target.as_amount(),
    })
}

fn product(op: Arithmetic, a: &Term, b: &Term, span: Span) -> Result<Measure, Problem> {
    let (ma, mb) = (a.amount()?, b.amount()?);
    // A plain factor leaves the unit as it is, name and all.
    if mb.is_bare() {
        return Ok(ma);
    }
    if ma.is_bare() && op == Arithmetic::Multiply {
        return Ok(mb);
    }
    let (power, factor) =
        if op == Arithmetic::Multiply { (1, ma.factor * mb.factor) } else { (-1, ma.factor / mb.factor) };
    match ma.dims.times(mb.dims, power) {
        Some(dims) if factor.is_normal() => Ok(Measure::amount(dims, factor)),
        _ => Err(Problem::units(span, format!("{ma} and {mb} make no sensible unit"))),
    }
}

fn power(mut base: Term, mut exponent: Term, span: Span) -> Result<Term, Problem> {
    exponent.to_plain()?;
    let measure = base.amount()?;
    if measure.dims == Dims::NONE {
        base.to_plain()?;
        return Ok(match (base.constant, exponent.constant) {
            (Some(x), Some(y)) => Term::constant(binary(&Op::Pow, x, y), Measure::none(), span),
            _ => join(Op::Pow, [base, exponent], Type::Number(Measure::none()), span),
        });
    }
    let whole = exponent.constant.filter(|n| n.fract() == 0.0 && n.abs() <= 6.0);
    let Some(whole) = whole else {
        return Err(Problem::units(
            exponent.span,
            format!("{measure} can be raised only to a whole constant power up to 6"),
        )
        .hint("divide by a reference of the same kind first"));
    };
    let factor = measure.factor.powi(whole as i32);
    match Dims::NONE.times(measure.dims, whole as i8) {
        Some(dims) if factor.is_normal() => {
            Ok(join(Op::Pow, [base, exponent], Type::Number(Measure::amount(dims, factor)), span))
        }
        _ => Err(Problem::units(span, format!("{measure} to the power of {whole} makes no sensible unit"))),
    }
}

pub(crate) fn compare(op: Comparison, mut a: Term, mut b: Term, span: Span) -> Result<Term, Problem> {
    let equality = matches!(op, Comparison::Equal | Comparison::NotEqual);
    match (&a.ty, &b.ty) {
        (Type::Number(_), Type::Number(_)) => {
            align(&mut a, &mut b, span)?;
            Ok(compare_numbers(op, a, b, span))
        }
        (Type::Bool, Type::Bool) if equality => Ok(join(Op::Compare(op), [a, b], Type::Bool, span)),
        (Type::Text, Type::Text) if equality => match (a.text, b.text) {
            (Some(left), Some(right)) => {
                let equal = op == Comparison::Equal;
                Ok(Term::new(Op::CompareText { left, right, equal }, Type::Bool, span))
            }
            _ => Err(Problem::types(span, "only properties and literal texts can be compared")),
        },
        (a, b) if equality || matches!((a, b), (Type::Number(_), _) | (_, Type::Number(_))) => Err(unlike(a, b, span)),
        (a, _) => Err(Problem::types(span, format!("{} has no order", a.describe())).hint("compare with `==` or `!=`")),
    }
}

fn compare_numbers(op: Comparison, a: Term, b: Term, span: Span) -> Term {
    let fused = match (&a.ops[..], b.constant, &b.ops[..], a.constant) {
        ([only], Some(constant), _, _) => fuse(only, op, constant),
        (_, _, [only], Some(constant)) => fuse(only, op.mirrored(), constant),
        _ => None,
    };
    match fused {
        Some(op) => Term::new(op, Type::Bool, span),
        None => join(Op::Compare(op), [a, b], Type::Bool, span),
    }
}

fn fuse(only: &Op, op: Comparison, constant: f64) -> Option<Op> {
    match only {
        Op::Load(slot) => Some(Op::CompareConstant(*slot, op, constant)),
        Op::Age(slot) if constant.abs() < 1e9 => Some(Op::CompareAge(*slot, op, (constant * 1e6).round() as i64)),
        _ => None,
    }
}
