//! From a register map to as few requests as possible: registers that touch or overlap are read together, up to what one
//! answer can carry. Holes are not bridged, because many machines refuse a block that contains an address they lack.

use contracts::devices::{ModbusFormat, ModbusRegister, ModbusTable};

use super::words::width;
use crate::decode::Fault;

const WORDS_MAX: u32 = 125;
const BITS_MAX: u32 = 2000;
/// Registers of one device; more are refused one by one.
const REGISTERS_MAX: usize = 2000;

/// One request and what is to be read from its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) table: ModbusTable,
    pub(super) start: u16,
    pub(super) count: u16,
    pub(super) items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) metric: String,
    pub(super) offset: u16,
    pub(super) format: ModbusFormat,
}

/// The blocks, and the registers that can never be read.
pub(super) fn plan(registers: &[ModbusRegister]) -> (Vec<Block>, Vec<(String, Fault)>) {
    let mut refused = Vec::new();
    let mut sorted = Vec::new();
    for (index, register) in registers.iter().enumerate() {
        match check(index, register) {
            Ok(()) => sorted.push(register),
            Err(fault) => refused.push((register.metric.clone(), fault)),
        }
    }
    sorted.sort_by_key(|register| (order(register.table), register.address));
    let mut blocks: Vec<Block> = Vec::new();
    for register in sorted {
        let (start, end) = (u32::from(register.address), u32::from(register.address) + u32::from(length(register)));
        let joined = blocks.last_mut().filter(|block| {
            let block_end = u32::from(block.start) + u32::from(block.count);
            let max = if is_bit(block.table) { BITS_MAX } else { WORDS_MAX };
            block.table == register.table && start <= block_end && end.max(block_end) - u32::from(block.start) <= max
        });
        let block = match joined {
            Some(block) => {
                let count = (end - u32::from(block.start)).max(u32::from(block.count));
                block.count = u16::try_from(count).unwrap_or(block.count);
                block
            }
            None => {
                blocks.push(Block {
                    table: register.table,
                    start: register.address,
                    count: length(register),
                    items: Vec::new(),
                });
                let last = blocks.len() - 1;
                &mut blocks[last]
            }
        };
        let offset = register.address - block.start;
        block.items.push(Item { metric: register.metric.clone(), offset, format: register.format });
    }
    (blocks, refused)
}

fn check(index: usize, register: &ModbusRegister) -> Result<(), Fault> {
    let refuse = |detail: &'static str| Err(Fault::new("edge.modbus.register", detail));
    if index >= REGISTERS_MAX {
        return refuse("the register map is too long");
    }
    if is_bit(register.table) && register.format != ModbusFormat::Bool {
        return refuse("coils and discrete inputs are single bits; use the format bool");
    }
    if u32::from(register.address) + u32::from(length(register)) > 65_536 {
        return refuse("the value would end behind the last address");
    }
    Ok(())
}

fn length(register: &ModbusRegister) -> u16 {
    if is_bit(register.table) { 1 } else { width(register.format) }
}

pub(super) const fn is_bit(table: ModbusTable) -> bool {
    matches!(table, ModbusTable::Coil | ModbusTable::DiscreteInput)
}

const fn order(table: ModbusTable) -> u8 {
    match table {
        ModbusTable::Coil => 0,
        ModbusTable::DiscreteInput => 1,
        ModbusTable::HoldingRegister => 2,
        ModbusTable::InputRegister => 3,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn register(table: ModbusTable, address: u16, format: ModbusFormat) -> ModbusRegister {
        ModbusRegister { metric: format!("m{address}"), table, address, format }
    }

    #[test]
    fn neighbours_share_a_request_and_strangers_do_not() {
        use ModbusFormat::*;
        use ModbusTable::*;
        let (blocks, refused) = plan(&[
            register(HoldingRegister, 2, F32),
            register(HoldingRegister, 0, U32),
            register(HoldingRegister, 4, U16),
            register(HoldingRegister, 6, U16),
            register(InputRegister, 5, U16),
            register(Coil, 0, Bool),
            register(Coil, 1, Bool),
            register(Coil, 2, U16),
            register(HoldingRegister, 65_535, U32),
        ]);
        let shapes: Vec<_> = blocks.iter().map(|b| (b.table, b.start, b.count, b.items.len())).collect();
        assert_eq!(
            shapes,
            [(Coil, 0, 2, 2), (HoldingRegister, 0, 5, 3), (HoldingRegister, 6, 1, 1), (InputRegister, 5, 1, 1)]
        );
        assert_eq!(refused.iter().map(|(m, _)| m.as_str()).collect::<Vec<_>>(), ["m2", "m65535"]);
    }

    proptest! {
        #[test]
        fn every_register_is_read_whole_and_no_request_is_too_large(addresses in proptest::collection::vec((0u16..400, 0usize..3), 0..120)) {
            let formats = [ModbusFormat::U16, ModbusFormat::F32, ModbusFormat::U64];
            let map: Vec<_> = addresses.iter().map(|(a, f)| register(ModbusTable::HoldingRegister, *a, formats[*f])).collect();
            let (blocks, refused) = plan(&map);
            prop_assert!(refused.is_empty());
            prop_assert_eq!(blocks.iter().map(|b| b.items.len()).sum::<usize>(), map.len());
            for block in &blocks {
                prop_assert!(u32::from(block.count) <= WORDS_MAX);
                for item in &block.items {
                    prop_assert!(item.offset + width(item.format) <= block.count);
                    let address = block.start + item.offset;
                    prop_assert_eq!(&item.metric, &format!("m{address}"));
                }
            }
        }
    }
}
