//! The topics of the ThingsBoard device API. `me` is always the device whose credential opened the connection: there is
//! no router behind these names, so nothing that one device publishes can reach another.

/// Device → platform: points with their own time.
pub(crate) const TELEMETRY: &str = "v1/devices/me/telemetry";
/// Device → platform: facts about the device; also platform → device when subscribed.
pub(crate) const ATTRIBUTES: &str = "v1/devices/me/attributes";

/// Whether a device may publish to it. Both topics carry the same JSON dialect.
pub(crate) fn may_publish(topic: &str) -> bool {
    topic == TELEMETRY || topic == ATTRIBUTES
}

const FILTERS: [&str; 4] =
    [ATTRIBUTES, "v1/devices/me/attributes/response/+", "v1/devices/me/rpc/request/+", "v1/devices/me/rpc/response/+"];

/// Whether a device may subscribe to it: only these, letter by letter, so that no wildcard can be wider than meant.
pub(crate) fn may_subscribe(filter: &str) -> bool {
    FILTERS.contains(&filter)
}

/// Whether a topic is covered by one of the filters above.
pub(crate) fn matches(filter: &str, topic: &str) -> bool {
    match filter.strip_suffix('+') {
        Some(prefix) => {
            topic.strip_prefix(prefix).is_some_and(|last| !last.is_empty() && !last.contains(['/', '+', '#']))
        }
        None => filter == topic,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ones_own() {
        for topic in ["v1/devices/me/telemetry", "v1/devices/me/attributes"] {
            assert!(may_publish(topic), "{topic}");
        }
        for topic in
            ["v1/devices/other/telemetry", "v1/devices/me/telemetry/", "v1/gateway/telemetry", "#", "$SYS/x", ""]
        {
            assert!(!may_publish(topic), "{topic}");
        }
        for filter in [
            "#",
            "+/devices/me/attributes",
            "v1/devices/+/attributes",
            "v1/#",
            "$share/g/v1/devices/me/attributes",
            "v1/devices/me/telemetry",
        ] {
            assert!(!may_subscribe(filter), "{filter}");
        }
        assert!(may_subscribe("v1/devices/me/rpc/request/+"));
    }

    #[test]
    fn matching() {
        assert!(matches("v1/devices/me/rpc/request/+", "v1/devices/me/rpc/request/7"));
        assert!(!matches("v1/devices/me/rpc/request/+", "v1/devices/me/rpc/request/"));
        assert!(!matches("v1/devices/me/rpc/request/+", "v1/devices/me/rpc/request/7/8"));
        assert!(matches(ATTRIBUTES, ATTRIBUTES));
    }
}
