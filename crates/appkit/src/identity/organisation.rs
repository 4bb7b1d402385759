use kernel::{Error, Result, id::PartyId};

use crate::{Host, Row, Tx, params};

/// An organisation: a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its party id.
    pub id: PartyId,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// `active` or `suspended`.
    pub state: String,
    /// Whether it exists for demonstration only.
    pub demo: bool,
}

fn read(row: &Row) -> Result<Organisation> {
    Ok(Organisation {
        id: row.id("id")?,
        name_zh: row.get("name_zh")?,
        name_en: row.get("name_en")?,
        state: row.get("state")?,
        demo: row.bool("demo")?,
    })
}

/// Creates an organisation under an id that the record uses for the same party.
///
/// # Errors
/// `identity.organisation.name` when a name is empty or too long.
pub async fn organisation_create_in_tx(
    tx: &mut Tx,
    id: PartyId,
    name_zh: &str,
    name_en: &str,
    demo: bool,
) -> Result<Organisation> {
    for (pointer, name) in [("/name_zh", name_zh), ("/name_en", name_en)] {
        if !(1..=120).contains(&name.trim().chars().count()) {
            return Err(Error::invalid(
                "identity.organisation.name",
                "an organisation needs a name of 1 to 120 characters",
            )
            .field(pointer, "1 to 120 characters"));
        }
    }
    let organisation = Organisation {
        id,
        name_zh: name_zh.trim().into(),
        name_en: name_en.trim().into(),
        state: "active".into(),
        demo,
    };
    let now = tx.now();
    tx.exec(
        "INSERT INTO identity_organisation (id, name_zh, name_en, state, demo, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![id, &organisation.name_zh, &organisation.name_en, &organisation.state, demo, now],
    )
    .await?;
    let fact = serde_json::json!({ "name_zh": organisation.name_zh, "name_en": organisation.name_en });
    tx.publish("identity.organisation.created", 1, id.to_string(), id, &fact)?;
    Ok(organisation)
}

/// One organisation.
///
/// # Errors
/// `appkit.object.not-found`.
pub async fn organisation_get(host: &Host, id: PartyId) -> Result<Organisation> {
    let row = host.db().one("SELECT * FROM identity_organisation WHERE id = $1", params![id]).await?;
    read(&row.ok_or_else(super::access::not_found)?)
}

/// Every organisation: names are public among those who trade here, nothing else is.
///
/// # Errors
/// When the database refuses.
pub async fn organisation_list(host: &Host) -> Result<Vec<Organisation>> {
    let rows = host.db().rows("SELECT * FROM identity_organisation ORDER BY id LIMIT 1000", params![]).await?;
    rows.iter().map(read).collect()
}
