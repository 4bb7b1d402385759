use kernel::{Decimal, Id, NiUri, Timestamp, id::Kind};
use sea_orm::Value;

/// What can be bound to `$n`. Decimals, ids and hashes travel as text, times as microseconds, booleans as 0 and 1.
pub trait Param {
    /// The bound value.
    fn param(self) -> Value;
    /// NULL of this type.
    fn null() -> Value;
}

macro_rules! bind {
    ($($type:ty => |$value:ident| $bound:expr, $null:expr;)*) => {
        $(impl Param for $type {
            fn param(self) -> Value {
                let $value = self;
                $bound
            }
            fn null() -> Value {
                $null
            }
        })*
    };
}

bind! {
    String => |v| Value::from(v), Value::from(None::<String>);
    &String => |v| Value::from(v.clone()), Value::from(None::<String>);
    &str => |v| Value::from(v.to_owned()), Value::from(None::<String>);
    i64 => |v| Value::from(v), Value::from(None::<i64>);
    i32 => |v| Value::from(i64::from(v)), Value::from(None::<i64>);
    u32 => |v| Value::from(i64::from(v)), Value::from(None::<i64>);
    u64 => |v| Value::from(v as i64), Value::from(None::<i64>);
    usize => |v| Value::from(v as i64), Value::from(None::<i64>);
    bool => |v| Value::from(i64::from(v)), Value::from(None::<i64>);
    f64 => |v| Value::from(v), Value::from(None::<f64>);
    Vec<u8> => |v| Value::from(v), Value::from(None::<Vec<u8>>);
    &[u8] => |v| Value::from(v.to_vec()), Value::from(None::<Vec<u8>>);
    Timestamp => |v| Value::from(v.micros()), Value::from(None::<i64>);
    Decimal => |v| Value::from(v.to_string()), Value::from(None::<String>);
    NiUri => |v| Value::from(v.to_string()), Value::from(None::<String>);
}

impl<K: Kind> Param for Id<K> {
    fn param(self) -> Value {
        Value::from(self.to_string())
    }
    fn null() -> Value {
        Value::from(None::<String>)
    }
}

impl<T: Param> Param for Option<T> {
    fn param(self) -> Value {
        match self {
            Some(value) => value.param(),
            None => T::null(),
        }
    }
    fn null() -> Value {
        T::null()
    }
}

/// The values of a statement: `params![id, "text", now]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { vec![$($crate::db::Param::param($value)),*] as Vec<$crate::db::Value> };
}
