//! Vertical machining centre.

use super::{AlarmSpec, ENERGY, FAULT_ALARM, FAULT_CODE, GOOD, HOURS, PIECES, PropertySpec, RUN_STATE, measured};

pub(super) const PROPERTIES: &[PropertySpec] = &[
    RUN_STATE,
    FAULT_CODE,
    measured(("power", "有功功率", "Active power", "KWT", 3, (0.0, 60.0))),
    ENERGY,
    measured(("spindle_speed", "主轴转速", "Spindle speed", "RPM", 0, (0.0, 30_000.0))),
    measured(("spindle_load", "主轴负载", "Spindle load", "P1", 1, (0.0, 200.0))),
    measured(("spindle_temp", "主轴温度", "Spindle temperature", "CEL", 1, (-20.0, 150.0))),
    measured(("feed_rate", "进给速度", "Feed rate", "H81", 0, (0.0, 60_000.0))),
    measured(("tool_wear", "刀具后刀面磨损", "Tool flank wear", "4H", 1, (0.0, 1_000.0))),
    measured(("vibration_rms", "主轴振动有效值", "Spindle vibration, RMS", "C16", 2, (0.0, 100.0))),
    measured(("diameter_dev", "直径偏差（末件）", "Diameter deviation, last part", "4H", 1, (-200.0, 200.0))),
    PIECES,
    GOOD,
    HOURS,
];

pub(super) const ALARMS: &[AlarmSpec] = &[
    FAULT_ALARM,
    AlarmSpec {
        id: "spindle-hot",
        zh: "主轴温度高",
        en: "Spindle hot",
        priority: "high",
        when: "spindle_temp > 68 °C",
        until: "spindle_temp < 62 °C",
        delay_s: 60,
    },
    AlarmSpec {
        id: "vibration-high",
        zh: "主轴振动大",
        en: "Spindle vibration high",
        priority: "high",
        when: "max_over(vibration_rms, 10 min) > 4.5 mm/s",
        until: "max_over(vibration_rms, 10 min) < 4 mm/s",
        delay_s: 0,
    },
    AlarmSpec {
        id: "tool-worn",
        zh: "刀具超过寿命",
        en: "Tool past its life",
        priority: "low",
        when: "tool_wear > 310 µm",
        until: "tool_wear < 100 µm",
        delay_s: 0,
    },
];
