//! Screw compressor.

use super::{AlarmSpec, ENERGY, FAULT_ALARM, FAULT_CODE, HOURS, PropertySpec, RUN_STATE, measured, metered};

pub(super) const PROPERTIES: &[PropertySpec] = &[
    RUN_STATE,
    FAULT_CODE,
    measured(("power", "有功功率", "Active power", "KWT", 2, (0.0, 400.0))),
    ENERGY,
    measured(("discharge_pressure", "排气压力", "Discharge pressure", "BAR", 2, (0.0, 16.0))),
    measured(("discharge_temp", "排气温度", "Discharge temperature", "CEL", 1, (-20.0, 150.0))),
    measured(("air_flow", "供气流量", "Air flow", "G53", 2, (0.0, 100.0))),
    metered(("air_total", "累计供气量", "Air delivered", "MTQ", 1, (0.0, 1.0e9))),
    measured(("filter_dp", "进气过滤器压差", "Intake filter pressure drop", "KPA", 2, (-1.0, 20.0))),
    measured(("vibration_rms", "主机振动有效值", "Air end vibration, RMS", "C16", 2, (0.0, 100.0))),
    HOURS,
    metered(("load_hours", "累计加载小时", "Loaded hours", "HUR", 3, (0.0, 1.0e6))),
];

pub(super) const ALARMS: &[AlarmSpec] = &[
    FAULT_ALARM,
    AlarmSpec {
        id: "pressure-low",
        zh: "供气压力低",
        en: "Air pressure low",
        priority: "urgent",
        when: "discharge_pressure < 6.2 bar",
        until: "discharge_pressure > 6.6 bar",
        delay_s: 30,
    },
    AlarmSpec {
        id: "discharge-hot",
        zh: "排气温度高",
        en: "Discharge hot",
        priority: "high",
        when: "discharge_temp > 105 °C",
        until: "discharge_temp < 98 °C",
        delay_s: 30,
    },
    AlarmSpec {
        id: "filter-clogged",
        zh: "进气过滤器堵塞",
        en: "Intake filter clogged",
        priority: "low",
        when: "max_over(filter_dp, 30 min) > 5 kPa",
        until: "max_over(filter_dp, 30 min) < 3 kPa",
        delay_s: 0,
    },
    AlarmSpec {
        id: "vibration-high",
        zh: "主机振动大",
        en: "Air end vibration high",
        priority: "high",
        when: "max_over(vibration_rms, 10 min) > 4.5 mm/s",
        until: "max_over(vibration_rms, 10 min) < 4 mm/s",
        delay_s: 60,
    },
];
