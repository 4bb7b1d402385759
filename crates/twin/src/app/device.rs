use std::collections::HashMap;

use appkit::Tx;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use contracts::devices::ModbusPoll;
use kernel::{
    Digest, Error, Result,
    id::{AssetId, Device as DeviceKind, DeviceId, PartyId},
    sha256,
};

use super::{equipment::node_of, follow, thing_model::model_of};
use crate::{
    domain::{
        device::{MetricMapping, mapping_check},
        model::Property,
        naming::Problems,
        poll::poll_check,
    },
    events::{DEVICE_CHANGED, DEVICE_REGISTERED, DeviceFact},
    registry::{Device, ModelVersion},
    store::{self, device::Stored},
};

/// A device to be registered, or the new configuration of one.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceNew {
    /// Name in topics and logs, unique in the organisation.
    pub name: String,
    /// Which metric feeds which property.
    pub metrics: Vec<MetricMapping>,
    /// How to ask it, when it does not speak by itself.
    pub poll: Option<ModbusPoll>,
    /// Whether it may connect.
    pub enabled: bool,
}

/// Registers a device and makes its token: 256 random bits, given out here and never again.
///
/// # Errors
/// `twin.device.malformed` naming every wrong field, `twin.device.name-taken`, `twin.mapping.*`, `twin.equipment.unknown`.
pub async fn device_register_in_tx(tx: &mut Tx, tenant: PartyId, new: DeviceNew) -> Result<(Device, String)> {
    let (token, token_hash) = token_new(tx);
    let stored = Stored {
        id: tx.new_id::<DeviceKind>(),
        tenant,
        name: new.name,
        token_hash,
        enabled: new.enabled,
        poll: new.poll,
        metrics: new.metrics,
        created_at: tx.now(),
        rotated_at: tx.now(),
    };
    let device = configure(tx, stored, DEVICE_REGISTERED, "registered").await?;
    Ok((device, token))
}

/// Replaces name, mapping, poll configuration and the right to connect. The token stays.
///
/// # Errors
/// As [`device_register_in_tx`]; `twin.device.unknown`.
pub async fn device_configure_in_tx(tx: &mut Tx, tenant: PartyId, id: DeviceId, new: DeviceNew) -> Result<Device> {
    let stored = device_of(tx, tenant, id).await?;
    let stored = Stored { name: new.name, metrics: new.metrics, poll: new.poll, enabled: new.enabled, ..stored };
    configure(tx, stored, DEVICE_CHANGED, "configured").await
}

/// Makes a new token; the old one is refused from the commit on.
///
/// # Errors
/// `twin.device.unknown`.
pub async fn device_rotate_in_tx(tx: &mut Tx, tenant: PartyId, id: DeviceId) -> Result<(Device, String)> {
    let (token, token_hash) = token_new(tx);
    let stored = Stored { token_hash, rotated_at: tx.now(), ..device_of(tx, tenant, id).await? };
    let device = save(tx, stored, DEVICE_CHANGED, "token rotated").await?;
    Ok((device, token))
}

/// Lets a device connect, or not.
///
/// # Errors
/// `twin.device.unknown`.
pub async fn device_enable_in_tx(tx: &mut Tx, tenant: PartyId, id: DeviceId, enabled: bool) -> Result<Device> {
    let stored = Stored { enabled, ..device_of(tx, tenant, id).await? };
    save(tx, stored, DEVICE_CHANGED, if enabled { "enabled" } else { "disabled" }).await
}

/// Binds the devices that feed an asset to another version of its model.
pub(super) async fn rebind_in_tx(tx: &mut Tx, tenant: PartyId, asset: AssetId, version: ModelVersion) -> Result<()> {
    for stored in store::device::feeding(tx, tenant, asset).await? {
        let mut properties = properties_of(tx, tenant, &stored.metrics).await?;
        properties.insert(asset, version.clone());
        let device = bind(stored, &properties)?;
        follow(tx, move |registry| registry.device_put(device));
    }
    Ok(())
}

async fn configure(tx: &mut Tx, stored: Stored, kind: &'static str, what: &str) -> Result<Device> {
    let mut problems = Problems::new();
    problems.name("/name", &stored.name);
    mapping_check(&stored.metrics, &mut problems);
    if let Some(poll) = &stored.poll {
        poll_check(poll, stored.metrics.iter().map(|mapping| mapping.metric.as_str()), &mut problems);
    }
    problems.refuse("twin.device.malformed", "the device cannot be recorded", "correct the listed fields")?;
    if store::device::name_taken(tx, stored.tenant, &stored.name, stored.id).await? {
        return Err(Error::conflict("twin.device.name-taken", format!("another device is named {}", stored.name))
            .field("/name", "taken")
            .hint("choose another name"));
    }
    let (id, metrics) = (stored.id, stored.metrics.clone());
    let device = save(tx, stored, kind, what).await?;
    store::device::metrics_save(tx, id, &metrics).await?;
    Ok(device)
}

async fn save(tx: &mut Tx, stored: Stored, kind: &'static str, what: &str) -> Result<Device> {
    let properties = properties_of(tx, stored.tenant, &stored.metrics).await?;
    let device = bind(stored.clone(), &properties)?;
    store::device::save(tx, &stored).await?;
    let fact = DeviceFact { device: stored.id, name: &stored.name, enabled: stored.enabled, what };
    tx.publish(kind, 1, stored.id.to_string(), stored.tenant, &fact)?;
    let seen = device.clone();
    follow(tx, move |registry| registry.device_put(seen));
    Ok(device)
}

/// The models of the assets that a mapping names. An asset of somebody else is as unknown as one that does not exist.
async fn properties_of(
    tx: &mut Tx,
    tenant: PartyId,
    metrics: &[MetricMapping],
) -> Result<HashMap<AssetId, ModelVersion>> {
    let mut models = HashMap::new();
    for mapping in metrics {
        if models.contains_key(&mapping.asset) {
            continue;
        }
        let node = node_of(tx, tenant, mapping.asset).await?;
        let (model, version) = node.model.ok_or_else(super::equipment::not_a_machine)?;
        models.insert(mapping.asset, model_of(tx, tenant, model, Some(version)).await?);
    }
    Ok(models)
}

fn bind(stored: Stored, models: &HashMap<AssetId, ModelVersion>) -> Result<Device> {
    stored.bind(|asset, id| {
        let property: Option<Property> = models.get(&asset).and_then(|version| version.model.property(id)).cloned();
        property.ok_or_else(|| store::device::unknown_property(id))
    })
}

async fn device_of(tx: &mut Tx, tenant: PartyId, id: DeviceId) -> Result<Stored> {
    store::device::find(tx, tenant, id).await?.ok_or_else(unknown)
}

/// The uniform refusal for a device that is not there or not the caller's.
pub fn unknown() -> Error {
    Error::not_found("twin.device.unknown", "there is no such device in your organisation")
        .hint("list the devices with GET /api/v1/devices")
}

fn token_new(tx: &Tx) -> (String, Digest) {
    let mut bytes = [0; 32];
    tx.host().chance().fill(&mut bytes);
    let token = URL_SAFE_NO_PAD.encode(bytes);
    let hash = token_hash(&token);
    (token, hash)
}

/// What is stored of a token. It carries 256 bits of chance, so that a plain digest cannot be searched.
pub fn token_hash(token: &str) -> Digest {
    sha256(&[token.as_bytes()])
}
