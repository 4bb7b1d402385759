use crate::machine::{machine, words};

words! {
    /// What kind of thing an item specifies.
    pub enum ItemKind {
        /// Something one can hold.
        Good "good";
        /// Something one does.
        Service "service";
        /// Something one can copy: a model, a drawing, data.
        Digital "digital";
    }
}

words! {
    /// How finely an item is followed.
    pub enum Tracking {
        /// By quantity only.
        None "none";
        /// By lot.
        Lot "lot";
        /// By serial number.
        Serial "serial";
    }
}

machine! {
    /// Where a revision of an item stands.
    pub enum ItemState refuses "record.item.step" {
        /// Being written.
        Draft "draft" => [InReview, Obsolete];
        /// Being checked.
        InReview "in_review" => [Draft, Released, Obsolete];
        /// May be offered, made and bought.
        Released "released" => [Superseded, Obsolete];
        /// A newer revision took its place; open obligations go on.
        Superseded "superseded" => [Obsolete];
        /// No longer used.
        Obsolete "obsolete" => [];
    }
}
