//! The syntax tree: a flat arena, so that its size is a number that can be limited and dropping it never recurses.

use std::sync::Arc;

use super::{lex::Literal, problem::Span};

/// Index of a node in its [`Tree`].
pub(crate) type NodeId = u16;

#[derive(Debug)]
pub(crate) struct Tree {
    pub nodes: Vec<Node>,
    pub root: NodeId,
}

impl Tree {
    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[usize::from(id)]
    }
}

#[derive(Debug)]
pub(crate) struct Node {
    pub kind: NodeKind,
    pub span: Span,
    /// Levels below and including this one.
    pub height: u16,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    Number(Literal),
    Bool(bool),
    Text(Arc<str>),
    Property(Arc<str>),
    Not(NodeId),
    Negate(NodeId),
    Arithmetic(Arithmetic, NodeId, NodeId),
    Compare(Comparison, NodeId, NodeId),
    Logic(Logic, NodeId, NodeId),
    Call(Function, Vec<NodeId>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Logic {
    And,
    Or,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
}

impl Comparison {
    /// The comparison that says the same with its sides exchanged.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
            same => same,
        }
    }
}

macro_rules! functions {
    ($($variant:ident $name:literal $args:literal $usage:literal;)*) => {
        /// Everything that can be called.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum Function { $($variant),* }

        impl Function {
            pub(crate) const ALL: &[Function] = &[$(Function::$variant),*];
            pub(crate) fn name(self) -> &'static str { match self { $(Function::$variant => $name),* } }
            pub(crate) fn arguments(self) -> usize { match self { $(Function::$variant => $args),* } }
            pub(crate) fn usage(self) -> &'static str { match self { $(Function::$variant => $usage),* } }
        }
    };
}

functions! {
    Abs "abs" 1 "abs(x)";
    Min "min" 2 "min(a, b)";
    Max "max" 2 "max(a, b)";
    Clamp "clamp" 3 "clamp(x, low, high)";
    Sqrt "sqrt" 1 "sqrt(x)";
    Pow "pow" 2 "pow(x, exponent)";
    Exp "exp" 1 "exp(x)";
    Ln "ln" 1 "ln(x)";
    If "if" 3 "if(condition, a, b)";
    Rate "rate" 2 "rate(property, 1 min)";
    Avg "avg" 2 "avg(property, 5 min)";
    MinOver "min_over" 2 "min_over(property, 5 min)";
    MaxOver "max_over" 2 "max_over(property, 5 min)";
    Delta "delta" 2 "delta(property, 5 min)";
    Age "age" 1 "age(property)";
    Absent "absent" 2 "absent(property, 5 min)";
    Prev "prev" 1 "prev(property)";
    Changed "changed" 1 "changed(property)";
    Kelvin "kelvin" 1 "kelvin(temperature)";
    Radians "radians" 1 "radians(x)";
}

impl Function {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name() == name)
    }
}
