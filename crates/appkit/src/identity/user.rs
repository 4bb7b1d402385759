use kernel::{
    Error, Result,
    id::{PartyId, UserId},
};

use super::{
    access::{name_of, not_found},
    password, session,
};
use crate::{Caller, Host, Role, Row, Subject, Tx, params};

/// A user as stored, without the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct User {
    pub id: UserId,
    pub organisation: PartyId,
    pub login: String,
    pub name: String,
    pub roles: Vec<Role>,
    pub language: String,
    pub active: bool,
}

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What they sign in with, unique in the installation.
    pub login: String,
    /// What they are called.
    pub name: String,
    /// Their password.
    pub password: String,
    /// Their roles.
    pub roles: Vec<Role>,
    /// `zh` or `en`.
    pub language: String,
}

impl User {
    pub(super) fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            organisation: row.id("organisation")?,
            login: row.get("login")?,
            name: row.get("name")?,
            roles: roles_parse(&row.get::<String>("roles")?)?,
            language: row.get("language")?,
            active: row.bool("active")?,
        })
    }
}

/// Roles as stored: names separated by spaces.
pub(super) fn roles_text(roles: &[Role]) -> String {
    let mut names: Vec<&str> = roles.iter().map(|role| name_of(*role)).collect();
    names.sort_unstable();
    names.dedup();
    names.join(" ")
}

pub(super) fn roles_parse(text: &str) -> Result<Vec<Role>> {
    text.split(' ')
        .filter(|name| !name.is_empty())
        .map(|name| {
            [Role::Admin, Role::Operator, Role::Trader, Role::Finance, Role::Viewer, Role::Platform]
                .into_iter()
                .find(|role| name_of(*role) == name)
                .ok_or_else(|| Error::corrupt("identity.role.unknown", format!("no role {name:?}")))
        })
        .collect()
}

/// Refuses roles that a caller may not hand on: only its own, or any of the organisation's when it administers that. The
/// platform role is handed on by those who hold it; a device's by nobody.
pub(super) fn roles_within(caller: &Caller, wanted: &[Role]) -> Result<()> {
    let holds = |role: Role| caller.is_system() || caller.roles.contains(&role);
    let fine = |role: &Role| match role {
        Role::Device => false,
        Role::Platform => holds(Role::Platform),
        other => holds(Role::Admin) || holds(*other),
    };
    if !wanted.is_empty() && wanted.iter().all(fine) {
        return Ok(());
    }
    Err(Error::invalid("identity.role.beyond", "these roles cannot be given by you")
        .hint("give at least one role, and none beyond your own")
        .field("/roles", "at least one, none beyond your own"))
}

/// Creates a user; the password is hashed before the transaction is begun: see [`user_prepare`].
///
/// # Errors
/// `identity.user.login`, `identity.user.exists`, `identity.password.weak`, `identity.role.beyond`.
pub async fn user_create_in_tx(tx: &mut Tx, organisation: PartyId, new: &NewUser) -> Result<UserId> {
    check(new)?;
    let hash = password::hash(new.password.clone(), &**tx.host().chance()).await?;
    user_insert_in_tx(tx, organisation, new, &hash).await
}

/// Checks a new user and hashes the password: tens of milliseconds that nobody should wait for inside the one transaction.
pub(super) async fn user_prepare(host: &Host, new: &NewUser) -> Result<String> {
    check(new)?;
    password::hash(new.password.clone(), &**host.chance()).await
}

fn check(new: &NewUser) -> Result<()> {
    let sane = |c: char| c.is_alphanumeric() || "@._-+".contains(c);
    if !(3..=80).contains(&new.login.chars().count()) || !new.login.chars().all(sane) {
        return Err(Error::invalid("identity.user.login", "a login has 3 to 80 letters, digits or @ . _ - +")
            .field("/login", "3 to 80 letters, digits or @ . _ - +"));
    }
    if !(1..=80).contains(&new.name.trim().chars().count()) {
        return Err(
            Error::invalid("identity.user.name", "a name has 1 to 80 characters").field("/name", "1 to 80 characters")
        );
    }
    if !matches!(new.language.as_str(), "zh" | "en") {
        return Err(Error::invalid("identity.user.language", "the language is zh or en").field("/language", "zh or en"));
    }
    password::check(&new.password, &[&new.login, &new.name])
}

/// Adds a user whose password is hashed already, with roles that the transaction's caller may give.
pub(super) async fn user_insert_in_tx(tx: &mut Tx, organisation: PartyId, new: &NewUser, hash: &str) -> Result<UserId> {
    roles_within(&tx.caller().clone(), &new.roles)?;
    user_write_in_tx(tx, organisation, new, hash).await
}

