use std::{collections::HashMap, sync::Arc};

use appkit::{Host, Row, Tx, params};
use contracts::devices::{DeviceBinding, ModbusPoll};
use kernel::{
    Digest, Error, Result, Timestamp, Unit,
    id::{AssetId, DeviceId, PartyId},
};

use super::{json_column, json_opt};
use crate::{
    domain::{device::MetricMapping, model::Property},
    registry::{Device, ModelVersion},
};

/// A device as stored, before its metrics are bound to properties.
#[derive(Debug, Clone)]
pub struct Stored {
    pub id: DeviceId,
    pub tenant: PartyId,
    pub name: String,
    pub token_hash: Digest,
    pub enabled: bool,
    pub poll: Option<ModbusPoll>,
    pub metrics: Vec<MetricMapping>,
    pub created_at: Timestamp,
    pub rotated_at: Timestamp,
}

impl Stored {
    /// Binds every metric to its property. `property` answers for an asset and a property id.
    pub fn bind(self, property: impl Fn(AssetId, &str) -> Result<Property>) -> Result<Device> {
        let mut metrics = std::collections::BTreeMap::new();
        for (index, mapping) in self.metrics.iter().enumerate() {
            let bound = property(mapping.asset, &mapping.property).and_then(|property| mapping.bind(&property));
            let binding = bound.map_err(|error| {
                let text = error.message.to_string();
                error.field(format!("/metrics/{index}"), text)
            })?;
            metrics.insert(mapping.metric.clone(), binding);
        }
        let binding = DeviceBinding {
            device: self.id,
            tenant: self.tenant,
            name: self.name,
            enabled: self.enabled,
            metrics,
            poll: self.poll,
        };
        Ok(Device {
            binding: Arc::new(binding),
            token_hash: self.token_hash,
            metrics: self.metrics,
            created_at: self.created_at,
            rotated_at: self.rotated_at,
        })
    }
}

const COLUMNS: &str = "id, tenant, name, token_hash, enabled, poll, created_at, rotated_at";

fn read(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.id("id")?,
        tenant: row.id("tenant")?,
        name: row.get("name")?,
        token_hash: Digest::from_hex(&row.get::<String>("token_hash")?)?,
        enabled: row.bool("enabled")?,
        poll: json_column(row, "poll")?,
        metrics: Vec::new(),
        created_at: row.time("created_at")?,
        rotated_at: row.time("rotated_at")?,
    })
}

fn read_metric(row: &Row) -> Result<MetricMapping> {
    Ok(MetricMapping {
        metric: row.get("metric")?,
        asset: row.id("asset")?,
        property: row.get("property")?,
        unit: row.get::<Option<String>>("unit")?.map(|code| Unit::of(&code)).transpose()?,
        factor: row.decimal("factor")?,
        bias: row.decimal("bias")?,
    })
}

const METRICS: &str = "SELECT device, metric, asset, property, unit, factor, bias FROM twin_device_metric";

pub async fn all(host: &Host) -> Result<Vec<Device>> {
    let mut metrics: HashMap<DeviceId, Vec<MetricMapping>> = HashMap::new();
    for row in host.db().rows(&format!("{METRICS} ORDER BY device, place"), params![]).await? {
        metrics.entry(row.id("device")?).or_default().push(read_metric(&row)?);
    }
    let models: HashMap<_, ModelVersion> =
        super::model::all(host).await?.into_iter().map(|version| ((version.id, version.version), version)).collect();
    let nodes: HashMap<AssetId, _> =
        super::node::all(host).await?.into_iter().map(|node| (node.id, node.model)).collect();
    let property = |asset: AssetId, id: &str| {
        let model = nodes.get(&asset).copied().flatten().and_then(|model| models.get(&model));
        model.and_then(|version| version.model.property(id)).cloned().ok_or_else(|| unknown_property(id))
    };
    let rows = host.db().rows(&format!("SELECT {COLUMNS} FROM twin_device"), params![]).await?;
    let mut devices = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut stored = read(row)?;
        stored.metrics = metrics.remove(&stored.id).unwrap_or_default();
        devices.push(stored.bind(property)?);
    }
    Ok(devices)
}

pub async fn find(tx: &mut Tx, tenant: PartyId, id: DeviceId) -> Result<Option<Stored>> {
    let sql = format!("SELECT {COLUMNS} FROM twin_device WHERE tenant = $1 AND id = $2");
    let Some(row) = tx.one(&sql, params![tenant, id]).await? else { return Ok(None) };
    let mut stored = read(&row)?;
    let rows = tx.rows(&format!("{METRICS} WHERE device = $1 ORDER BY place"), params![id]).await?;
    stored.metrics = rows.iter().map(read_metric).collect::<Result<_>>()?;
    Ok(Some(stored))
}

/// The devices that feed an asset.
pub async fn feeding(tx: &mut Tx, tenant: PartyId, asset: AssetId) -> Result<Vec<Stored>> {
    let rows = tx
        .rows("SELECT DISTINCT device FROM twin_device_metric WHERE asset = $1 ORDER BY device", params![asset])
        .await?;
    let mut devices = Vec::with_capacity(rows.len());
    for row in &rows {
        devices.extend(find(tx, tenant, row.id("device")?).await?);
    }
    Ok(devices)
}

pub async fn save(tx: &mut Tx, device: &Stored) -> Result<()> {
    tx.exec(
        "INSERT INTO twin_device (id, tenant, name, token_hash, enabled, poll, created_at, rotated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET name = excluded.name, token_hash = excluded.token_hash, enabled = excluded.enabled,
             poll = excluded.poll, rotated_at = excluded.rotated_at",
        params![
            device.id,
            device.tenant,
            &device.name,
            device.token_hash.hex(),
            device.enabled,
            json_opt(device.poll.as_ref())?,
            device.created_at,
            device.rotated_at
        ],
    )
    .await?;
    Ok(())
}

/// Replaces the mapping of a device.
pub async fn metrics_save(tx: &mut Tx, device: DeviceId, metrics: &[MetricMapping]) -> Result<()> {
    tx.exec("DELETE FROM twin_device_metric WHERE device = $1", params![device]).await?;
    for (index, mapping) in metrics.iter().enumerate() {
        let sql = "SELECT device FROM twin_device_metric WHERE asset = $1 AND property = $2";
        if tx.one(sql, params![mapping.asset, &mapping.property]).await?.is_some() {
            let message = format!("{} of this machine is fed by another device", mapping.property);
            return Err(Error::conflict("twin.mapping.property-taken", message.clone())
                .field(format!("/metrics/{index}/property"), message)
                .hint("a property has one feeder: remove it from the other device first"));
        }
        tx.exec(
            "INSERT INTO twin_device_metric (device, metric, place, asset, property, unit, factor, bias)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            params![
                device,
                &mapping.metric,
                index,
                mapping.asset,
                &mapping.property,
                mapping.unit.map(|unit| unit.code()),
                mapping.factor,
                mapping.bias
            ],
        )
        .await?;
    }
    Ok(())
}

pub async fn name_taken(tx: &mut Tx, tenant: PartyId, name: &str, except: DeviceId) -> Result<bool> {
    let sql = "SELECT id FROM twin_device WHERE tenant = $1 AND name = $2 AND id <> $3";
    Ok(tx.one(sql, params![tenant, name, except]).await?.is_some())
}

/// The refusal for a property that the machine's model does not have.
pub fn unknown_property(id: &str) -> Error {
    Error::unprocessable("twin.mapping.unknown-property", format!("the machine has no property {id:?}"))
        .hint("map to a property of the thing model version that the machine is pinned to")
}
