use kernel::{
    Duration, Error, Result, Timestamp,
    id::{GrantId, PartyId},
};

use super::access::not_found;
use crate::{Host, Row, Tx, jobs, params};

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
    /// When its end was stated in the journal; it cannot come back then, whatever the clock says.
    pub lapsed_at: Option<Timestamp>,
    /// When it was given.
    pub created_at: Timestamp,
}

/// What a grant is at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantState {
    /// Given, and not in force yet.
    Waiting,
    /// In force.
    Active,
    /// Over.
    Expired,
    /// Taken back.
    Revoked,
}

impl GrantState {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// The job that states a grant's end.
pub(super) const EXPIRE: &str = "identity.grant.expire";

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
            lapsed_at: row.opt_time("lapsed_at")?,
            created_at: row.time("created_at")?,
        })
    }

    /// What it is at a moment.
    pub fn state(&self, now: Timestamp) -> GrantState {
        match () {
            () if self.revoked_at.is_some() => GrantState::Revoked,
            () if self.lapsed_at.is_some() || self.expires_at <= now => GrantState::Expired,
            () if self.not_before > now => GrantState::Waiting,
            () => GrantState::Active,
        }
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
            revoked: self.revoked_at.is_some() || self.lapsed_at.is_some(),
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
        lapsed_at: None,
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
    jobs::job_schedule(tx, EXPIRE, expires_at, &grant.id).await?;
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

/// States the end of a grant in the journal, once it has come. Decisions do not wait for it: they look at the clock.
pub(super) async fn grant_expire_in_tx(tx: &mut Tx, payload: &str) -> Result<()> {
    let id: GrantId = serde_json::from_str(payload)
        .map_err(|error| Error::corrupt("identity.grant.job", "the job names no grant").because(error))?;
    let now = tx.now();
    let Some(row) = tx.one("SELECT * FROM identity_grant WHERE id = $1", params![id]).await? else { return Ok(()) };
    let mut grant = Grant::from_row(&row)?;
    if grant.revoked_at.is_some() || grant.lapsed_at.is_some() {
        return Ok(());
    }
    if now < grant.expires_at {
        // The clock went backwards since the job came due.
        return jobs::job_schedule(tx, EXPIRE, grant.expires_at, &id).await;
    }
    tx.exec("UPDATE identity_grant SET lapsed_at = $2 WHERE id = $1", params![id, now]).await?;
    grant.lapsed_at = Some(now);
    let fact = serde_json::json!({ "grantee": grant.grantee, "expires_at": grant.expires_at });
    tx.publish("identity.grant.expired", 1, id.to_string(), grant.grantor, &fact)?;
    tx.after_commit(move |host| host.access().grant_put(&grant));
    Ok(())
}

/// A grant with its places in the journal: where it took effect, and where it ended.
pub(super) struct Placed {
    pub grant: Grant,
    pub position: Option<i64>,
    pub end_position: Option<i64>,
}

/// Grants given by and to an organisation, newest first.
pub(super) async fn grant_list(host: &Host, party: PartyId) -> Result<Vec<Placed>> {
    let sql = "SELECT g.*,
            (SELECT MIN(j.seq) FROM appkit_journal j
              WHERE j.subject = g.id AND j.kind = 'identity.grant.created') AS position,
            (SELECT MIN(j.seq) FROM appkit_journal j
              WHERE j.subject = g.id AND j.kind IN ('identity.grant.revoked', 'identity.grant.expired')) AS end_position
         FROM identity_grant g WHERE g.grantor = $1 OR g.grantee = $1 ORDER BY g.id DESC LIMIT 500";
    let rows = host.db().rows(sql, params![party]).await?;
    rows.iter()
        .map(|row| {
            Ok(Placed {
                grant: Grant::from_row(row)?,
                position: row.get("position")?,
                end_position: row.get("end_position")?,
            })
        })
        .collect()
}
