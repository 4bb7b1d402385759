use kernel::{
    Duration, Error, Result, Timestamp,
    id::{GrantId, PartyId},
};

use super::access::not_found;
use crate::{Caller, Host, Row, Tx, params};

const LIFE_DEFAULT: Duration = Duration::from_days(90);
/// Thirteen months: a grant is renewed by people, not forgotten.
const LIFE_MAX: Duration = Duration::from_days(396);
const LIST_MAX: usize = 200;

/// One organisation lets another look at a slice of its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Id.
    pub id: GrantId,
    /// Whose data.
    pub grantor: PartyId,
    /// For whom.
    pub grantee: PartyId,
    /// Kinds of object, such as `machine`, `reading`.
    pub kinds: Vec<String>,
    /// Which ones; empty means all of the kinds.
    pub ids: Vec<String>,
    /// Which fields (metrics); empty means all.
    pub fields: Vec<String>,
    /// What for: a word such as `credit`, `service`, or `any`.
    pub purpose: String,
    /// First moment.
    pub not_before: Timestamp,
    /// First moment after.
    pub expires_at: Timestamp,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// When it was given.
    pub created_at: Timestamp,
}

/// A grant to be given.
#[derive(Debug, Clone, Default)]
pub struct NewGrant {
    /// For whom.
    pub grantee: Option<PartyId>,
    /// Kinds of object.
    pub kinds: Vec<String>,
    /// Which ones; empty means all of the kinds.
    pub ids: Vec<String>,
    /// Which fields; empty means all.
    pub fields: Vec<String>,
    /// What for.
    pub purpose: String,
    /// From when; at once when absent.
    pub not_before: Option<Timestamp>,
    /// Until when; 90 days when absent, 13 months at most.
    pub expires_at: Option<Timestamp>,
}

impl Grant {
    pub(super) fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            grantor: row.id("grantor")?,
            grantee: row.id("grantee")?,
            kinds: row.json("kinds")?,
            ids: row.json("ids")?,
            fields: row.json("fields")?,
            purpose: row.get("purpose")?,
            not_before: row.time("not_before")?,
            expires_at: row.time("expires_at")?,
            revoked_at: row.opt_time("revoked_at")?,
            created_at: row.time("created_at")?,
        })
    }

    pub(super) fn facts(&self) -> policy::Grant {
        policy::Grant {
            id: self.id.to_string(),
            grantor: self.grantor.to_string(),
            grantee: self.grantee.to_string(),
            kinds: self.kinds.clone(),
            ids: self.ids.clone(),
            fields: self.fields.clone(),
            purpose: self.purpose.clone(),
            not_before_us: self.not_before.micros(),
            expires_us: self.expires_at.micros(),
            revoked: self.revoked_at.is_some(),
        }
    }
}

