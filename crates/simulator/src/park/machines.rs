use contracts::devices::{ModbusFormat, ModbusRegister, ModbusTable};
use contracts::telemetry::ValueType;
use kernel::Timestamp;

use super::Company;
use crate::{
    kinds::{Kind, PropertySpec},
    physics::{Calendar, Nameplate, cnc, compressor, injection, press, pump},
    spec::{Capability, MachineSpec, Metric, ModbusSpec, Protocol},
};

pub(super) fn companies() -> Vec<Company> {
    let company = |code: &str, names: (&str, &str), trade: (&str, &str), city: (&str, &str), place_e6| Company {
        code: code.to_owned(),
        name_zh: names.0.to_owned(),
        name_en: names.1.to_owned(),
        trade_zh: trade.0.to_owned(),
        trade_en: trade.1.to_owned(),
        city_zh: city.0.to_owned(),
        city_en: city.1.to_owned(),
        place_e6,
    };
    vec![
        company(
            "precision",
            ("演示精工", "Demo Precision"),
            ("精密机械加工", "Precision machining"),
            ("苏州", "Suzhou"),
            [31_298_000, 120_585_000],
        ),
        company(
            "plastics",
            ("演示塑业", "Demo Plastics"),
            ("注塑成型", "Injection moulding"),
            ("宁波", "Ningbo"),
            [29_868_000, 121_544_000],
        ),
        company(
            "stamping",
            ("演示冲压", "Demo Stamping"),
            ("金属冲压", "Metal stamping"),
            ("无锡", "Wuxi"),
            [31_491_000, 120_312_000],
        ),
        company(
            "utilities",
            ("演示动力", "Demo Utilities"),
            ("园区压缩空气与循环水", "Compressed air and cooling water for the park"),
            ("苏州", "Suzhou"),
            [31_310_000, 120_640_000],
        ),
        company(
            "appliances",
            ("演示整机", "Demo Appliances"),
            ("小家电整机，采购加工能力", "Small appliances; buys capacity"),
            ("杭州", "Hangzhou"),
            [30_274_000, 120_155_000],
        ),
    ]
}

pub(super) fn machines(seed: u64, origin: Timestamp) -> Vec<MachineSpec> {
    let two_shifts = || Calendar::week(6, &[(8, 12), (13, 24)]);
    let six_days = || Calendar::week(6, &[(0, 24)]);
    let factory = |company: &'static str| Factory { company, seed, origin };
    let (precision, plastics, stamping) = (factory("precision"), factory("plastics"), factory("stamping"));
    let (utilities, appliances) = (factory("utilities"), factory("appliances"));
    use Protocol::{HttpJson, HttpLine, ModbusTcp, MqttV5, MqttV311};

    vec![
        precision
            .machine(
                "CNC-01",
                ("立加一号", "Machining centre 1"),
                centre(15.0, 12_000.0, 225.0, 148.0, 15.0, 2.4),
                MqttV5,
                Calendar::always(),
            )
            .offering(milling([1020, 510, 505], 15, 80, 18_800)),
        precision
            .machine(
                "CNC-02",
                ("立加二号", "Machining centre 2"),
                centre(11.0, 8_000.0, 310.0, 140.0, 20.0, 3.1),
                MqttV311,
                two_shifts(),
            )
            .offering(milling([850, 500, 540], 20, 160, 15_500)),
        precision
            .machine(
                "CNC-03",
                ("立加三号", "Machining centre 3"),
                centre(15.0, 10_000.0, 180.0, 155.0, 10.0, 2.2),
                MqttV5,
                Calendar::always(),
            )
            .calling(&[
                ("spindle_temp", "SpdTemp"),
                ("spindle_load", "SpdLoad"),
                ("spindle_speed", "SpdSpeed"),
                ("power", "P_act"),
                ("energy_total", "E_act"),
            ])
            .offering(milling([1020, 510, 505], 10, 80, 21_000)),
        precision
            .machine(
                "CNC-04",
                ("立加四号", "Machining centre 4"),
                centre(11.0, 8_000.0, 420.0, 135.0, 30.0, 5.6),
                HttpLine,
                Calendar::week(5, &[(8, 12), (13, 18)]),
            )
            .offering(milling([600, 400, 460], 30, 160, 12_800)),
        precision
            .machine("AIR-01", ("空压站", "Compressor station"), screw(6.3, 6.7, 3.2, 0.62), ModbusTcp, two_shifts())
            .on_port(0),
        plastics
            .machine(
                "IMM-01",
                ("注塑一号 200T", "Moulder 1, 200 t"),
                moulder(2000.0, 12.0, 14.0, 27.0, 118.0, 0.8),
                MqttV5,
                Calendar::always(),
            )
            .offering(moulding([500, 500, 450], 100, 16_500)),
        plastics
            .machine(
                "IMM-02",
                ("注塑二号 130T", "Moulder 2, 130 t"),
                moulder(1300.0, 8.5, 10.0, 22.0, 64.0, 0.8),
                HttpJson,
                six_days(),
            )
            .offering(moulding([410, 410, 380], 100, 12_200)),
        plastics
            .machine(
                "IMM-03",
                ("注塑三号 280T", "Moulder 3, 280 t"),
                moulder(2800.0, 17.0, 19.0, 34.0, 240.0, 0.7),
                ModbusTcp,
                Calendar::always(),
            )
            .on_port(1)
            .offering(moulding([630, 630, 560], 80, 20_800)),
        plastics.machine(
            "CWP-01",
            ("冷却水泵", "Cooling water pump"),
            water(160.0, 34.0, 44.0, 9.0, 0.78, 0.8),
            HttpLine,
            six_days(),
        ),
        stamping
            .machine(
                "PRS-01",
                ("冲床一号 160T", "Press 1, 160 t"),
                stamper(1600.0, 46.0, 15.0, 120_000.0, 60.0, 11.0),
                ModbusTcp,
                Calendar::always(),
            )
            .on_port(2)
            .offering(stamping_of([1100, 680, 350], 60, 17_600)),
        stamping
            .machine(
                "PRS-02",
                ("冲床二号 110T", "Press 2, 110 t"),
                stamper(1100.0, 60.0, 11.0, 90_000.0, 50.0, 9.0),
                MqttV311,
                two_shifts(),
            )
            .offering(stamping_of([900, 600, 320], 50, 13_900)),
        stamping.machine("AIR-01", ("空压机", "Compressor"), screw(10.0, 6.5, 5.0, 0.68), HttpJson, two_shifts()),
        utilities
            .machine(
                "AIR-01",
                ("一号空压机 75kW", "Compressor 1, 75 kW"),
                screw(12.4, 6.4, 6.0, 0.74),
                ModbusTcp,
                six_days(),
            )
            .on_port(3),
        utilities.machine(
            "AIR-02",
            ("二号空压机 110kW", "Compressor 2, 110 kW"),
            screw(18.6, 6.3, 9.0, 0.66),
            MqttV5,
            Calendar::always(),
        ),
        utilities
            .machine(
                "CWP-01",
                ("循环水泵 55kW", "Circulation pump, 55 kW"),
                water(280.0, 40.0, 52.0, 15.0, 0.80, 0.86),
                ModbusTcp,
                Calendar::always(),
            )
            .on_port(4),
        appliances.machine(
            "PRS-01",
            ("中试冲床 80T", "Pilot press, 80 t"),
            stamper(800.0, 55.0, 7.5, 80_000.0, 60.0, 12.0),
            HttpJson,
            Calendar::week(5, &[(8, 12), (13, 17)]),
        ),
    ]
}

