use std::{collections::HashMap, time::Duration};

use contracts::{
    BoxFuture,
    devices::{DeviceBinding, ModbusPoll},
};
use kernel::id::DeviceId;
use tokio::{sync::watch, task::JoinHandle};

use super::{ModbusConfig, actor::Actor};
use crate::connector::{Connector, ConnectorContext};

/// Polls every device that the directory says is to be polled, and follows its changes.
pub struct ModbusPolling {
    config: ModbusConfig,
}

struct Member {
    poll: ModbusPoll,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl ModbusPolling {
    /// With these limits.
    pub fn new(config: ModbusConfig) -> Box<Self> {
        Box::new(Self { config })
    }

    async fn follow(self, mut context: ConnectorContext) {
        let mut members: HashMap<DeviceId, Member> = HashMap::new();
        let mut seen = None;
        loop {
            // The revision is read first: a change in between is then seen at the next look.
            let revision = context.ingest.directory().revision();
            if seen != Some(revision) {
                seen = Some(revision);
                let wanted = context.ingest.directory().polled();
                self.reconcile(&context, &mut members, &wanted);
            }
            tokio::select! {
                () = context.stopping() => break,
                () = tokio::time::sleep(Duration::from_millis(u64::from(self.config.review_ms))) => {}
            }
        }
        for member in members.values() {
            member.stop.send_replace(true);
        }
        for (device, member) in members {
            if let Err(cause) = member.task.await {
                tracing::error!(%device, %cause, "a poller ended badly");
            }
        }
    }

    fn reconcile(
        &self,
        context: &ConnectorContext,
        members: &mut HashMap<DeviceId, Member>,
        wanted: &[std::sync::Arc<DeviceBinding>],
    ) {
        let wanted: HashMap<DeviceId, &ModbusPoll> = wanted
            .iter()
            .filter(|binding| binding.enabled)
            .filter_map(|binding| Some((binding.device, binding.poll.as_ref()?)))
            .take(self.config.devices_max)
            .collect();
        members.retain(|device, member| {
            let stays = wanted.contains_key(device);
            if !stays {
                member.stop.send_replace(true);
            }
            stays
        });
        for (device, poll) in wanted {
            let old = match members.get(&device) {
                Some(member) if member.poll == *poll && !member.task.is_finished() => continue,
                Some(_) => members.remove(&device),
                None => None,
            };
            let (stop, stopped) = watch::channel(false);
            let context = ConnectorContext { stop: stopped, ..context.clone() };
            let actor = Actor::new(context, self.config.clone(), device, poll.clone());
            let task = tokio::spawn(async move {
                if let Some(old) = old {
                    // Many machines take one connection only: the old one goes first.
                    old.stop.send_replace(true);
                    if let Err(cause) = old.task.await {
                        tracing::error!(%device, %cause, "a poller ended badly");
                    }
                }
                actor.run().await;
            });
            members.insert(device, Member { poll: poll.clone(), stop, task });
        }
    }
}

impl Connector for ModbusPolling {
    fn name(&self) -> &'static str {
        "modbus"
    }

    fn run(self: Box<Self>, context: ConnectorContext) -> BoxFuture<'static, ()> {
        Box::pin(self.follow(context))
    }
}
