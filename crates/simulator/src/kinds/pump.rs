//! Centrifugal pump.

use super::{AlarmSpec, ENERGY, FAULT_ALARM, FAULT_CODE, HOURS, PropertySpec, RUN_STATE, measured, metered};

pub(super) const PROPERTIES: &[PropertySpec] = &[
    RUN_STATE,
    FAULT_CODE,
    measured(("power", "有功功率", "Active power", "KWT", 2, (0.0, 400.0))),
    ENERGY,
    measured(("speed", "转速", "Speed", "RPM", 0, (0.0, 3_600.0))),
    measured(("flow", "流量", "Flow", "MQH", 1, (0.0, 5_000.0))),
    measured(("suction_pressure", "进口压力", "Suction pressure", "BAR", 2, (-1.0, 16.0))),
    measured(("discharge_pressure", "出口压力", "Discharge pressure", "BAR", 2, (-1.0, 40.0))),
    measured(("bearing_temp", "轴承温度", "Bearing temperature", "CEL", 1, (-20.0, 150.0))),
    measured(("vibration_rms", "轴承振动有效值", "Bearing vibration, RMS", "C16", 2, (0.0, 100.0))),
    measured(("efficiency", "泵效率", "Pump efficiency", "P1", 1, (0.0, 100.0))),
    metered(("water_total", "累计输水量", "Water delivered", "MTQ", 1, (0.0, 1.0e9))),
    HOURS,
];

pub(super) const ALARMS: &[AlarmSpec] = &[
    FAULT_ALARM,
    AlarmSpec {
        id: "bearing-hot",
        zh: "轴承温度高",
        en: "Bearing hot",
        priority: "high",
        when: "bearing_temp > 75 °C",
        until: "bearing_temp < 70 °C",
        delay_s: 60,
    },
    AlarmSpec {
        id: "vibration-high",
        zh: "轴承振动大",
        en: "Bearing vibration high",
        priority: "high",
        when: "avg(vibration_rms, 10 min) > 5.1 mm/s",
        until: "avg(vibration_rms, 10 min) < 4.5 mm/s",
        delay_s: 60,
    },
    AlarmSpec {
        id: "suction-low",
        zh: "进口压力低",
        en: "Suction pressure low",
        priority: "medium",
        when: "suction_pressure < 0.12 bar",
        until: "suction_pressure > 0.25 bar",
        delay_s: 30,
    },
];
