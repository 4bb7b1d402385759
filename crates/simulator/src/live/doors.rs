//! The platform's doors as a device sees them: MQTT and HTTP.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::{Request, StatusCode, body::Bytes, header};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use mqtt5::{
    ConnectOptions, MqttClient, MqttError, ProtocolVersion, PublishOptions, PublishResult, QoS, types::ReasonCode,
};

use super::{Target, sender::Delivery};
use crate::spec::Protocol;

const TELEMETRY: &str = "v1/devices/me/telemetry";
const ANSWER_WITHIN: Duration = Duration::from_secs(15);

pub(super) enum Door {
    Mqtt(Mqtt),
    Http(Http),
}

impl Door {
    pub fn new(protocol: Protocol, name: &str, token: String, target: &Target) -> Self {
        match protocol {
            Protocol::HttpLine => Door::Http(Http::new(
                format!("http://{}/api/v1/ingest/line", target.http),
                Some(token),
                "text/plain; charset=utf-8",
            )),
            Protocol::HttpJson => Door::Http(Http::new(
                format!("http://{}/api/v1/{token}/telemetry", target.http),
                None,
                "application/json",
            )),
            Protocol::MqttV311 => Door::Mqtt(Mqtt::new(target, name, token, ProtocolVersion::V311)),
            Protocol::MqttV5 | Protocol::ModbusTcp => Door::Mqtt(Mqtt::new(target, name, token, ProtocolVersion::V5)),
        }
    }

    pub async fn deliver(&mut self, body: &[u8]) -> Delivery {
        match self {
            Door::Mqtt(mqtt) => mqtt.deliver(body).await,
            Door::Http(http) => http.deliver(body).await,
        }
    }

    pub async fn close(&mut self) {
        if let Door::Mqtt(mqtt) = self {
            mqtt.close().await;
        }
    }
}

/// A device's MQTT connection. The sender decides what is repeated, so every connection starts clean and the client library
/// neither queues nor reconnects by itself.
pub(super) struct Mqtt {
    address: String,
    client_id: String,
    token: String,
    version: ProtocolVersion,
    client: Option<MqttClient>,
}

impl Mqtt {
    fn new(target: &Target, name: &str, token: String, version: ProtocolVersion) -> Self {
        let client_id = format!("sim-{}", name.replace('/', "-"));
        Self { address: format!("mqtt://{}", target.mqtt), client_id, token, version, client: None }
    }

    async fn deliver(&mut self, body: &[u8]) -> Delivery {
        if self.client.is_none() {
            match tokio::time::timeout(ANSWER_WITHIN, self.connect()).await {
                Ok(Ok(client)) => self.client = Some(client),
                Ok(Err(error)) => return Delivery::Unanswered(error.to_string()),
                Err(_) => return Delivery::Unanswered("no answer to the connection".to_owned()),
            }
        }
        let Some(client) = &self.client else { return Delivery::Unanswered("not connected".to_owned()) };
        let options = PublishOptions { qos: QoS::AtLeastOnce, ..PublishOptions::default() };
        let published =
            tokio::time::timeout(ANSWER_WITHIN, client.publish_with_options(TELEMETRY, body, options)).await;
        let delivery = match published {
            Ok(Ok(PublishResult::Sent(_))) => return Delivery::Acknowledged,
            Ok(Ok(PublishResult::Queued(_))) | Err(_) => Delivery::Unanswered("no PUBACK".to_owned()),
            Ok(Err(MqttError::PublishFailed(code))) if passing(code) => Delivery::Unanswered(format!("{code:?}")),
            Ok(Err(MqttError::PublishFailed(code))) => return Delivery::Refused(format!("{code:?}")),
            Ok(Err(error)) => Delivery::Unanswered(error.to_string()),
        };
        self.close().await;
        delivery
    }

    async fn connect(&self) -> Result<MqttClient, MqttError> {
        let options = ConnectOptions::new(self.client_id.clone())
            .with_protocol_version(self.version)
            .with_clean_start(true)
            .with_automatic_reconnect(false)
            .with_keep_alive(Duration::from_secs(30))
            .with_credentials(self.token.clone(), b"");
        let client = MqttClient::with_options(options);
        client.connect(&self.address).await?;
        Ok(client)
    }

    async fn close(&mut self) {
        if let Some(client) = self.client.take() {
            // A dead connection cannot be closed politely; nothing depends on it.
            let _ = tokio::time::timeout(Duration::from_secs(1), client.disconnect()).await;
        }
    }
}

/// Refusals that may not last.
fn passing(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::UnspecifiedError
            | ReasonCode::ImplementationSpecificError
            | ReasonCode::QuotaExceeded
            | ReasonCode::ServerBusy
            | ReasonCode::ServerUnavailable
            | ReasonCode::MessageRateTooHigh
    )
}

/// A device that posts.
pub(super) struct Http {
    url: String,
    bearer: Option<String>,
    content_type: &'static str,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    fn new(url: String, bearer: Option<String>, content_type: &'static str) -> Self {
        Self { url, bearer, content_type, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn deliver(&mut self, body: &[u8]) -> Delivery {
        let mut request = Request::post(&self.url).header(header::CONTENT_TYPE, self.content_type);
        if let Some(token) = &self.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = match request.body(Full::new(Bytes::copy_from_slice(body))) {
            Ok(request) => request,
            Err(error) => return Delivery::Refused(error.to_string()),
        };
        match tokio::time::timeout(ANSWER_WITHIN, self.answer(request)).await {
            Ok(Ok((status, _))) if status.is_success() => Delivery::Acknowledged,
            Ok(Ok((status, text))) if final_refusal(status) => Delivery::Refused(format!("{status}: {text}")),
            Ok(Ok((status, text))) => Delivery::Unanswered(format!("{status}: {text}")),
            Ok(Err(error)) => Delivery::Unanswered(error),
            Err(_) => Delivery::Unanswered("no answer".to_owned()),
        }
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, String), String> {
        let response = self.client.request(request).await.map_err(|error| error.to_string())?;
        let status = response.status();
        // The whole answer must be read, or the connection cannot be used again.
        let text =
            Limited::new(response.into_body(), 65_536).collect().await.map_err(|error| error.to_string())?.to_bytes();
        Ok((status, String::from_utf8_lossy(&text).chars().take(200).collect()))
    }
}

/// Answers that will not change by asking again. An unknown token may still be registered, so 401 and 404 are not among them.
fn final_refusal(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY
    )
}
