use kernel::id::PartyId;

/// What a decision is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    pub(super) kind: String,
    pub(super) id: Option<String>,
    pub(super) owner: PartyId,
    pub(super) participants: Vec<PartyId>,
    pub(super) fields: Vec<String>,
}

impl Object {
    /// An object of a kind that belongs to an organisation.
    pub fn owned(kind: impl Into<String>, owner: PartyId) -> Self {
        Self { kind: kind.into(), id: None, owner, participants: Vec::new(), fields: Vec::new() }
    }
    /// Which one.
    pub fn id(mut self, id: impl ToString) -> Self {
        self.id = Some(id.to_string());
        self
    }
    /// Who else takes part in it and therefore may read it.
    pub fn participants(mut self, parties: impl IntoIterator<Item = PartyId>) -> Self {
        self.participants.extend(parties);
        self
    }
    /// Which fields (metrics) are asked for.
    pub fn fields(mut self, fields: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields.extend(fields.into_iter().map(Into::into));
        self
    }
    /// Whose it is.
    pub fn owner(&self) -> PartyId {
        self.owner
    }

    /// Its id, empty for all of a kind.
    pub(in crate::identity) fn id_text(&self) -> &str {
        self.id.as_deref().unwrap_or("")
    }
}
