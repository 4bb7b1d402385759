//! What operators do to types and units, and which operation they become.

use super::{
    ast::{Arithmetic, Comparison},
    problem::{Problem, Span},
    program::{Op, binary, unary},
    term::{Term, Type, align, same_dimension},
};
use crate::units::{Dims, Kind, Measure};

pub(crate) fn unlike(a: &Type, b: &Type, span: Span) -> Problem {
    Problem::types(span, format!("{} and {} cannot stand side by side here", a.describe(), b.describe()))
}

pub(crate) fn join<const N: usize>(op: Op, terms: [Term; N], ty: Type, span: Span) -> Term {
    let mut ops = Vec::with_capacity(terms.iter().map(|term| term.ops.len()).sum::<usize>() + 1);
    terms.into_iter().for_each(|term| ops.extend(term.ops));
    ops.push(op);
    Term { ops, ty, span, constant: None, exact: None, text: None }
}

pub(crate) fn apply_unary(op: Op, term: Term, measure: Measure, span: Span) -> Term {
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

pub(crate) fn power(mut base: Term, mut exponent: Term, span: Span) -> Result<Term, Problem> {
    exponent.make_plain()?;
    let measure = base.amount()?;
    if measure.dims == Dims::NONE {
        base.make_plain()?;
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
