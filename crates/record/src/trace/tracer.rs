use appkit::{Caller, Host, Object, Policy};
use contracts::twin::MachineDirectory;
use kernel::{
    NiUri, Quantity, Result,
    id::{AgreementId, AssetId, ClaimId, InvoiceId, PartyId, ReadingId},
};

use super::{TraceKind, TraceNode};
use crate::{
    agreement::agreement_get,
    claim::{
        CauseKind, Claim, Invoice, claim_get, claim_list_by_cause, claim_list_by_invoice, invoice_get,
        invoice_list_by_agreement,
    },
    evidence::evidence_get,
    ledger::{Chained, transfer_list_by_cause, transfer_list_by_group},
    meter::{Reading, reading_get, reading_list_by_agreement, reading_list_by_evidence},
};

pub(super) struct Tracer<'a> {
    pub host: &'a Host,
    pub caller: &'a Caller,
}

impl Tracer<'_> {
    fn sees(&self, kind: TraceKind, id: impl ToString, parties: &[PartyId]) -> bool {
        let Some((owner, others)) = parties.split_first() else { return false };
        let object = Object::owned(kind.as_str(), *owner).id(id).participants(others.iter().copied());
        self.host.access().permits(self.caller, Policy::view("record.trace.read"), &object, self.host.now())
    }

    /// A node by kind only when it may not be seen.
    fn node(&self, kind: TraceKind, id: impl ToString, parties: &[PartyId]) -> TraceNode {
        let id = self.sees(kind, id.to_string(), parties).then(|| id.to_string());
        TraceNode {
            kind,
            id,
            title: String::new(),
            state: None,
            at: None,
            amount: None,
            quantity: None,
            window: None,
            asset: None,
            property: None,
            samples: None,
            digest: None,
            linked: Vec::new(),
            children: Vec::new(),
        }
    }

    pub async fn agreement(&self, id: AgreementId) -> Result<TraceNode> {
        let agreement = agreement_get(&mut self.host.db(), id).await?;
        let mut node = self.node(TraceKind::Agreement, id, &agreement.parties());
        if node.id.is_none() {
            return Ok(node);
        }
        node.title = agreement.title.clone();
        node.state = Some(agreement.state.to_string());
        node.at = Some(agreement.created_at);
        let mut traced = Vec::new();
        for invoice in invoice_list_by_agreement(&mut self.host.db(), id).await? {
            traced.extend(invoice.lines.iter().map(|line| line.cause.clone()));
            node.children.push(self.invoice(invoice).await?);
        }
        // Readings that are on no paper yet.
        for reading in reading_list_by_agreement(&mut self.host.db(), id).await? {
            if !traced.contains(&reading.id().to_string()) {
                node.children.push(self.reading(reading).await?);
            }
        }
        Ok(node)
    }

    pub async fn transfer(&self, chained: &Chained) -> Result<TraceNode> {
        let mut node = self.transfer_head(chained).await?;
        if node.id.is_none() {
            return Ok(node);
        }
        let cause = &chained.transfer.cause;
        if let Ok(invoice) = cause.parse::<InvoiceId>() {
            node.children.push(self.invoice(invoice_get(&mut self.host.db(), invoice).await?).await?);
        } else if let Ok(agreement) = cause.parse::<AgreementId>() {
            node.children.push(self.agreement(agreement).await?);
        }
        Ok(node)
    }

    async fn transfer_head(&self, chained: &Chained) -> Result<TraceNode> {
        let transfer = &chained.transfer;
        let mut node = self.node(TraceKind::Transfer, transfer.id, &[chained.party]);
        if node.id.is_some() {
            node.title = transfer.reason.to_string();
            node.state = Some(transfer.kind.to_string());
            node.at = Some(transfer.recorded_at);
            node.amount = Some(transfer.amount());
            let group = transfer_list_by_group(&mut self.host.db(), transfer.group).await?;
            node.linked = group.iter().map(|other| other.transfer.id).filter(|id| *id != transfer.id).collect();
        }
        Ok(node)
    }

    fn invoice_head(&self, invoice: &Invoice) -> TraceNode {
        let mut node = self.node(TraceKind::Invoice, invoice.id, &[invoice.seller, invoice.buyer]);
        if node.id.is_some() {
            node.title = invoice.number.clone();
            node.state = Some(invoice.state.to_string());
            node.at = Some(invoice.issued_at);
            node.amount = Some(invoice.totals.payable);
        }
        node
    }

    pub async fn invoice(&self, invoice: Invoice) -> Result<TraceNode> {
        let mut node = self.invoice_head(&invoice);
        if node.id.is_some() {
            for claim in claim_list_by_invoice(&mut self.host.db(), invoice.id).await? {
                node.children.push(self.claim(claim).await?);
            }
        }
        Ok(node)
    }

    fn claim_head(&self, claim: &Claim) -> TraceNode {
        let mut node = self.node(TraceKind::Claim, claim.id, &[claim.creditor, claim.debtor]);
        if node.id.is_some() {
            node.title = claim.description.clone();
            node.state = Some(claim.state.to_string());
            node.at = Some(claim.accrued_at);
            node.amount = Some(claim.net);
            node.quantity = Some(claim.quantity);
        }
        node
    }

    pub async fn claim(&self, claim: Claim) -> Result<TraceNode> {
        let mut node = self.claim_head(&claim);
        if node.id.is_some()
            && let Ok(reading) = claim.cause.parse::<ReadingId>()
        {
            node.children.push(self.reading(reading_get(&mut self.host.db(), reading).await?).await?);
        }
        Ok(node)
    }

    pub async fn reading(&self, reading: Reading) -> Result<TraceNode> {
        let statement = &reading.statement;
        let mut node = self.node(TraceKind::Reading, reading.id(), &sides(&reading));
        if node.id.is_none() {
            return Ok(node);
        }
        node.title = statement.rule.name().to_owned();
        node.state = Some(reading.state.to_string());
        node.at = Some(statement.computed_at);
        node.quantity = Some(Quantity::new(statement.quantity, statement.unit));
        node.window = Some(statement.window);
        node.asset = Some(statement.asset);
        node.property = Some(statement.rule.property.clone());
        node.digest = Some(reading.digest);
        node.children.push(self.evidence(statement.evidence).await?);
        Ok(node)
    }

    pub async fn evidence(&self, uri: NiUri) -> Result<TraceNode> {
        let manifest = evidence_get(&mut self.host.db(), uri).await?;
        let citing = reading_list_by_evidence(&mut self.host.db(), uri).await?;
        let parties: Vec<PartyId> = citing.iter().flat_map(sides).collect();
        let mut node = self.node(TraceKind::Evidence, uri, &parties);
        if node.id.is_none() {
            return Ok(node);
        }
        node.title = format!("{} chunks", manifest.chunks.len());
        node.window = Some(manifest.window);
        node.samples = Some(manifest.sample_count);
        node.asset = Some(manifest.asset);
        for channel in &manifest.channels {
            let mut samples =
                self.node(TraceKind::Samples, format!("{}/{}", manifest.asset, channel.property), &parties);
            samples.title = channel.property.clone();
            samples.window = Some(manifest.window);
            samples.asset = Some(manifest.asset);
            samples.property = Some(channel.property.clone());
            samples.samples = Some(channel.sample_count);
            samples.children.push(self.machine(manifest.asset, &parties));
            node.children.push(samples);
        }
        Ok(node)
    }

    fn machine(&self, asset: AssetId, parties: &[PartyId]) -> TraceNode {
        let mut node = self.node(TraceKind::Machine, asset, parties);
        node.asset = Some(asset);
        let facts = self.host.try_port::<dyn MachineDirectory>().and_then(|machines| machines.machine(asset));
        if let Some(facts) = facts {
            node.title = facts.name.clone();
            node.state = Some(facts.kind.clone());
        }
        node
    }

    /// Claims on a reading, the paper over a claim, the payments of a paper.
    pub async fn used_by(&self, id: &str) -> Result<Vec<TraceNode>> {
        let mut found = Vec::new();
        let mut invoices = Vec::new();
        let mut claims = Vec::new();
        if id.starts_with("ni:") {
            for reading in reading_list_by_evidence(&mut self.host.db(), id.parse()?).await? {
                claims.extend(
                    claim_list_by_cause(&mut self.host.db(), CauseKind::Reading, &reading.id().to_string()).await?,
                );
            }
        } else if id.starts_with("rdg_") {
            claims = claim_list_by_cause(&mut self.host.db(), CauseKind::Reading, id).await?;
        }
        for claim in &claims {
            found.push(self.claim_head(claim));
            invoices.extend(claim.invoice);
        }
        if let Ok(claim) = id.parse::<ClaimId>() {
            invoices.extend(claim_get(&mut self.host.db(), claim).await?.invoice);
        }
        invoices.sort_unstable();
        invoices.dedup();
        for invoice in &invoices {
            found.push(self.invoice_head(&invoice_get(&mut self.host.db(), *invoice).await?));
        }
        if let Ok(invoice) = id.parse::<InvoiceId>() {
            invoices.push(invoice);
        }
        for invoice in invoices {
            for chained in transfer_list_by_cause(&mut self.host.db(), &invoice.to_string()).await? {
                let node = self.transfer_head(&chained).await?;
                if node.id.is_some() {
                    found.push(node);
                }
            }
        }
        Ok(found)
    }
}

fn sides(reading: &Reading) -> Vec<PartyId> {
    let mut parties = vec![reading.provider];
    parties.extend(reading.receiver);
    parties
}
