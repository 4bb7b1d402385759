//! What a connector is: something that goes to machines (or waits for them), reads, and hands points to [`Ingest`].
//!
//! Modbus polling is one; OPC UA subscriptions and Sparkplug B will be others. A connector owns its sockets and its pace,
//! reports presence through the directory, ends when it is asked to, and never bypasses `Ingest`.

use std::sync::Arc;

use contracts::BoxFuture;
use kernel::Chance;
use tokio::sync::watch;

use crate::ingest::Ingest;

/// What a connector works with.
#[derive(Clone)]
pub struct ConnectorContext {
    /// The one way into the store; also knows the directory and the clock.
    pub ingest: Arc<Ingest>,
    /// For jitter.
    pub chance: Arc<dyn Chance>,
    /// See [`stopping`](Self::stopping).
    pub(crate) stop: watch::Receiver<bool>,
}

impl ConnectorContext {
    /// A context, and the switch that ends what runs in it (also when it is dropped).
    pub fn new(ingest: Arc<Ingest>, chance: Arc<dyn Chance>) -> (Self, watch::Sender<bool>) {
        let (switch, stop) = watch::channel(false);
        (Self { ingest, chance, stop }, switch)
    }

    /// Resolves when the connector is to end.
    pub async fn stopping(&mut self) {
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    /// A number from 0 up to, but without, 1.
    pub(crate) fn fraction(&self) -> f64 {
        let mut bytes = [0; 4];
        self.chance.fill(&mut bytes);
        f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// A way to machines.
pub trait Connector: Send {
    /// Its name in logs.
    fn name(&self) -> &'static str;

    /// Runs until [`ConnectorContext::stopping`] resolves. Must not end on its own: what goes wrong with one machine is
    /// counted, logged and tried again.
    fn run(self: Box<Self>, context: ConnectorContext) -> BoxFuture<'static, ()>;
}
