use appkit::{Caller, Host, IdemKey, Json, Page, PageQuery, Path, Policy, Query, Reply, Routes, routes};
use axum::extract::State;
use contracts::devices::{ModbusFormat, ModbusPoll, ModbusRegister, ModbusTable};
use kernel::{
    Decimal, Error, Result, Unit,
    id::{AssetId, DeviceId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::twin;
use crate::{
    DeviceNew, MetricMapping, Twin, app::device::unknown, device_configure_in_tx, device_enable_in_tx,
    device_register_in_tx, device_rotate_in_tx, registry::Device,
};

pub(super) fn routes() -> Routes {
    Routes::new("twin")
        .add(Policy::view("twin.device.read"), routes!(device_list))
        .add(Policy::operate("twin.device.write"), routes!(device_register))
        .add(Policy::view("twin.device.read"), routes!(device_get))
        .add(Policy::operate("twin.device.write"), routes!(device_configure))
        .add(Policy::operate("twin.device.write"), routes!(device_rotate))
        .add(Policy::operate("twin.device.write"), routes!(device_disable))
        .add(Policy::operate("twin.device.write"), routes!(device_enable))
}

/// A device: what speaks a protocol and holds a credential. Its token is not part of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct DeviceView {
    /// Its id.
    #[schema(value_type = String)]
    id: DeviceId,
    /// Name in topics and logs.
    name: String,
    /// Whether it may connect.
    enabled: bool,
    /// Whether it is connected now; absent when nothing is known since the start.
    online: Option<bool>,
    /// Since when (RFC 3339).
    online_since: Option<String>,
    /// Which metric feeds which property.
    metrics: Vec<MetricBody>,
    /// How it is asked, when it does not speak by itself.
    poll: Option<PollBody>,
    /// Since when it is on record (RFC 3339).
    created_at: String,
    /// When its token was made (RFC 3339).
    rotated_at: String,
    /// Its token, in the answer that made it and never again, not even when that request is repeated with its key.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// One metric and the property it feeds.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MetricBody {
    /// Name of the metric as the device sends it.
    metric: String,
    /// The machine.
    #[schema(value_type = String)]
    asset: AssetId,
    /// The property id.
    property: String,
    /// UN/ECE Rec 20 code of the unit the metric comes in; the property's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "KEL")]
    unit: Option<String>,
    /// Raw value × factor + bias = value in `unit`; 1 when absent.
    #[serde(default = "one")]
    #[schema(example = "0.1")]
    factor: String,
    /// See `factor`; 0 when absent.
    #[serde(default = "zero")]
    #[schema(example = "0")]
    bias: String,
}

fn one() -> String {
    "1".into()
}

fn zero() -> String {
    "0".into()
}

/// How to ask a Modbus TCP device.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PollBody {
    /// Host and port.
    #[schema(example = "192.168.1.20:502")]
    address: String,
    /// Unit id, 1–247.
    #[schema(minimum = 1, maximum = 247)]
    unit_id: u8,
    /// Pause between polls, 100–3600000.
    #[schema(minimum = 100, maximum = 3_600_000)]
    interval_ms: u32,
    /// What to read.
    registers: Vec<RegisterBody>,
}

/// One value of the register map.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RegisterBody {
    /// The metric it becomes.
    metric: String,
    /// `coil`, `discrete_input`, `holding_register` or `input_register`.
    #[schema(value_type = String, example = "input_register")]
    table: ModbusTable,
    /// Zero-based address.
    address: u16,
    /// `bool`, `u16`, `i16`, `u32`, `i32`, `u64`, `f32`, `f32_swapped` or `u32_swapped`.
    #[schema(value_type = String, example = "f32")]
    format: ModbusFormat,
}

/// A device's configuration.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DeviceBody {
    /// Name in topics and logs, unique in your organisation.
    name: String,
    /// Which metric feeds which property.
    #[serde(default)]
    metrics: Vec<MetricBody>,
    /// How to ask it, when it does not speak by itself.
    #[serde(default)]
    poll: Option<PollBody>,
    /// Whether it may connect.
    #[serde(default = "yes")]
    enabled: bool,
}

fn yes() -> bool {
    true
}

impl DeviceBody {
    fn read(self) -> Result<DeviceNew> {
        let mut metrics = Vec::with_capacity(self.metrics.len());
        for (index, metric) in self.metrics.into_iter().enumerate() {
            let place = |field: &str| format!("/metrics/{index}/{field}");
            let decimal = |text: &str, field: &str| -> Result<Decimal> {
                text.parse().map_err(|_| {
                    Error::invalid("twin.device.malformed", format!("{text:?} is not a decimal number"))
                        .field(place(field), "a decimal number is needed")
                        .hint("write it like 0.1")
                })
            };
            let unit = metric.unit.as_deref().map(Unit::of).transpose().map_err(|error| {
                let message = error.message.to_string();
                error.field(place("unit"), message)
            })?;
            let (factor, bias) = (decimal(&metric.factor, "factor")?, decimal(&metric.bias, "bias")?);
            metrics.push(MetricMapping {
                metric: metric.metric,
                asset: metric.asset,
                property: metric.property,
                unit,
                factor,
                bias,
            });
        }
        let poll = self.poll.map(|poll| ModbusPoll {
            address: poll.address,
            unit_id: poll.unit_id,
            interval_ms: poll.interval_ms,
            registers: poll
                .registers
                .into_iter()
                .map(|r| ModbusRegister { metric: r.metric, table: r.table, address: r.address, format: r.format })
                .collect(),
        });
        Ok(DeviceNew { name: self.name, metrics, poll, enabled: self.enabled })
    }
}

