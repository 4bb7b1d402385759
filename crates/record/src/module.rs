use std::time::Duration;

use appkit::{Caller, Host, JournalEntry, Module, Tx};
use kernel::{Result, id::PartyId};
use serde::Deserialize;

use crate::{
    case::cases_expire_in_tx,
    ledger::transfers_expire_in_tx,
    party::{NewParty, PartyKind, PartyState, party_register, party_step},
    sql::Source,
};

/// How often reservations and deadlines whose time is over are brought to an end when nothing else does it.
const EXPIRY_EVERY: Duration = Duration::from_secs(30);

/// The record: tables, endpoints, reactions and the task that brings expired things to their end.
pub fn module() -> Module {
    Module::named("record")
        .migrations(&[("0001_record", include_str!("../migrations/0001_record.sql"))])
        .routes(crate::http::routes())
        .texts(include_str!("../locale/zh.json"))
        .on("record.parties", &["identity.organisation.created"], |host, entry, tx| {
            Box::pin(organisation_joined(host, entry, tx))
        })
        .task("record.expiry", expire_for_ever)
}

/// Every tenant is a party of the record, under the same id.
async fn organisation_joined(_: Host, entry: JournalEntry, tx: &mut Tx) -> Result<()> {
    #[derive(Deserialize)]
    struct Names {
        name_zh: String,
        name_en: String,
    }
    let id: PartyId = entry.subject.parse()?;
    let known = Source::one(tx, "SELECT id FROM record_party WHERE id = $1", appkit::params![id]).await?;
    if known.is_some() {
        return Ok(());
    }
    let Names { name_zh, name_en } = entry.read()?;
    let new = NewParty {
        id: Some(id),
        kind: PartyKind::Organisation,
        name_zh,
        name_en,
        parent: None,
        identifiers: Vec::new(),
    };
    party_register(tx, new).await?;
    party_step(tx, id, PartyState::Verified).await?;
    party_step(tx, id, PartyState::Active).await?;
    Ok(())
}

async fn expire_for_ever(host: Host) {
    loop {
        tokio::time::sleep(EXPIRY_EVERY).await;
        if let Err(error) = expire(&host).await {
            tracing::warn!(?error, "bringing expired reservations and cases to their end failed");
        }
    }
}

async fn expire(host: &Host) -> Result<()> {
    // Looking first keeps the one writer free when nothing is due.
    let due = "SELECT id FROM record_pending WHERE expires_at <= $1
               UNION ALL SELECT id FROM record_case WHERE state IN ('open', 'evidence', 'appeal') AND deadline_at <= $1 LIMIT 1";
    if host.db().one(due, appkit::params![host.now()]).await?.is_none() {
        return Ok(());
    }
    let mut tx = host.begin(&Caller::system()).await?;
    let done = transfers_expire_in_tx(&mut tx).await? + cases_expire_in_tx(&mut tx).await?;
    if done > 0 {
        tx.commit().await?;
    }
    Ok(())
}
