//! Stamping press.

use super::{AlarmSpec, ENERGY, FAULT_ALARM, FAULT_CODE, GOOD, HOURS, PIECES, PropertySpec, RUN_STATE, measured};

pub(super) const PROPERTIES: &[PropertySpec] = &[
    RUN_STATE,
    FAULT_CODE,
    measured(("power", "有功功率", "Active power", "KWT", 3, (0.0, 120.0))),
    ENERGY,
    measured(("stroke_rate", "行程次数", "Strokes per minute", "RPM", 1, (0.0, 1_200.0))),
    measured(("tonnage", "冲压力峰值", "Peak force", "B47", 0, (0.0, 10_000.0))),
    measured(("bearing_temp", "曲轴轴承温度", "Crank bearing temperature", "CEL", 1, (-20.0, 150.0))),
    measured(("lube_pressure", "润滑压力", "Lubrication pressure", "BAR", 2, (0.0, 10.0))),
    measured(("die_wear", "模具刃口磨损", "Die edge wear", "4H", 1, (0.0, 1_000.0))),
    measured(("burr_height", "毛刺高度", "Burr height", "4H", 1, (0.0, 500.0))),
    measured(("part_dev", "零件尺寸偏差（末件）", "Part deviation, last part", "4H", 1, (-500.0, 500.0))),
    PIECES,
    GOOD,
    HOURS,
];

pub(super) const ALARMS: &[AlarmSpec] = &[
    FAULT_ALARM,
    AlarmSpec {
        id: "bearing-hot",
        zh: "曲轴轴承温度高",
        en: "Crank bearing hot",
        priority: "high",
        when: "bearing_temp > 70 °C",
        until: "bearing_temp < 64 °C",
        delay_s: 60,
    },
    AlarmSpec {
        id: "lube-low",
        zh: "润滑压力低",
        en: "Lubrication pressure low",
        priority: "high",
        when: "lube_pressure < 1.6 bar && run_state == 2",
        until: "lube_pressure > 2 bar || run_state != 2",
        delay_s: 30,
    },
    AlarmSpec {
        id: "burr-high",
        zh: "毛刺过高",
        en: "Burr too high",
        priority: "medium",
        when: "burr_height > 40 µm",
        until: "burr_height < 20 µm",
        delay_s: 60,
    },
];
