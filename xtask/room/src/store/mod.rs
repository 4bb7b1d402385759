//! SQL: the tables of this room and no others.

use appkit::{Db, Tx, params};
use kernel::{
    Result,
    id::{Entry, PartyId},
};

use crate::domain::Note;

pub async fn note_insert(tx: &mut Tx, note: &Note) -> Result<String> {
    let (id, now, tenant) = (tx.new_id::<Entry>(), tx.now(), tx.caller().tenant);
    tx.exec(
        "INSERT INTO ROOM_SNAKE_note (id, tenant, text, created_at) VALUES ($1, $2, $3, $4)",
        params![id, tenant, &note.0, now],
    )
    .await?;
    Ok(id.to_string())
}

pub async fn note_list(db: &Db, tenant: PartyId) -> Result<Vec<String>> {
    let sql = "SELECT text FROM ROOM_SNAKE_note WHERE tenant = $1 ORDER BY id LIMIT 500";
    db.rows(sql, params![tenant]).await?.iter().map(|row| row.get("text")).collect()
}
