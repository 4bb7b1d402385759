use kernel::{
    Error, Result,
    id::{PartyId, UserId},
};

use super::{
    access::not_found,
    password,
    user::{NewUser, user_prepare, user_write_in_tx},
};
use crate::{Caller, Host, Object, Policy, Role, Row, Tx, caller::PLATFORM, params};

/// An organisation: a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// Its party id.
    pub id: PartyId,
    /// Name in Chinese.
    pub name_zh: String,
    /// Name in English.
    pub name_en: String,
    /// Whether it may act.
    pub state: OrganisationState,
    /// Whether it exists for demonstration only.
    pub demo: bool,
}

/// Whether an organisation may act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrganisationState {
    /// It may.
    Active,
    /// It may sign in and nothing else, until it is reinstated. Its records stay.
    Suspended,
}

impl OrganisationState {
    /// Its name in the database and on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    /// Stops it.
    ///
    /// # Errors
    /// `identity.organisation.state` when it is suspended already.
    pub fn suspend(self) -> Result<Self> {
        match self {
            Self::Active => Ok(Self::Suspended),
            Self::Suspended => Err(illegal("it is suspended already")),
        }
    }

    /// Lets it act again.
    ///
    /// # Errors
    /// `identity.organisation.state` when it is not suspended.
    pub fn reinstate(self) -> Result<Self> {
        match self {
            Self::Suspended => Ok(Self::Active),
            Self::Active => Err(illegal("it is not suspended")),
        }
    }
}

fn illegal(why: &'static str) -> Error {
    Error::conflict("identity.organisation.state", format!("the organisation's state does not permit it: {why}"))
        .hint("look at the organisation's state first")
}

impl std::str::FromStr for OrganisationState {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        [Self::Active, Self::Suspended]
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| Error::corrupt("identity.organisation.damaged", format!("no state {text:?}")))
    }
}

fn read(row: &Row) -> Result<Organisation> {
    Ok(Organisation {
        id: row.id("id")?,
        name_zh: row.get("name_zh")?,
        name_en: row.get("name_en")?,
        state: row.parse("state")?,
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
        state: OrganisationState::Active,
        demo,
    };
    let now = tx.now();
    tx.exec(
        "INSERT INTO identity_organisation (id, name_zh, name_en, state, demo, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        params![id, &organisation.name_zh, &organisation.name_en, organisation.state.name(), demo, now],
    )
    .await?;
    let fact = serde_json::json!({ "name_zh": organisation.name_zh, "name_en": organisation.name_en });
    tx.publish("identity.organisation.created", 1, id.to_string(), id, &fact)?;
    Ok(organisation)
}

/// Creates an organisation with its first administrator, for whoever looks after the installation. The administrator's
/// password is one that nobody chose; it is returned once.
pub(super) async fn organisation_enrol(
    host: &Host,
    caller: &Caller,
    name_zh: &str,
    name_en: &str,
    admin: NewUser,
) -> Result<(Organisation, UserId, String)> {
    installation_check(host, caller, "identity.organisation.create")?;
    let password = password::password_random(&**host.chance());
    let admin = NewUser { password: password.clone(), roles: vec![Role::Admin], ..admin };
    let hash = user_prepare(host, &admin).await?;
    let mut tx = host.begin(caller).await?;
    let id = tx.new_id();
    let organisation = organisation_create_in_tx(&mut tx, id, name_zh, name_en, false).await?;
    let user = user_write_in_tx(&mut tx, id, &admin, &hash).await?;
    tx.commit().await?;
    Ok((organisation, user, password))
}

/// Suspends or reinstates an organisation; it acts from the commit on.
pub(super) async fn organisation_state_in_tx(
    tx: &mut Tx,
    id: PartyId,
    wanted: OrganisationState,
) -> Result<Organisation> {
    installation_check(tx.host(), tx.caller(), "identity.organisation.state")?;
    if id == tx.caller().tenant {
        return Err(illegal("nobody suspends or reinstates their own organisation"));
    }
    let row = tx.one("SELECT * FROM identity_organisation WHERE id = $1", params![id]).await?;
    let mut organisation = read(&row.ok_or_else(not_found)?)?;
    let kind;
    (organisation.state, kind) = match wanted {
        OrganisationState::Suspended => (organisation.state.suspend()?, "identity.organisation.suspended"),
        OrganisationState::Active => (organisation.state.reinstate()?, "identity.organisation.reinstated"),
    };
    let state = organisation.state;
    tx.exec("UPDATE identity_organisation SET state = $2 WHERE id = $1", params![id, state.name()]).await?;
    tx.publish(kind, 1, id.to_string(), id, &serde_json::json!({}))?;
    tx.after_commit(move |host| host.access().suspended_put(id, state == OrganisationState::Suspended));
    Ok(organisation)
}

/// Refuses unless the caller looks after the installation.
///
/// # Errors
/// `appkit.caller.not-allowed`.
pub fn installation_check(host: &Host, caller: &Caller, action: &'static str) -> Result<()> {
    let installation = Object::owned("installation", PLATFORM);
    if host.access().permits(caller, Policy::admin(action), &installation, host.now()) {
        return Ok(());
    }
    Err(Error::denied("appkit.caller.not-allowed", format!("your role does not permit {action}"))
        .hint("ask whoever looks after this installation"))
}

/// One organisation.
///
/// # Errors
/// `appkit.object.not-found`.
pub async fn organisation_get(host: &Host, id: PartyId) -> Result<Organisation> {
    let row = host.db().one("SELECT * FROM identity_organisation WHERE id = $1", params![id]).await?;
    read(&row.ok_or_else(not_found)?)
}

/// Every organisation: names are public among those who trade here, nothing else is.
///
/// # Errors
/// When the database refuses.
pub async fn organisation_list(host: &Host) -> Result<Vec<Organisation>> {
    let rows = host.db().rows("SELECT * FROM identity_organisation ORDER BY id LIMIT 1000", params![]).await?;
    rows.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::OrganisationState::{Active, Suspended};

    #[test]
    fn illegal_transitions_are_refused_with_a_code() {
        assert_eq!((Active.suspend().unwrap(), Suspended.reinstate().unwrap()), (Suspended, Active));
        for error in [Suspended.suspend().unwrap_err(), Active.reinstate().unwrap_err()] {
            assert_eq!(error.code, "identity.organisation.state");
        }
    }
}
