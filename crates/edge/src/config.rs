use std::{net::SocketAddr, sync::Arc};

use contracts::BoxFuture;
use kernel::{Chance, Result};
use serde::Deserialize;
use tokio::{sync::watch, task::JoinHandle};

use crate::{
    connector::{Connector, ConnectorContext},
    ingest::Ingest,
    modbus::{ModbusConfig, ModbusPolling, Reach},
    mqtt::{self, MqttConfig},
};

/// Section `[edge]` of the configuration. The doors of HTTP open with the web server.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EdgeConfig {
    /// Whether devices may come over MQTT.
    pub mqtt: bool,
    /// Where MQTT listens. There is no TLS on this door yet: other addresses than loopback belong behind a gateway.
    pub mqtt_bind: SocketAddr,
    /// Connections over MQTT in all.
    pub mqtt_connections_max: usize,
    /// Connections over MQTT from one address.
    pub mqtt_connections_per_address_max: usize,
    /// Connections over MQTT of one device.
    pub mqtt_connections_per_device_max: usize,
    /// Whether Modbus devices are polled.
    pub modbus: bool,
    /// Which addresses may be polled: `loopback`, `private` or `any`.
    pub modbus_reach: Reach,
}

impl Default for EdgeConfig {
    fn default() -> Self {
        let mqtt = MqttConfig::default();
        Self {
            mqtt: true,
            mqtt_bind: mqtt.bind,
            mqtt_connections_max: mqtt.connections_max,
            mqtt_connections_per_address_max: mqtt.connections_per_address_max,
            mqtt_connections_per_device_max: mqtt.connections_per_device_max,
            modbus: true,
            modbus_reach: Reach::default(),
        }
    }
}

/// The running doors. Dropping it closes them without waiting.
pub struct Edge {
    mqtt: Option<mqtt::Handle>,
    connectors: Vec<JoinHandle<()>>,
    switch: watch::Sender<bool>,
}

/// Opens the doors that have sockets of their own and starts the connectors.
pub fn open(config: EdgeConfig, ingest: Arc<Ingest>, chance: Arc<dyn Chance>) -> BoxFuture<'static, Result<Edge>> {
    Box::pin(async move {
        let (context, switch) = ConnectorContext::new(ingest.clone(), chance);
        let mqtt = match config.mqtt {
            true => Some(mqtt::start(config.mqtt_limits(), ingest).await?),
            false => None,
        };
        let mut connectors: Vec<Box<dyn Connector>> = Vec::new();
        if config.modbus {
            connectors.push(ModbusPolling::new(ModbusConfig { reach: config.modbus_reach, ..ModbusConfig::default() }));
        }
        let connectors = connectors
            .into_iter()
            .map(|connector| {
                tracing::info!(name = connector.name(), "connector started");
                tokio::spawn(connector.run(context.clone()))
            })
            .collect();
        Ok(Edge { mqtt, connectors, switch })
    })
}

impl Edge {
    /// The MQTT door, when it is open.
    pub fn mqtt(&self) -> Option<&mqtt::Handle> {
        self.mqtt.as_ref()
    }

    /// Closes everything: what has been received becomes durable and is acknowledged first.
    pub async fn stop(self) {
        self.switch.send_replace(true);
        if let Some(mqtt) = self.mqtt {
            mqtt.stop().await;
        }
        for connector in self.connectors {
            if let Err(cause) = connector.await {
                tracing::error!(%cause, "a connector ended badly");
            }
        }
    }
}

impl EdgeConfig {
    fn mqtt_limits(&self) -> MqttConfig {
        MqttConfig {
            bind: self.mqtt_bind,
            connections_max: self.mqtt_connections_max,
            connections_per_address_max: self.mqtt_connections_per_address_max,
            connections_per_device_max: self.mqtt_connections_per_device_max,
            ..MqttConfig::default()
        }
    }
}
