//! The equipment tree of ISA-95 (IEC 62264): who stands in whom.
//!
//! *Guarantees*: a node stands in a node of a higher level (levels may be skipped; only modules nest in modules, as ISA-88 has it); there is
//! no cycle; an id never contains a path, so a node can move without being renamed.

use std::{collections::HashMap, fmt, str::FromStr};

use kernel::{Error, Result, id::AssetId};
use serde::{Deserialize, Serialize};

/// Deepest nesting: six levels and modules in modules.
pub const DEPTH_MAX: usize = 16;

/// The levels, highest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// The whole company.
    Enterprise,
    /// A place.
    Site,
    /// A part of a site: a workshop.
    Area,
    /// A process cell, production unit, production line or storage zone.
    WorkCenter,
    /// A unit, work cell or storage unit: a machine.
    WorkUnit,
    /// An equipment or control module inside a machine.
    Module,
}

impl Level {
    const ALL: [(Level, &'static str); 6] = [
        (Level::Enterprise, "enterprise"),
        (Level::Site, "site"),
        (Level::Area, "area"),
        (Level::WorkCenter, "work_center"),
        (Level::WorkUnit, "work_unit"),
        (Level::Module, "module"),
    ];

    /// As stored and sent.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// Whether a node of this level may contain one of that level.
    pub fn may_hold(self, child: Level) -> bool {
        self < child || (self == Level::Module && child == Level::Module)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Level {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(level, _)| *level).ok_or_else(|| {
            Error::invalid("twin.equipment.unknown-level", format!("{text:?} is not a level of the equipment tree"))
                .hint("use enterprise, site, area, work_center, work_unit or module")
        })
    }
}

/// Refuses a place that the levels do not allow.
///
/// # Errors
/// `twin.equipment.level-inverted`.
pub fn place_check(parent: Option<Level>, child: Level) -> Result<()> {
    match parent {
        Some(parent) if !parent.may_hold(child) => Err(Error::unprocessable(
            "twin.equipment.level-inverted",
            format!("a node of level {child} cannot stand in one of level {parent}"),
        )
        .hint("a node stands in a node of a higher level: enterprise, site, area, work_center, work_unit, module")),
        _ => Ok(()),
    }
}

/// Refuses a path of more than [`DEPTH_MAX`] nodes.
///
/// # Errors
/// `twin.equipment.too-deep`.
pub fn depth_check(depth: usize) -> Result<()> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    Err(Error::unprocessable("twin.equipment.too-deep", format!("the tree has at most {DEPTH_MAX} levels"))
        .hint("modules can be nested, but not for ever"))
}

/// The tree of one organisation: node → parent and level.
#[derive(Debug, Clone, Default)]
pub struct Tree(HashMap<AssetId, (Option<AssetId>, Level)>);

impl Tree {
    /// No nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a node into the tree as it is stored.
    pub fn put(&mut self, node: AssetId, parent: Option<AssetId>, level: Level) {
        self.0.insert(node, (parent, level));
    }

    /// The ancestors of a node, nearest first, itself excluded. Ends at the root or at [`DEPTH_MAX`].
    pub fn ancestors(&self, node: AssetId) -> impl Iterator<Item = AssetId> + '_ {
        let parent = |node: &AssetId| self.0.get(node).and_then(|(parent, _)| *parent);
        std::iter::successors(parent(&node), move |node| parent(node)).take(DEPTH_MAX * 2)
    }

    /// Moves a node with everything in it, or refuses.
    ///
    /// # Errors
    /// `twin.equipment.unknown`, `twin.equipment.cycle`, `twin.equipment.level-inverted`, `twin.equipment.too-deep`.
    pub fn relocate(&mut self, node: AssetId, parent: Option<AssetId>) -> Result<()> {
        let level = self.level(node)?;
        let parent_level = parent.map(|parent| self.level(parent)).transpose()?;
        if let Some(parent) = parent
            && (parent == node || self.ancestors(parent).any(|ancestor| ancestor == node))
        {
            return Err(Error::unprocessable(
                "twin.equipment.cycle",
                "a node cannot stand in itself or in something it contains",
            )
            .hint("choose a parent outside this node"));
        }
        place_check(parent_level, level)?;
        let above = parent.map_or(0, |parent| 1 + self.ancestors(parent).count());
        depth_check(above + self.height(node))?;
        self.0.insert(node, (parent, level));
        Ok(())
    }

    fn level(&self, node: AssetId) -> Result<Level> {
        self.0.get(&node).map(|(_, level)| *level).ok_or_else(unknown)
    }

    /// Levels below and including a node.
    fn height(&self, node: AssetId) -> usize {
        let depth = |other: &AssetId| match *other == node {
            true => Some(1),
            false => self.ancestors(*other).position(|ancestor| ancestor == node).map(|steps| steps + 2),
        };
        self.0.keys().filter_map(depth).max().unwrap_or(1)
    }
}

