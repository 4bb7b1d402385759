use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use contracts::twin::MachineState;
use kernel::{Timestamp, id::AssetId};

use super::watch::Today;
use crate::domain::latest::LatestValues;

/// What is known of a machine right now.
#[derive(Debug, Clone)]
pub struct MachineLive {
    /// Its newest values.
    pub values: LatestValues,
    /// Its state.
    pub state: MachineState,
    /// Since when; none while the state is not evaluated.
    pub since: Option<Timestamp>,
    /// Its states since the beginning of the day; none while the state is not evaluated.
    pub today: Option<Today>,
}

impl Default for MachineLive {
    fn default() -> Self {
        Self { values: LatestValues::default(), state: MachineState::Unknown, since: None, today: None }
    }
}

/// The newest values and states of all machines. Written by the engine, read by everybody.
#[derive(Default)]
pub struct Board(RwLock<HashMap<AssetId, Arc<MachineLive>>>);

impl Board {
    /// What is known of a machine; empty when nothing is.
    pub fn get(&self, asset: AssetId) -> Arc<MachineLive> {
        self.0.read().unwrap_or_else(|p| p.into_inner()).get(&asset).cloned().unwrap_or_default()
    }

    /// Replaces what is known; the state that was shown before.
    pub(super) fn put(&self, asset: AssetId, live: MachineLive) -> Option<MachineState> {
        let before = self.0.write().unwrap_or_else(|p| p.into_inner()).insert(asset, Arc::new(live));
        before.map(|live| live.state)
    }
}
