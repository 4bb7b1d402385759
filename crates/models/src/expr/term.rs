//! A checked piece of an expression: its operations, its type, and what is known of it already. The rules for bringing two
//! numbers to one scale are here.

use kernel::{Decimal, Dimension};
use rust_decimal::prelude::ToPrimitive;

use super::{
    problem::{Problem, Span},
    program::{Op, TextSource},
};
use crate::units::{Dims, Kind, Measure};

#[derive(Clone, Debug)]
pub(crate) enum Type {
    Bool,
    Text,
    Number(Measure),
}

impl Type {
    pub(crate) fn describe(&self) -> String {
        match self {
            Type::Bool => "a condition".into(),
            Type::Text => "a text".into(),
            Type::Number(measure) => format!("a number ({measure})"),
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Term {
    pub ops: Vec<Op>,
    pub ty: Type,
    pub span: Span,
    pub constant: Option<f64>,
    /// The constant as written, as long as it is in the unit it was written in.
    pub exact: Option<Decimal>,
    pub text: Option<TextSource>,
}

impl Term {
    pub(crate) fn new(op: Op, ty: Type, span: Span) -> Self {
        Self { ops: vec![op], ty, span, constant: None, exact: None, text: None }
    }

    pub(crate) fn constant(value: f64, measure: Measure, span: Span) -> Self {
        Self { constant: Some(value), ..Self::new(Op::Constant(value), Type::Number(measure), span) }
    }

    pub(crate) fn text(source: TextSource, span: Span) -> Self {
        Self { ops: Vec::new(), ty: Type::Text, span, constant: None, exact: None, text: Some(source) }
    }

    /// The measure of a number, or a refusal that says what it is instead.
    pub(crate) fn measure(&self) -> Result<&Measure, Problem> {
        match &self.ty {
            Type::Number(measure) => Ok(measure),
            other => {
                Err(Problem::types(self.span, format!("a number is needed here, and this is {}", other.describe())))
            }
        }
    }

    /// The measure of something that can be multiplied: a point on a temperature scale cannot.
    pub(crate) fn amount(&self) -> Result<Measure, Problem> {
        let measure = self.measure()?;
        if measure.kind == Kind::Point {
            let message = format!("a temperature on a scale, in {measure}, cannot be used in this operation");
            return Err(Problem::units(self.span, message)
                .hint("subtract a reference first, or write `kelvin(…)` for the thermodynamic temperature; amounts of temperature are written in K"));
        }
        Ok(measure.as_amount())
    }

    pub(crate) fn require_bool(&self) -> Result<(), Problem> {
        match &self.ty {
            Type::Bool => Ok(()),
            other => {
                let problem =
                    Problem::types(self.span, format!("a condition is needed here, and this is {}", other.describe()));
                Err(if matches!(other, Type::Number(_)) {
                    problem.hint("compare it with something, such as `x > 0`")
                } else {
                    problem
                })
            }
        }
    }

    /// Rewrites the number to another scale of its dimension: at once for a constant (exactly, where both units have exact
    /// factors), by one operation otherwise.
    pub(crate) fn convert(&mut self, target: &Measure, as_point: bool) -> Result<(), Problem> {
        let from = self.measure()?.clone();
        let (a, b) = if as_point { (from.offset, target.offset) } else { (0.0, 0.0) };
        if (from.factor, a) != (target.factor, b) {
            let exact = self.exact_in(&from, target, as_point);
            match self.constant {
                Some(value) => self.set_constant(exact.unwrap_or((value * from.factor + a - b) / target.factor)),
                None => {
                    self.ops.push(Op::Scale { factor: from.factor / target.factor, offset: (a - b) / target.factor })
                }
            }
        }
        self.exact = None;
        self.ty = Type::Number(if as_point { target.clone() } else { target.as_amount() });
        Ok(())
    }

    fn exact_in(&self, from: &Measure, target: &Measure, as_point: bool) -> Option<f64> {
        let (exact, from, to) = (self.exact?, from.unit?, target.unit?);
        // A difference of temperatures converts by its factor alone, which the kernel's conversion of points does not do.
        if from.dimension() == Dimension::Temperature && !as_point {
            return None;
        }
        from.convert(exact, to).ok()?.to_f64()
    }

    pub(crate) fn set_constant(&mut self, value: f64) {
        self.constant = Some(value);
        self.ops = vec![Op::Constant(value)];
    }

    /// A dimensionless number as a plain one, so that `50 %` is 0.5.
    pub(crate) fn make_plain(&mut self) -> Result<(), Problem> {
        let measure = self.amount()?;
        if measure.dims != Dims::NONE {
            return Err(Problem::units(
                self.span,
                format!("a number without a unit is needed here, and this is in {measure}"),
            )
            .hint("divide by a reference of the same kind first, such as `x / 1 kW`"));
        }
        self.convert(&Measure::none(), false)
    }
}

/// Refuses numbers of different dimensions by name, and gives a bare zero the unit of its neighbour.
pub(crate) fn same_dimension(a: &mut Term, b: &mut Term, span: Span) -> Result<(), Problem> {
    let (ma, mb) = (a.measure()?.clone(), b.measure()?.clone());
    if ma.dims == mb.dims {
        return match (lost_unit(a, &ma, b, &mb), lost_unit(b, &mb, a, &ma)) {
            (Some(problem), _) | (_, Some(problem)) => Err(problem),
            (None, None) => Ok(()),
        };
    }
    for (zero, bare, other) in [(&mut *a, &ma, &mb), (&mut *b, &mb, &ma)] {
        if zero.constant == Some(0.0) && bare.is_bare() && other.kind == Kind::Amount {
            zero.ty = Type::Number(other.clone());
            return Ok(());
        }
    }
    let hint = match (ma.is_bare() && a.constant.is_some(), mb.is_bare() && b.constant.is_some()) {
        (true, _) => {
            format!("write the unit after the number, such as `{} {}`", a.constant.unwrap_or(1.0), symbol(&mb))
        }
        (_, true) => {
            format!("write the unit after the number, such as `{} {}`", b.constant.unwrap_or(1.0), symbol(&ma))
        }
        _ => "compare and add only what measures the same thing".into(),
    };
    Err(Problem::units(span, format!("{ma} and {mb} measure different things")).hint(hint))
}

/// `load > 80` where load is in per cent would mean 8 000 %: nobody means that.
fn lost_unit(bare: &Term, measure: &Measure, other: &Term, theirs: &Measure) -> Option<Problem> {
    let value = bare.constant.filter(|value| *value != 0.0 && measure.is_bare())?;
    let unit = theirs.unit.filter(|_| theirs.factor != 1.0 && theirs.dims == Dims::NONE && other.constant.is_none())?;
    let symbol = unit.entry().symbol;
    Some(
        Problem::units(bare.span, format!("{value} has no unit, and the other side is in {theirs}"))
            .hint(format!("write `{value} {symbol}`, or `{value} ratio` for the plain ratio")),
    )
}

fn symbol(measure: &Measure) -> String {
    match (&measure.unit, &measure.written) {
        (Some(unit), _) => unit.entry().symbol.into(),
        (None, Some(written)) => written.to_string(),
        (None, None) => "(the unit)".into(),
    }
}

/// Brings two numbers to one scale so that they can be compared or chosen between. Constants give way to what is measured.
pub(crate) fn align(a: &mut Term, b: &mut Term, span: Span) -> Result<Measure, Problem> {
    same_dimension(a, b, span)?;
    let (ma, mb) = (a.measure()?.clone(), b.measure()?.clone());
    let as_point = match (ma.kind, mb.kind) {
        (Kind::Point, Kind::Point | Kind::Either) | (Kind::Either, Kind::Point) => true,
        (Kind::Amount | Kind::Either, Kind::Amount | Kind::Either) => false,
        (Kind::Point, Kind::Amount) | (Kind::Amount, Kind::Point) => {
            return Err(Problem::units(span, format!("{ma} and {mb} measure different things"))
                .hint("a difference of temperatures is written in K, a temperature in °C"));
        }
    };
    let give_way = (a.constant.is_some() && b.constant.is_none()) || (as_point && ma.kind == Kind::Either);
    let target = if give_way { mb } else { ma };
    a.convert(&target, as_point)?;
    b.convert(&target, as_point)?;
    Ok(b.measure()?.clone())
}
