//! The compiled form: a flat list of operations on a small stack. There are no jumps, so every operation can later be done for
//! a whole column at once.
//!
//! A cell is an `f64`. A truth value is 0 or 1. Unknown is NaN inside, and only inside: arithmetic that leaves the finite
//! numbers gives unknown, comparisons with unknown are unknown, `and` and `or` are Kleene's.

use std::sync::Arc;

use super::{
    STACK_MAX,
    ast::{Arithmetic, Comparison},
};
use crate::{frame::Frame, window::Statistic};

pub(crate) const UNKNOWN: f64 = f64::NAN;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Constant(f64),
    Load(u16),
    Previous(u16),
    /// Seconds since the last usable value.
    Age(u16),
    /// Whether the age exceeds a constant: exact in microseconds, and its moment of change is known ahead.
    CompareAge(u16, Comparison, i64),
    Absent(u16, i64),
    Changed(u16),
    Window(u16, Statistic),
    CompareText {
        left: TextSource,
        right: TextSource,
        equal: bool,
    },
    /// The commonest rule of all: one property against one number.
    CompareConstant(u16, Comparison, f64),
    Compare(Comparison),
    Arithmetic(Arithmetic),
    Scale {
        factor: f64,
        offset: f64,
    },
    Negate,
    Not,
    And,
    Or,
    Abs,
    Sqrt,
    Pow,
    Exp,
    Ln,
    Min,
    Max,
    Clamp,
    If,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TextSource {
    Literal(Arc<str>),
    Current(u16),
    Previous(u16),
}

impl Op {
    /// How many cells it takes; each leaves one.
    pub(crate) fn takes(&self) -> usize {
        match self {
            Op::Constant(_) | Op::Load(_) | Op::Previous(_) | Op::Age(_) | Op::CompareAge(..) | Op::Absent(..) => 0,
            Op::Changed(_) | Op::Window(..) | Op::CompareText { .. } | Op::CompareConstant(..) => 0,
            Op::Scale { .. } | Op::Negate | Op::Not | Op::Abs | Op::Sqrt | Op::Exp | Op::Ln => 1,
            Op::Compare(_) | Op::Arithmetic(_) | Op::And | Op::Or | Op::Min | Op::Max | Op::Pow => 2,
            Op::Clamp | Op::If => 3,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Program(Box<[Op]>);

impl Program {
    /// None when it would need more stack than there is.
    pub(crate) fn new(ops: Vec<Op>) -> Option<Self> {
        let mut height = 0_usize;
        for op in &ops {
            height = height + 1 - op.takes();
            if height > STACK_MAX {
                return None;
            }
        }
        Some(Self(ops.into()))
    }

    pub(crate) fn ops(&self) -> &[Op] {
        &self.0
    }

    pub(crate) fn run(&self, frame: &Frame, now: i64) -> f64 {
        if let [op] = &*self.0 {
            return leaf(op, frame, now);
        }
        let mut stack = [0.0; STACK_MAX];
        let mut top = 0;
        for op in &self.0 {
            let takes = op.takes();
            top -= takes;
            stack[top] = match takes {
                0 => leaf(op, frame, now),
                1 => unary(op, stack[top]),
                2 => binary(op, stack[top], stack[top + 1]),
                _ => ternary(op, stack[top], stack[top + 1], stack[top + 2]),
            };
            top += 1;
        }
        stack[0]
    }
}

fn leaf(op: &Op, frame: &Frame, now: i64) -> f64 {
    match op {
        Op::CompareConstant(slot, comparison, constant) => compare(*comparison, frame.value(*slot), *constant),
        Op::Constant(value) => *value,
        Op::Load(slot) => frame.value(*slot),
        Op::Previous(slot) => frame.previous(*slot),
        Op::Age(slot) => frame.age(*slot, now).map_or(UNKNOWN, |age| age as f64 / 1e6),
        Op::CompareAge(slot, comparison, limit) => match frame.age(*slot, now) {
            Some(age) => truth(holds(*comparison, &age, limit)),
            None => UNKNOWN,
        },
        Op::Absent(slot, limit) => truth(frame.silence(*slot, now) >= *limit),
        Op::Changed(slot) => frame.changed(*slot).map_or(UNKNOWN, truth),
        Op::Window(index, statistic) => frame.statistic(*index, *statistic, now),
        Op::CompareText { left, right, equal } => match (frame.text(left), frame.text(right)) {
            (Some(left), Some(right)) => truth((left == right) == *equal),
            _ => UNKNOWN,
        },
        _ => UNKNOWN,
    }
}

pub(crate) fn unary(op: &Op, x: f64) -> f64 {
    match op {
        Op::Scale { factor, offset } => finite(x * factor + offset),
        Op::Negate => -x,
        Op::Not => 1.0 - x,
        Op::Abs => x.abs(),
        Op::Sqrt => finite(x.sqrt()),
        Op::Exp => finite(x.exp()),
        Op::Ln => finite(x.ln()),
        _ => UNKNOWN,
    }
}

pub(crate) fn binary(op: &Op, a: f64, b: f64) -> f64 {
    match op {
        Op::Compare(comparison) => compare(*comparison, a, b),
        Op::Arithmetic(Arithmetic::Add) => finite(a + b),
        Op::Arithmetic(Arithmetic::Subtract) => finite(a - b),
        Op::Arithmetic(Arithmetic::Multiply) => finite(a * b),
        Op::Arithmetic(Arithmetic::Divide) => finite(a / b),
        Op::Pow => match a.is_nan() || b.is_nan() {
            // `powf` calls 1 to the power of NaN one; unknown stays unknown here.
            true => UNKNOWN,
            false => finite(a.powf(b)),
        },
        // One side known to decide decides, whatever the other may be.
        Op::And => match a == 0.0 || b == 0.0 {
            true => 0.0,
            false => a * b,
        },
        Op::Or => match a == 1.0 || b == 1.0 {
            true => 1.0,
            false => a + b,
        },
        // `f64::min` prefers the known side; a minimum with an unknown side is unknown.
        Op::Min => {
            if a.is_nan() || b.is_nan() {
                UNKNOWN
            } else {
                a.min(b)
            }
        }
        Op::Max => {
            if a.is_nan() || b.is_nan() {
                UNKNOWN
            } else {
                a.max(b)
            }
        }
        _ => UNKNOWN,
    }
}

pub(crate) fn ternary(op: &Op, a: f64, b: f64, c: f64) -> f64 {
    match op {
        Op::Clamp if a.is_nan() || b.is_nan() || c.is_nan() || b > c => UNKNOWN,
        Op::Clamp => a.max(b).min(c),
        Op::If if a.is_nan() => UNKNOWN,
        Op::If if a == 0.0 => c,
        Op::If => b,
        _ => UNKNOWN,
    }
}

fn compare(comparison: Comparison, a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { UNKNOWN } else { truth(holds(comparison, &a, &b)) }
}

fn holds<T: PartialOrd>(comparison: Comparison, a: &T, b: &T) -> bool {
    match comparison {
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
        Comparison::Equal => a == b,
        Comparison::NotEqual => a != b,
    }
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}

fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { UNKNOWN }
}
