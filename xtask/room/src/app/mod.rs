//! Use cases: load → rules → save and publish, one transaction each.

use appkit::Tx;
use kernel::Result;

use crate::{domain::Note, store};

/// Keeps a note of the caller's organisation.
pub async fn note_keep(tx: &mut Tx, text: &str) -> Result<String> {
    let note = Note::new(text)?;
    let id = store::note_insert(tx, &note).await?;
    let tenant = tx.caller().tenant;
    tx.publish("ROOM_NAME.note.kept", 1, id.clone(), tenant, &())?;
    Ok(id)
}