impl DeviceView {
    fn of(device: &Device, twin: &Twin) -> Self {
        let binding = &device.binding;
        let presence = twin.presence_of(binding.device);
        let metric = |mapping: &MetricMapping| MetricBody {
            metric: mapping.metric.clone(),
            asset: mapping.asset,
            property: mapping.property.clone(),
            unit: mapping.unit.map(|unit| unit.code().to_owned()),
            factor: mapping.factor.to_string(),
            bias: mapping.bias.to_string(),
        };
        let register = |r: &ModbusRegister| RegisterBody {
            metric: r.metric.clone(),
            table: r.table,
            address: r.address,
            format: r.format,
        };
        Self {
            id: binding.device,
            name: binding.name.clone(),
            enabled: binding.enabled,
            online: presence.map(|(online, _)| online),
            online_since: presence.map(|(_, at)| at.to_string()),
            metrics: device.metrics.iter().map(metric).collect(),
            poll: binding.poll.as_ref().map(|poll| PollBody {
                address: poll.address.clone(),
                unit_id: poll.unit_id,
                interval_ms: poll.interval_ms,
                registers: poll.registers.iter().map(register).collect(),
            }),
            created_at: device.created_at.to_string(),
            rotated_at: device.rotated_at.to_string(),
            token: None,
        }
    }
}

/// The devices of your organisation, by name.
#[utoipa::path(get, path = "/api/v1/devices", tag = "twin", params(PageQuery), responses((status = 200, body = Page<DeviceView>)))]
async fn device_list(
    State(host): State<Host>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> appkit::Result<Json<Page<DeviceView>>> {
    let (twin, limit) = (twin(&host)?, page.limit()?);
    let devices = twin.registry().devices(Some(caller.tenant));
    let after = devices.iter().filter(|device| device.binding.name.as_str() > page.after());
    let items = after.take(limit + 1).map(|device| DeviceView::of(device, &twin)).collect();
    Ok(Json(Page::of(items, limit, |device: &DeviceView| device.name.clone())))
}

/// Registers a device. The answer carries its token, once; it is stored only as a digest.
#[utoipa::path(post, path = "/api/v1/devices", tag = "twin", request_body = DeviceBody, responses((status = 201, body = DeviceView)))]
async fn device_register(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Json(body): Json<DeviceBody>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.device.register", &idem, &body).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let (device, token) = device_register_in_tx(command.tx(), caller.tenant, body.read()?).await?;
    with_token(command.reply(201, &DeviceView::of(&device, &*twin(&host)?)).await?, token)
}

/// The stored answer stays without the token: what is kept for repeats must not hold a secret.
fn with_token(mut reply: Reply, token: String) -> appkit::Result<Reply> {
    reply.body["token"] = token.into();
    Ok(reply)
}

/// A device.
#[utoipa::path(get, path = "/api/v1/devices/{id}", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = DeviceView)))]
async fn device_get(
    State(host): State<Host>,
    caller: Caller,
    Path(id): Path<DeviceId>,
) -> appkit::Result<Json<DeviceView>> {
    let twin = twin(&host)?;
    let device =
        twin.registry().device(id).filter(|device| device.binding.tenant == caller.tenant).ok_or_else(unknown)?;
    Ok(Json(DeviceView::of(&device, &twin)))
}

/// Replaces a device's configuration. Its token stays.
#[utoipa::path(put, path = "/api/v1/devices/{id}", tag = "twin", params(("id" = String, Path)), request_body = DeviceBody,
    responses((status = 200, body = DeviceView)))]
async fn device_configure(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<DeviceId>,
    Json(body): Json<DeviceBody>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.device.configure", &idem, &(id, &body)).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let device = device_configure_in_tx(command.tx(), caller.tenant, id, body.read()?).await?;
    command.reply(200, &DeviceView::of(&device, &*twin(&host)?)).await
}

/// Makes a new token, shown once; the old one is refused from now on.
#[utoipa::path(post, path = "/api/v1/devices/{id}/rotate", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = DeviceView)))]
async fn device_rotate(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<DeviceId>,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, "twin.device.rotate", &idem, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let (device, token) = device_rotate_in_tx(command.tx(), caller.tenant, id).await?;
    with_token(command.reply(200, &DeviceView::of(&device, &*twin(&host)?)).await?, token)
}

/// Keeps a device from connecting, until it is enabled again.
#[utoipa::path(post, path = "/api/v1/devices/{id}/disable", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = DeviceView)))]
async fn device_disable(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<DeviceId>,
) -> appkit::Result<Reply> {
    enable(host, caller, "twin.device.disable", idem, id, false).await
}

/// Lets a device connect again.
#[utoipa::path(post, path = "/api/v1/devices/{id}/enable", tag = "twin", params(("id" = String, Path)), responses((status = 200, body = DeviceView)))]
async fn device_enable(
    State(host): State<Host>,
    caller: Caller,
    idem: IdemKey,
    Path(id): Path<DeviceId>,
) -> appkit::Result<Reply> {
    enable(host, caller, "twin.device.enable", idem, id, true).await
}

async fn enable(
    host: Host,
    caller: Caller,
    operation: &'static str,
    idem: IdemKey,
    id: DeviceId,
    enabled: bool,
) -> appkit::Result<Reply> {
    let mut command = host.command(&caller, operation, &idem, &id).await?;
    if let Some(reply) = command.replay() {
        return Ok(reply);
    }
    let device = device_enable_in_tx(command.tx(), caller.tenant, id, enabled).await?;
    command.reply(200, &DeviceView::of(&device, &*twin(&host)?)).await
}
