//! Injection moulding machine.

use super::{AlarmSpec, ENERGY, FAULT_ALARM, FAULT_CODE, GOOD, HOURS, PIECES, PropertySpec, RUN_STATE, measured};

pub(super) const PROPERTIES: &[PropertySpec] = &[
    RUN_STATE,
    FAULT_CODE,
    measured(("power", "有功功率", "Active power", "KWT", 3, (0.0, 120.0))),
    ENERGY,
    measured(("barrel_temp", "料筒温度", "Barrel temperature", "CEL", 1, (-20.0, 450.0))),
    measured(("mould_temp", "模具温度", "Mould temperature", "CEL", 1, (-20.0, 250.0))),
    measured(("clamp_force", "锁模力", "Clamping force", "B47", 0, (0.0, 40_000.0))),
    measured(("inject_pressure", "注射压力", "Injection pressure", "BAR", 0, (0.0, 3_000.0))),
    measured(("cycle_time", "周期（末模）", "Cycle time, last shot", "SEC", 2, (0.0, 600.0))),
    measured(("cushion", "料垫（末模）", "Cushion, last shot", "MMT", 2, (0.0, 50.0))),
    measured(("part_weight", "零件重量（末模）", "Part weight, last shot", "GRM", 2, (0.0, 10_000.0))),
    PIECES,
    GOOD,
    HOURS,
];

pub(super) const ALARMS: &[AlarmSpec] = &[
    FAULT_ALARM,
    AlarmSpec {
        id: "barrel-hot",
        zh: "料筒温度高",
        en: "Barrel hot",
        priority: "urgent",
        when: "barrel_temp > 250 °C",
        until: "barrel_temp < 245 °C",
        delay_s: 30,
    },
    AlarmSpec {
        id: "cushion-low",
        zh: "料垫过小",
        en: "Cushion low",
        priority: "medium",
        when: "cushion < 2.8 mm",
        until: "cushion > 3.8 mm",
        delay_s: 120,
    },
    AlarmSpec {
        id: "cycle-long",
        zh: "周期过长",
        en: "Cycle long",
        priority: "low",
        when: "cycle_time > 45 s",
        until: "cycle_time < 40 s",
        delay_s: 120,
    },
];