/// The same, whoever the caller is: for the first administrator of an organisation.
pub(super) async fn user_write_in_tx(tx: &mut Tx, organisation: PartyId, new: &NewUser, hash: &str) -> Result<UserId> {
    let login = new.login.to_lowercase();
    if tx.one("SELECT id FROM identity_user WHERE login = $1", params![&login]).await?.is_some() {
        return Err(Error::conflict("identity.user.exists", "this login is taken").hint("choose another login"));
    }
    let (id, now) = (tx.new_id(), tx.now());
    tx.exec(
        "INSERT INTO identity_user (id, organisation, login, name, password, roles, language, active, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8)",
        params![id, organisation, &login, new.name.trim(), hash, roles_text(&new.roles), &new.language, now],
    )
    .await?;
    let fact = serde_json::json!({ "roles": roles_text(&new.roles) });
    tx.publish("identity.user.created", 1, id.to_string(), organisation, &fact)?;
    Ok(id)
}

pub(super) async fn user_get(host: &Host, id: UserId) -> Result<User> {
    let row = host.db().one("SELECT * FROM identity_user WHERE id = $1", params![id]).await?;
    User::from_row(&row.ok_or_else(not_found)?)
}

pub(super) async fn user_list(host: &Host, organisation: PartyId) -> Result<Vec<User>> {
    let sql = "SELECT * FROM identity_user WHERE organisation = $1 ORDER BY id LIMIT 1000";
    host.db().rows(sql, params![organisation]).await?.iter().map(User::from_row).collect()
}

/// A user of the caller's organisation that the caller may change: not itself, and none with roles that it could not give.
async fn user_for_change_in_tx(tx: &mut Tx, id: UserId) -> Result<User> {
    let caller = tx.caller().clone();
    let row = tx
        .one("SELECT * FROM identity_user WHERE id = $1 AND organisation = $2", params![id, caller.tenant])
        .await?
        .ok_or_else(not_found)?;
    let user = User::from_row(&row)?;
    // A token acts for whoever made it.
    let own = match caller.subject {
        Subject::User(user) => user == id,
        Subject::Token(token) => {
            let sql = "SELECT id FROM identity_token WHERE id = $1 AND created_by = $2";
            tx.one(sql, params![token, id]).await?.is_some()
        }
        _ => false,
    };
    if own {
        return Err(
            Error::conflict("identity.user.self", "this cannot be done to oneself").hint("ask another administrator")
        );
    }
    roles_within(&caller, &user.roles)?;
    Ok(user)
}

/// Switches a user off (their sessions end with it, and their tokens rest) or on again.
pub(super) async fn user_activate_in_tx(tx: &mut Tx, id: UserId, active: bool) -> Result<()> {
    let user = user_for_change_in_tx(tx, id).await?;
    if user.active == active {
        return Ok(());
    }
    tx.exec("UPDATE identity_user SET active = $2 WHERE id = $1", params![id, active]).await?;
    if !active {
        session::session_end_all_in_tx(tx, id).await?;
    }
    let kind = if active { "identity.user.activated" } else { "identity.user.deactivated" };
    tx.publish(kind, 1, id.to_string(), user.organisation, &serde_json::json!({}))
}

/// Gives a user other roles; they act at the next request.
pub(super) async fn user_roles_in_tx(tx: &mut Tx, id: UserId, roles: &[Role]) -> Result<()> {
    let user = user_for_change_in_tx(tx, id).await?;
    roles_within(&tx.caller().clone(), roles)?;
    let (before, after) = (roles_text(&user.roles), roles_text(roles));
    if before == after {
        return Ok(());
    }
    tx.exec("UPDATE identity_user SET roles = $2 WHERE id = $1", params![id, &after]).await?;
    let fact = serde_json::json!({ "before": before, "roles": after });
    tx.publish("identity.user.roles-changed", 1, id.to_string(), user.organisation, &fact)
}

/// Replaces a forgotten password by one that nobody chose, and ends the user's sessions; the password is returned once.
pub(super) async fn user_password_reset(host: &Host, caller: &Caller, id: UserId) -> Result<String> {
    let new = password::password_random(&**host.chance());
    let hash = password::hash(new.clone(), &**host.chance()).await?;
    let mut tx = host.begin(caller).await?;
    let user = user_for_change_in_tx(&mut tx, id).await?;
    tx.exec("UPDATE identity_user SET password = $2 WHERE id = $1", params![id, hash]).await?;
    session::session_end_all_in_tx(&mut tx, id).await?;
    tx.publish("identity.user.password-reset", 1, id.to_string(), user.organisation, &serde_json::json!({}))?;
    tx.commit().await?;
    Ok(new)
}
