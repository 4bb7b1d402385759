//! From 16-bit words to values.

use contracts::devices::ModbusFormat;

use crate::decode::{Fault, RawValue, checked_float};

/// How many words a format takes.
pub(super) const fn width(format: ModbusFormat) -> u16 {
    match format {
        ModbusFormat::Bool | ModbusFormat::U16 | ModbusFormat::I16 => 1,
        ModbusFormat::U32
        | ModbusFormat::I32
        | ModbusFormat::F32
        | ModbusFormat::F32Swapped
        | ModbusFormat::U32Swapped => 2,
        ModbusFormat::U64 => 4,
    }
}

/// Reads a value; the words are as many as [`width`] says. A truth value is any word but 0.
pub(super) fn read(format: ModbusFormat, words: &[u16]) -> Result<RawValue<'static>, Fault> {
    let wide = |high: u16, low: u16| u32::from(high) << 16 | u32::from(low);
    match (format, words) {
        (ModbusFormat::Bool, [word]) => Ok(RawValue::Bool(*word != 0)),
        (ModbusFormat::U16, [word]) => Ok(RawValue::Int(i64::from(*word))),
        (ModbusFormat::I16, [word]) => Ok(RawValue::Int(i64::from(*word as i16))),
        (ModbusFormat::U32, [a, b]) => Ok(RawValue::Int(i64::from(wide(*a, *b)))),
        (ModbusFormat::U32Swapped, [a, b]) => Ok(RawValue::Int(i64::from(wide(*b, *a)))),
        (ModbusFormat::I32, [a, b]) => Ok(RawValue::Int(i64::from(wide(*a, *b) as i32))),
        (ModbusFormat::F32, [a, b]) => checked_float(f64::from(f32::from_bits(wide(*a, *b)))),
        (ModbusFormat::F32Swapped, [a, b]) => checked_float(f64::from(f32::from_bits(wide(*b, *a)))),
        (ModbusFormat::U64, [a, b, c, d]) => {
            let value = u64::from(wide(*a, *b)) << 32 | u64::from(wide(*c, *d));
            i64::try_from(value).map(RawValue::Int).map_err(|_| {
                Fault::new("edge.value.out-of-range", format!("{value} does not fit a signed 64-bit integer"))
            })
        }
        _ => Err(Fault::new(
            "edge.modbus.malformed",
            format!("{} words where {} were asked for", words.len(), width(format)),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_as_data() {
        use ModbusFormat::*;
        use RawValue::{Float, Int};
        for (format, words, expect) in [
            (Bool, &[0u16][..], Ok(RawValue::Bool(false))),
            (Bool, &[0x8000], Ok(RawValue::Bool(true))),
            (U16, &[0xffff], Ok(Int(65_535))),
            (I16, &[0xffff], Ok(Int(-1))),
            (U32, &[0x0001, 0x0002], Ok(Int(65_538))),
            (U32Swapped, &[0x0002, 0x0001], Ok(Int(65_538))),
            (I32, &[0xffff, 0xfffe], Ok(Int(-2))),
            (F32, &[0x41c8, 0x0000], Ok(Float(25.0))),
            (F32Swapped, &[0x0000, 0x41c8], Ok(Float(25.0))),
            (F32, &[0x7fc0, 0x0000], Err("edge.value.not-finite")),
            (F32, &[0xff80, 0x0000], Err("edge.value.not-finite")),
            (U64, &[0, 0, 1, 0], Ok(Int(65_536))),
            (U64, &[0x7fff, 0xffff, 0xffff, 0xffff], Ok(Int(i64::MAX))),
            (U64, &[0x8000, 0, 0, 0], Err("edge.value.out-of-range")),
            (U32, &[1], Err("edge.modbus.malformed")),
        ] {
            assert_eq!(read(format, words).map_err(|fault| fault.code), expect, "{format:?} {words:x?}");
        }
    }
}
