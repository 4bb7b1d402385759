//! What the edge and the rooms ask: answers of the contracts' ports.

use std::sync::Arc;

use contracts::{
    BoxFuture,
    devices::{DeviceBinding, DeviceDirectory, Quarantined},
    twin::{MachineDirectory, MachineFacts, MachineState, StateSpan},
};
use kernel::{
    Result, Timestamp, Window,
    id::{AssetId, DeviceId, PartyId},
};

use crate::{Twin, app::device::token_hash, domain::timeline, store};

impl DeviceDirectory for Twin {
    fn by_token(&self, token: &str) -> Option<Arc<DeviceBinding>> {
        // A lookup by digest: what an attacker could learn from its timing is nothing about a token.
        self.registry.device_by_token(&token_hash(token)).map(|device| device.binding.clone())
    }

    fn by_id(&self, device: DeviceId) -> Option<Arc<DeviceBinding>> {
        self.registry.device(device).map(|device| device.binding.clone())
    }

    fn polled(&self) -> Vec<Arc<DeviceBinding>> {
        let all = self.registry.devices(None).into_iter().map(|device| device.binding.clone());
        all.filter(|binding| binding.enabled && binding.poll.is_some()).collect()
    }

    fn revision(&self) -> u64 {
        self.registry.devices_revision()
    }

    fn quarantine(&self, records: Vec<Quarantined>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { store::quarantine::keep(&self.host()?, records).await })
    }

    fn presence(&self, device: DeviceId, online: bool, at: Timestamp) {
        self.presence_note(device, online, at);
    }
}

impl MachineDirectory for Twin {
    fn machine(&self, asset: AssetId) -> Option<Arc<MachineFacts>> {
        self.registry.machine(asset).map(|machine| machine.facts.clone())
    }

    fn machines(&self, tenant: PartyId) -> Vec<Arc<MachineFacts>> {
        self.registry.machines(tenant).into_iter().map(|machine| machine.facts.clone()).collect()
    }

    fn state(&self, asset: AssetId) -> MachineState {
        self.board.get(asset).state
    }

    fn timeline(&self, asset: AssetId, window: Window) -> BoxFuture<'_, Result<Vec<StateSpan>>> {
        Box::pin(async move {
            match self.registry.machine(asset) {
                Some(machine) => self.timeline_of(&machine, window).await,
                None => Ok(timeline::fill([], window)),
            }
        })
    }

    fn last_heard(&self, asset: AssetId) -> Option<Timestamp> {
        self.board.get(asset).values.heard()
    }
}
