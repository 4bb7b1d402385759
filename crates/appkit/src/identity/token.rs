use kernel::{
    Duration, Error, Result, Timestamp,
    id::{ApiTokenId, PartyId},
};

use super::{
    access::not_found,
    secret,
    user::{roles_parse, roles_text, roles_within},
};
use crate::{Host, Role, Subject, Tx, params};

const LIFE_DEFAULT_DAYS: u32 = 90;
const LIFE_MAX_DAYS: u32 = 400;

/// A token without its secret.
pub(super) struct Token {
    pub id: ApiTokenId,
    pub name: String,
    pub roles: Vec<Role>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Makes an API token for the caller's organisation; the secret is returned once and stored as a hash.
///
/// # Errors
/// `identity.role.beyond`, `identity.token.malformed`, `identity.token.by-token`.
pub async fn token_create_in_tx(
    tx: &mut Tx,
    name: &str,
    roles: &[Role],
    days: Option<u32>,
) -> Result<(ApiTokenId, String, Timestamp)> {
    let (caller, now) = (tx.caller().clone(), tx.now());
    if !matches!(caller.subject, Subject::User(_) | Subject::System) {
        // A token that leaked must not be able to outlive its revocation.
        return Err(
            Error::denied("identity.token.by-token", "a token cannot make tokens").hint("sign in and make it there")
        );
    }
    if roles.contains(&Role::Platform) {
        return Err(Error::invalid("identity.role.beyond", "the platform role is for people, not for tokens")
            .field("/roles", "without platform"));
    }
    roles_within(&caller, roles)?;
    let days = days.unwrap_or(LIFE_DEFAULT_DAYS);
    if !(1..=LIFE_MAX_DAYS).contains(&days) || !(1..=80).contains(&name.trim().chars().count()) {
        return Err(Error::invalid(
            "identity.token.malformed",
            "a token has a name of 1 to 80 characters and lives 1 to 400 days",
        ));
    }
    let secret = secret::new(&**tx.host().chance(), "bgt_");
    let (id, expires) = (tx.new_id(), now + Duration::from_days(i64::from(days)));
    tx.exec(
        "INSERT INTO identity_token (id, secret_hash, organisation, created_by, name, roles, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            id,
            secret::hash(&secret),
            caller.tenant,
            caller.subject.to_string(),
            name.trim(),
            roles_text(roles),
            now,
            expires
        ],
    )
    .await?;
    let fact = serde_json::json!({ "roles": roles_text(roles), "expires_at": expires });
    tx.publish("identity.token.created", 1, id.to_string(), caller.tenant, &fact)?;
    Ok((id, secret, expires))
}

/// What a token may do now: what it was given, as long as its maker could still give it. A maker who left takes it along.
pub(super) fn roles_now(given: Vec<Role>, maker: Option<(&[Role], bool)>) -> Option<Vec<Role>> {
    match maker {
        // Made by the platform itself.
        None => Some(given),
        Some((_, false)) => None,
        Some((roles, true)) if roles.contains(&Role::Admin) => Some(given),
        Some((roles, true)) => Some(given.into_iter().filter(|role| roles.contains(role)).collect()),
    }
}

pub(super) async fn token_list(host: &Host, organisation: PartyId) -> Result<Vec<Token>> {
    let rows = host
        .db()
        .rows(
            "SELECT id, name, roles, created_at, expires_at FROM identity_token
             WHERE organisation = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY id LIMIT 500",
            params![organisation, host.now()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Token {
                id: row.id("id")?,
                name: row.get("name")?,
                roles: roles_parse(&row.get::<String>("roles")?)?,
                created_at: row.time("created_at")?,
                expires_at: row.time("expires_at")?,
            })
        })
        .collect()
}

pub(super) async fn token_revoke_in_tx(tx: &mut Tx, id: ApiTokenId) -> Result<()> {
    let (tenant, now) = (tx.caller().tenant, tx.now());
    let revoked = tx
        .exec(
            "UPDATE identity_token SET revoked_at = $3 WHERE id = $1 AND organisation = $2 AND revoked_at IS NULL",
            params![id, tenant, now],
        )
        .await?;
    if revoked == 0 {
        return Err(not_found());
    }
    tx.publish("identity.token.revoked", 1, id.to_string(), tenant, &serde_json::json!({}))
}
