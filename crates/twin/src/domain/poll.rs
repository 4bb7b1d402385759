//! Poll configurations: what a Modbus register map must fulfil before the edge opens a connection with it.

use std::net::{IpAddr, SocketAddr};

use contracts::devices::{ModbusFormat, ModbusPoll, ModbusTable};

use super::naming::Problems;

const REGISTERS_MAX: usize = 500;

/// Checks a poll configuration against the metrics that the device maps.
pub fn poll_check<'a>(poll: &ModbusPoll, metrics: impl Iterator<Item = &'a str> + Clone, problems: &mut Problems) {
    if let Err(reason) = address_check(&poll.address) {
        problems.add("/poll/address", reason);
    }
    if !(1..=247).contains(&poll.unit_id) {
        problems.add("/poll/unit_id", "1 to 247 is needed");
    }
    if !(100..=3_600_000).contains(&poll.interval_ms) {
        problems.add("/poll/interval_ms", "100 to 3600000 milliseconds are needed");
    }
    if poll.registers.is_empty() || poll.registers.len() > REGISTERS_MAX {
        problems.add("/poll/registers", format!("1 to {REGISTERS_MAX} registers are needed"));
    }
    let mut seen = std::collections::HashSet::new();
    for (index, register) in poll.registers.iter().enumerate().take(REGISTERS_MAX) {
        let pointer = |field: &str| format!("/poll/registers/{index}/{field}");
        if !seen.insert(&register.metric) {
            problems.add(pointer("metric"), format!("the metric {} is read twice", register.metric));
        }
        if !metrics.clone().any(|metric| metric == register.metric) {
            problems.add(pointer("metric"), format!("the metric {} is not mapped to a property", register.metric));
        }
        let bits = matches!(register.table, ModbusTable::Coil | ModbusTable::DiscreteInput);
        if bits != (register.format == ModbusFormat::Bool) {
            let message =
                if bits { "coils and discrete inputs are read as bool" } else { "a register is read as a number" };
            problems.add(pointer("format"), message);
        }
        if usize::from(register.address) + words(register.format) > 65_536 {
            problems.add(pointer("address"), "the value would reach beyond address 65535");
        }
    }
}

/// Registers (or bits) that a value takes.
fn words(format: ModbusFormat) -> usize {
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

/// Host and port. Addresses that are never a machine are refused, above all the link-local ones that clouds use for secrets.
fn address_check(address: &str) -> Result<(), String> {
    const FORM: &str = "a host and a port are needed, such as 192.168.1.20:502";
    if address.len() > 255 {
        return Err(FORM.into());
    }
    if let Ok(socket) = address.parse::<SocketAddr>() {
        let never = match socket.ip().to_canonical() {
            IpAddr::V4(ip) => ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_unspecified() || ip.is_multicast() || (ip.segments()[0] & 0xffc0) == 0xfe80,
        };
        return match never || socket.port() == 0 {
            true => Err(format!("{address} cannot be the address of a machine")),
            false => Ok(()),
        };
    }
    let (host, port) = address.rsplit_once(':').ok_or(FORM)?;
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let numeric = host.chars().all(|c| c.is_ascii_digit() || c == '.');
    if host.is_empty() || numeric || !host.chars().all(fits) || !port.parse::<u16>().is_ok_and(|port| port > 0) {
        return Err(FORM.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::devices::ModbusRegister;

    use super::*;

    fn poll() -> ModbusPoll {
        let register =
            |metric: &str, table, address, format| ModbusRegister { metric: metric.into(), table, address, format };
        ModbusPoll {
            address: "127.0.0.1:1502".into(),
            unit_id: 1,
            interval_ms: 1000,
            registers: vec![
                register("temp", ModbusTable::InputRegister, 0, ModbusFormat::F32),
                register("on", ModbusTable::Coil, 65535, ModbusFormat::Bool),
            ],
        }
    }

    fn pointers(poll: &ModbusPoll) -> Vec<String> {
        let mut problems = Problems::new();
        poll_check(poll, ["temp", "on"].into_iter(), &mut problems);
        problems.refuse("c", "m", "h").err().map_or(vec![], |e| e.fields.into_iter().map(|f| f.pointer).collect())
    }

    #[test]
    fn a_sound_register_map_passes() {
        assert!(pointers(&poll()).is_empty());
    }

    #[test]
    fn every_wrong_field_is_named() {
        let cases: [(&str, fn(&mut ModbusPoll)); 9] = [
            ("/poll/unit_id", |p| p.unit_id = 0),
            ("/poll/unit_id", |p| p.unit_id = 248),
            ("/poll/interval_ms", |p| p.interval_ms = 99),
            ("/poll/registers", |p| p.registers.clear()),
            ("/poll/registers/0/metric", |p| p.registers[0].metric = "unmapped".into()),
            ("/poll/registers/1/metric", |p| p.registers[1].metric = "temp".into()),
            ("/poll/registers/0/format", |p| p.registers[0].format = ModbusFormat::Bool),
            ("/poll/registers/1/format", |p| p.registers[1].format = ModbusFormat::U16),
            ("/poll/registers/0/address", |p| p.registers[0].address = 65535),
        ];
        for (pointer, spoil) in cases {
            let mut wrong = poll();
            spoil(&mut wrong);
            assert_eq!(pointers(&wrong), [pointer]);
        }
    }

    #[test]
    fn addresses_that_cannot_be_machines_are_refused() {
        for good in ["10.0.0.7:502", "[fd00::7]:502", "plc-7.shop.local:502", "localhost:1502"] {
            assert!(address_check(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "10.0.0.7",
            "10.0.0.7:0",
            "10.0.0.7:70000",
            "http://plc:502",
            "a b:502",
            "0.0.0.0:502",
            "300.1.1.1:502",
            "169.254.169.254:80",
            "[::ffff:169.254.169.254]:80",
            "[fe80::1]:502",
            "224.0.0.1:502",
            "255.255.255.255:502",
        ] {
            assert!(address_check(bad).is_err(), "{bad}");
        }
    }
}
