//! From the tree to a program: names are looked up, types and units checked, constants folded, operations chosen.

use super::{
    WINDOW_MAX_DAYS, WINDOWS_MAX,
    ast::{Arithmetic, Function, Logic, NodeId, NodeKind, Tree},
    operators::{apply_unary, arithmetic, compare, join, not, power, unlike},
    problem::{Problem, Span},
    program::{Op, TextSource},
    symbols::Symbols,
    term::{Term, Type, align},
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
                term.make_plain()?;
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