struct Factory {
    company: &'static str,
    seed: u64,
    origin: Timestamp,
}

impl Factory {
    fn machine(
        &self,
        code: &str,
        names: (&str, &str),
        nameplate: Nameplate,
        protocol: Protocol,
        calendar: Calendar,
    ) -> MachineSpec {
        let kind = nameplate.kind();
        // Second-hand machines: counters do not start at nothing.
        let age = 1 + code.bytes().chain(self.company.bytes()).map(i64::from).sum::<i64>() % 7;
        let mut spec = MachineSpec {
            company: self.company.to_owned(),
            code: code.to_owned(),
            name_zh: names.0.to_owned(),
            name_en: names.1.to_owned(),
            nameplate,
            calendar,
            protocol,
            interval_ms: if matches!(kind, Kind::Cnc | Kind::InjectionMoulding | Kind::Press) { 1000 } else { 2000 },
            metrics: MachineSpec::plain_metrics(kind),
            modbus: None,
            capability: None,
            counter_bases: Default::default(),
            seed: self.seed,
            origin: self.origin,
        };
        for (property, base) in [
            ("energy_total", 21_300),
            ("run_hours", 2_900),
            ("load_hours", 1_900),
            ("piece_total", 41_700),
            ("piece_good", 41_100),
            ("air_total", 610_000),
            ("water_total", 380_000),
        ] {
            if kind.property(property).is_some() {
                spec.counter_bases.insert(property.to_owned(), base * age);
            }
        }
        spec
    }
}

impl MachineSpec {
    fn offering(mut self, capability: Capability) -> Self {
        self.capability = Some(capability);
        self
    }

    /// A controller with names of its own for some values.
    fn calling(mut self, names: &[(&str, &str)]) -> Self {
        for (property, name) in names {
            if let Some(metric) = self.metrics.iter_mut().find(|metric| metric.property == *property) {
                metric.metric = (*name).to_owned();
            }
        }
        self
    }

    /// Registers in the order of the properties: states and codes as one word, counters as two words that roll over, pieces
    /// unscaled, everything else as a signed word or a float.
    fn on_port(mut self, port_offset: u16) -> Self {
        let (mut registers, mut metrics, mut address) = (Vec::new(), Vec::new(), 0);
        for property in self.kind().properties() {
            let (format, scale) = layout(property);
            metrics.push(Metric::of(property, property.id, scale));
            registers.push(ModbusRegister {
                metric: property.id.to_owned(),
                table: ModbusTable::InputRegister,
                address,
                format,
            });
            address += words(format);
        }
        self.metrics = metrics;
        self.modbus = Some(ModbusSpec { port_offset, unit_id: 1, interval_ms: self.interval_ms, registers });
        self
    }
}

