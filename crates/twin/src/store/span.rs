use std::collections::HashMap;

use appkit::{Host, Tx, params};
use contracts::twin::StateSpan;
use kernel::{Result, Timestamp, Window, id::AssetId};

use crate::domain::timeline::{DAY, state_name, state_named};

/// The spans of whole days in a window that were computed by this rule, by start of day.
pub async fn days(
    host: &Host,
    asset: AssetId,
    window: Window,
    rule_digest: &str,
) -> Result<HashMap<Timestamp, Vec<StateSpan>>> {
    let rows = host
        .db()
        .rows(
            "SELECT day FROM twin_state_day WHERE asset = $1 AND day >= $2 AND day < $3 AND rule_digest = $4",
            params![asset, window.from, window.to, rule_digest],
        )
        .await?;
    let mut days = HashMap::with_capacity(rows.len());
    for row in &rows {
        days.insert(row.time("day")?, Vec::new());
    }
    if days.is_empty() {
        return Ok(days);
    }
    let rows = host
        .db()
        .rows(
            "SELECT from_us, to_us, state FROM twin_state_span WHERE asset = $1 AND from_us >= $2 AND from_us < $3 ORDER BY from_us",
            params![asset, window.from, window.to],
        )
        .await?;
    for row in &rows {
        let window = Window { from: row.time("from_us")?, to: row.time("to_us")? };
        if let Some(spans) = days.get_mut(&window.from.floor_to(DAY)) {
            spans.push(StateSpan { window, state: state_named(&row.get::<String>("state")?) });
        }
    }
    Ok(days)
}

/// Replaces the spans of a day, and says which rule they are by.
pub async fn day_save(tx: &mut Tx, asset: AssetId, day: Window, spans: &[StateSpan], rule_digest: &str) -> Result<()> {
    day_drop(tx, asset, day).await?;
    for span in spans {
        span_save(tx, asset, span).await?;
    }
    tx.exec(
        "INSERT INTO twin_state_day (asset, day, rule_digest) VALUES ($1, $2, $3)",
        params![asset, day.from, rule_digest],
    )
    .await?;
    Ok(())
}

/// Keeps a span of a day that is not over yet. Only whole days are read back; these are for people with SQL.
pub async fn span_save(tx: &mut Tx, asset: AssetId, span: &StateSpan) -> Result<()> {
    tx.exec(
        "INSERT INTO twin_state_span (asset, from_us, to_us, state) VALUES ($1, $2, $3, $4)
         ON CONFLICT (asset, from_us) DO UPDATE SET to_us = excluded.to_us, state = excluded.state",
        params![asset, span.window.from, span.window.to, state_name(span.state)],
    )
    .await?;
    Ok(())
}

/// Forgets a day.
pub async fn day_drop(tx: &mut Tx, asset: AssetId, day: Window) -> Result<()> {
    tx.exec("DELETE FROM twin_state_day WHERE asset = $1 AND day = $2", params![asset, day.from]).await?;
    tx.exec(
        "DELETE FROM twin_state_span WHERE asset = $1 AND from_us >= $2 AND from_us < $3",
        params![asset, day.from, day.to],
    )
    .await?;
    Ok(())
}

/// Forgets the days from a moment on, of one asset or of all.
pub async fn forget_since(tx: &mut Tx, asset: Option<AssetId>, since: Timestamp) -> Result<()> {
    let asset = asset.map(|id| id.to_string()).unwrap_or_default();
    tx.exec("DELETE FROM twin_state_day WHERE ($1 = '' OR asset = $1) AND day >= $2", params![&asset, since]).await?;
    tx.exec("DELETE FROM twin_state_span WHERE ($1 = '' OR asset = $1) AND from_us >= $2", params![&asset, since])
        .await?;
    Ok(())
}