/// The uniform refusal for a node that is not there or not the caller's.
pub fn unknown() -> Error {
    Error::not_found("twin.equipment.unknown", "there is no such node in your equipment tree")
        .hint("list the tree with GET /api/v1/equipment")
}

#[cfg(test)]
mod tests {
    use kernel::{SeededChance, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn id(number: u64) -> AssetId {
        AssetId::at(Timestamp::from_micros(0), &SeededChance::new(number))
    }

    #[test]
    fn levels_may_be_skipped_but_not_inverted() {
        for (parent, child, allowed) in [
            (None, Level::WorkUnit, true),
            (Some(Level::Enterprise), Level::WorkUnit, true),
            (Some(Level::Area), Level::WorkCenter, true),
            (Some(Level::WorkUnit), Level::Module, true),
            (Some(Level::Module), Level::Module, true),
            (Some(Level::WorkUnit), Level::WorkUnit, false),
            (Some(Level::WorkUnit), Level::Area, false),
            (Some(Level::Site), Level::Site, false),
            (Some(Level::Module), Level::WorkUnit, false),
        ] {
            assert_eq!(place_check(parent, child).is_ok(), allowed, "{parent:?} {child:?}");
        }
        assert_eq!("line".parse::<Level>().unwrap_err().code, "twin.equipment.unknown-level");
        assert!(
            Level::ALL.iter().all(|(level, name)| level.name() == *name && name.parse::<Level>().unwrap() == *level)
        );
    }

    #[test]
    fn a_node_cannot_move_into_itself() {
        let mut tree = Tree::new();
        tree.put(id(1), None, Level::Module);
        tree.put(id(2), Some(id(1)), Level::Module);
        tree.put(id(3), Some(id(2)), Level::Module);
        assert_eq!(tree.relocate(id(1), Some(id(3))).unwrap_err().code, "twin.equipment.cycle");
        assert_eq!(tree.relocate(id(1), Some(id(1))).unwrap_err().code, "twin.equipment.cycle");
        assert_eq!(tree.relocate(id(9), None).unwrap_err().code, "twin.equipment.unknown");
        tree.relocate(id(3), Some(id(1))).unwrap();
        tree.relocate(id(2), Some(id(3))).unwrap();
    }

    proptest! {
        /// However nodes are moved about, the tree stays a tree and its levels stay in order.
        #[test]
        fn moves_keep_the_tree_a_tree(levels in proptest::collection::vec(0..6usize, 2..14), moves in proptest::collection::vec((0..14usize, 0..15usize), 0..60)) {
            let mut tree = Tree::new();
            for (index, level) in levels.iter().enumerate() {
                tree.put(id(index as u64), None, Level::ALL[*level].0);
            }
            for (node, parent) in moves {
                let parent = (parent < levels.len()).then(|| id(parent as u64));
                let _ = tree.relocate(id((node % levels.len()) as u64), parent);
            }
            for node in tree.0.keys() {
                let path: Vec<_> = tree.ancestors(*node).collect();
                prop_assert!(path.len() < DEPTH_MAX, "a cycle or too deep");
                prop_assert!(!path.contains(node));
                let (parent, level) = tree.0[node];
                prop_assert!(place_check(parent.map(|parent| tree.0[&parent].1), level).is_ok());
            }
        }
    }
}