/// Gives a grant of the caller's organisation. It acts from the commit on.
///
/// # Errors
/// `identity.grant.malformed` with every wrong field, `identity.grant.grantee` when there is no such organisation.
pub async fn grant_create_in_tx(tx: &mut Tx, new: NewGrant) -> Result<Grant> {
    let (grantor, now) = (tx.caller().tenant, tx.now());
    let not_before = new.not_before.unwrap_or(now);
    let expires_at = new.expires_at.unwrap_or(not_before.max(now) + LIFE_DEFAULT);
    let mut error = Error::invalid("identity.grant.malformed", "the grant cannot be given like this")
        .hint("name kinds, a purpose and an end within thirteen months");
    let mut wrong = |pointer: &str, message: &str, bad: bool| {
        if bad {
            error.fields.push(kernel::FieldError { pointer: pointer.into(), message: message.into() });
        }
    };
    let word = |text: &str| {
        (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    wrong(
        "/kinds",
        "1 to 200 words",
        new.kinds.is_empty() || new.kinds.len() > LIST_MAX || !new.kinds.iter().all(|k| word(k)),
    );
    wrong("/ids", "at most 200 ids", new.ids.len() > LIST_MAX || !new.ids.iter().all(|id| word(id)));
    wrong("/fields", "at most 200 names", new.fields.len() > LIST_MAX || !new.fields.iter().all(|field| word(field)));
    wrong("/purpose", "one word; `any` when it does not matter", !word(&new.purpose));
    wrong("/expires_at", "after now and the beginning", expires_at <= now || expires_at <= not_before);
    wrong("/expires_at", "within thirteen months", expires_at > now + LIFE_MAX);
    wrong("/grantee", "another organisation", new.grantee.is_none() || new.grantee == Some(grantor));
    let Some(grantee) = new.grantee.filter(|_| error.fields.is_empty()) else { return Err(error) };
    if tx.one("SELECT id FROM identity_organisation WHERE id = $1", params![grantee]).await?.is_none() {
        return Err(
            Error::invalid("identity.grant.grantee", "there is no such organisation").field("/grantee", "unknown")
        );
    }
    let grant = Grant {
        id: tx.new_id(),
        grantor,
        grantee,
        kinds: new.kinds,
        ids: new.ids,
        fields: new.fields,
        purpose: new.purpose,
        not_before,
        expires_at,
        revoked_at: None,
        created_at: now,
    };
    let list = |items: &[String]| serde_json::json!(items).to_string();
    tx.exec(
        "INSERT INTO identity_grant
            (id, grantor, grantee, kinds, ids, fields, purpose, not_before, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            grant.id,
            grantor,
            grantee,
            list(&grant.kinds),
            list(&grant.ids),
            list(&grant.fields),
            &grant.purpose,
            not_before,
            expires_at,
            now
        ],
    )
    .await?;
    let fact = serde_json::json!({ "grantee": grantee, "kinds": grant.kinds, "ids": grant.ids, "fields": grant.fields,
        "purpose": grant.purpose, "not_before": not_before, "expires_at": expires_at });
    tx.publish("identity.grant.created", 1, grant.id.to_string(), grantor, &fact)?;
    let known = grant.clone();
    tx.after_commit(move |host| host.access().grant_put(&known));
    Ok(grant)
}

/// Takes a grant back. From the commit on it permits nothing.
///
/// # Errors
/// `appkit.object.not-found`; revoking twice changes nothing.
pub async fn grant_revoke_in_tx(tx: &mut Tx, id: GrantId) -> Result<Grant> {
    let (grantor, now) = (tx.caller().tenant, tx.now());
    let row = tx.one("SELECT * FROM identity_grant WHERE id = $1 AND grantor = $2", params![id, grantor]).await?;
    let mut grant = Grant::from_row(&row.ok_or_else(not_found)?)?;
    if grant.revoked_at.is_none() {
        tx.exec("UPDATE identity_grant SET revoked_at = $2 WHERE id = $1", params![id, now]).await?;
        grant.revoked_at = Some(now);
        tx.publish(
            "identity.grant.revoked",
            1,
            id.to_string(),
            grantor,
            &serde_json::json!({ "grantee": grant.grantee }),
        )?;
    }
    let known = grant.clone();
    tx.after_commit(move |host| host.access().grant_put(&known));
    Ok(grant)
}

/// Grants given by and to an organisation, newest first.
pub(super) async fn grant_list(host: &Host, party: PartyId) -> Result<Vec<Grant>> {
    let sql = "SELECT * FROM identity_grant WHERE grantor = $1 OR grantee = $1 ORDER BY id DESC LIMIT 500";
    host.db().rows(sql, params![party]).await?.iter().map(Grant::from_row).collect()
}

/// One line of a grant's log.
pub(super) struct Look {
    pub grant: GrantId,
    pub subject: String,
    pub object: String,
    pub action: String,
    pub minute: Timestamp,
    pub count: i64,
}

/// Who looked at what under the grants that an organisation gave, newest first.
pub(super) async fn access_list(host: &Host, grantor: PartyId) -> Result<Vec<Look>> {
    let rows = host
        .db()
        .rows(
            "SELECT a.* FROM identity_grant_access a JOIN identity_grant g ON g.id = a.grant_id
             WHERE g.grantor = $1 ORDER BY a.minute DESC, a.object LIMIT 500",
            params![grantor],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Look {
                grant: row.id("grant_id")?,
                subject: row.get("subject")?,
                object: row.get("object")?,
                action: row.get("action")?,
                minute: row.time("minute")?,
                count: row.get("count")?,
            })
        })
        .collect()
}

/// Writes a look to the log before the data leaves.
pub(super) async fn access_log(host: &Host, caller: &Caller, grant: &str, action: &str, object: &str) -> Result<()> {
    let mut tx = host.begin(caller).await?;
    let minute = tx.now().floor_to(Duration::from_mins(1));
    tx.exec(
        "INSERT INTO identity_grant_access (grant_id, subject, object, action, minute, count) VALUES ($1, $2, $3, $4, $5, 1)
         ON CONFLICT (grant_id, subject, object, action, minute) DO UPDATE SET count = identity_grant_access.count + 1",
        params![grant, caller.subject.to_string(), object, action, minute],
    )
    .await?;
    tx.commit().await
}