fn layout(property: &PropertySpec) -> (ModbusFormat, f64) {
    match (property.value_type, property.counter) {
        (ValueType::I64, false) => (ModbusFormat::U16, 1.0),
        (ValueType::I64, true) => (ModbusFormat::U32, 1.0),
        (_, true) => (ModbusFormat::U32, 0.01),
        // A word with one or two decimals where the range allows, a float where it does not.
        _ if property.max <= 300.0 && property.min >= -300.0 => {
            (ModbusFormat::I16, if property.decimals >= 2 { 0.01 } else { 0.1 })
        }
        _ => (ModbusFormat::F32, 1.0),
    }
}

fn words(format: ModbusFormat) -> u16 {
    match format {
        ModbusFormat::Bool | ModbusFormat::U16 | ModbusFormat::I16 => 1,
        ModbusFormat::U64 => 4,
        _ => 2,
    }
}

fn centre(
    spindle_kw: f64,
    spindle_rpm_max: f64,
    cycle_s: f64,
    cutting_speed_m_min: f64,
    tolerance_um: f64,
    spread_um: f64,
) -> Nameplate {
    Nameplate::Cnc(cnc::Plate { spindle_kw, spindle_rpm_max, cycle_s, cutting_speed_m_min, tolerance_um, spread_um })
}

fn moulder(clamp_kn: f64, pump_kw: f64, heater_kw: f64, cycle_s: f64, part_g: f64, tolerance_pct: f64) -> Nameplate {
    Nameplate::InjectionMoulding(injection::Plate {
        clamp_kn,
        pump_kw,
        heater_kw,
        cycle_s,
        part_g,
        tolerance_pct,
        barrel_c: 230.0,
    })
}

fn screw(delivery_m3_min: f64, specific_kw: f64, receiver_m3: f64, demand: f64) -> Nameplate {
    Nameplate::Compressor(compressor::Plate {
        delivery_m3_min,
        specific_kw,
        load_bar: 7.0,
        unload_bar: 7.6,
        receiver_m3,
        demand,
    })
}

fn water(
    best_m3_h: f64,
    best_head_m: f64,
    shutoff_head_m: f64,
    static_head_m: f64,
    efficiency: f64,
    demand: f64,
) -> Nameplate {
    Nameplate::Pump(pump::Plate {
        speed_rpm: 1480.0,
        best_m3_h,
        best_head_m,
        shutoff_head_m,
        static_head_m,
        efficiency,
        demand,
    })
}

fn stamper(
    force_kn: f64,
    strokes_min: f64,
    motor_kw: f64,
    die_life_strokes: f64,
    tolerance_um: f64,
    spread_um: f64,
) -> Nameplate {
    Nameplate::Press(press::Plate { force_kn, strokes_min, motor_kw, die_life_strokes, tolerance_um, spread_um })
}

fn milling(envelope_mm: [i64; 3], tolerance_um: i64, roughness_ra_centi_um: i64, hour_minor: i64) -> Capability {
    Capability {
        process: "milling".to_owned(),
        materials: ["45 steel", "40Cr", "6061 aluminium", "304 stainless steel"].map(str::to_owned).to_vec(),
        envelope_mm,
        tolerance_um,
        roughness_ra_centi_um: Some(roughness_ra_centi_um),
        lot: [1, 2000],
        certificates: vec!["ISO 9001".to_owned()],
        currency: "CNY".to_owned(),
        hour_minor,
        piece_minor: hour_minor / 12,
        set_up_minor: hour_minor,
    }
}

fn moulding(envelope_mm: [i64; 3], tolerance_um: i64, hour_minor: i64) -> Capability {
    Capability {
        process: "injection_moulding".to_owned(),
        materials: ["PP", "ABS", "PC/ABS", "PA66-GF30"].map(str::to_owned).to_vec(),
        envelope_mm,
        tolerance_um,
        roughness_ra_centi_um: None,
        lot: [500, 500_000],
        certificates: vec!["ISO 9001".to_owned()],
        currency: "CNY".to_owned(),
        hour_minor,
        piece_minor: hour_minor / 110,
        set_up_minor: 2 * hour_minor,
    }
}

fn stamping_of(envelope_mm: [i64; 3], tolerance_um: i64, hour_minor: i64) -> Capability {
    Capability {
        process: "stamping".to_owned(),
        materials: ["SPCC", "SECC", "5052 aluminium", "304 stainless steel"].map(str::to_owned).to_vec(),
        envelope_mm,
        tolerance_um,
        roughness_ra_centi_um: None,
        lot: [2000, 2_000_000],
        certificates: vec!["ISO 9001".to_owned(), "IATF 16949".to_owned()],
        currency: "CNY".to_owned(),
        hour_minor,
        piece_minor: hour_minor / 1800,
        set_up_minor: 2 * hour_minor,
    }
}
