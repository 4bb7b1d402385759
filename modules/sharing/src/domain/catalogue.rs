//! The three-level catalogue of capabilities: family (manufacturing, testing, metrology) → class → process.

use std::sync::LazyLock;

use kernel::{Error, Result};

/// One node of the catalogue. Levels are the parts of its code: `MF`, `MF.MA`, `MF.MA.MILL5`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Class {
    /// Code, parts separated by dots.
    pub code: &'static str,
    /// Name in Chinese.
    pub zh: &'static str,
    /// Name in English.
    pub en: &'static str,
}

static CLASSES: LazyLock<Vec<Class>> = LazyLock::new(|| {
    let rows = include_str!("../../data/classes.csv").lines().skip(1);
    rows.filter_map(|row| {
        let (code, rest) = row.split_once(',')?;
        let (zh, en) = rest.split_once(',')?;
        Some(Class { code, zh, en: en.trim_matches('"') })
    })
    .collect()
});

/// Every class, parents before children.
pub fn classes() -> &'static [Class] {
    &CLASSES
}

impl Class {
    /// Looks a code up.
    pub fn of(code: &str) -> Result<&'static Class> {
        classes().iter().find(|class| class.code == code).ok_or_else(|| {
            Error::invalid("sharing.class.unknown", format!("{code:?} is not a class of the capability catalogue"))
                .hint("choose a code from GET /api/v1/sharing/classes")
        })
    }

    /// 1 for families, 2 for classes, 3 for processes.
    pub fn level(&self) -> usize {
        self.code.split('.').count()
    }

    /// The class above.
    pub fn parent(&self) -> Option<&'static str> {
        self.code.rsplit_once('.').map(|(parent, _)| parent)
    }
}

/// Whether something of class `narrow` is also of class `wide`.
pub fn subsumes(wide: &str, narrow: &str) -> bool {
    narrow == wide || narrow.strip_prefix(wide).is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_whole() {
        for class in classes() {
            assert!((1..=3).contains(&class.level()), "{}", class.code);
            if let Some(parent) = class.parent() {
                assert!(Class::of(parent).is_ok(), "{} has no parent", class.code);
            }
        }
        let count = |prefix: &str, level| {
            classes().iter().filter(|class| subsumes(prefix, class.code) && class.level() == level).count()
        };
        // Class counts of the public platform that the white paper describes: 14, 12 and 3 classes.
        assert_eq!((count("MF", 2), count("TE", 2), count("ME", 2)), (14, 12, 3));
    }

    #[test]
    fn subsumption_follows_the_parts_of_the_code() {
        assert!(subsumes("MF.MA", "MF.MA.MILL5") && subsumes("MF.MA.MILL5", "MF.MA.MILL5"));
        assert!(!subsumes("MF.MA.MILL5", "MF.MA") && !subsumes("MF.MA.MILL", "MF.MA.MILL5"));
    }
}
