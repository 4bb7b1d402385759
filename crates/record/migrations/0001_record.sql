-- Parties: an organisation is a tenant.
CREATE TABLE record_party (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    parent TEXT,
    identifiers TEXT NOT NULL,
    relations TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE TABLE record_party_identifier (
    scheme TEXT NOT NULL,
    value TEXT NOT NULL,
    party TEXT NOT NULL,
    PRIMARY KEY (scheme, value)
);

CREATE TABLE record_item (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    code TEXT NOT NULL,
    revision TEXT NOT NULL,
    kind TEXT NOT NULL,
    name_zh TEXT NOT NULL,
    name_en TEXT NOT NULL,
    unit TEXT NOT NULL,
    tracking TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant, code, revision)
);

CREATE TABLE record_resource (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    item TEXT,
    identifier TEXT NOT NULL,
    owner TEXT NOT NULL,
    custodian TEXT NOT NULL,
    accounting TEXT NOT NULL,
    on_hand TEXT NOT NULL,
    unit TEXT NOT NULL,
    location TEXT NOT NULL,
    asset TEXT,
    disposition TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX record_resource_owner ON record_resource (owner, id);
CREATE INDEX record_resource_custodian ON record_resource (custodian, id);

CREATE TABLE record_offer (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    title TEXT NOT NULL,
    lines TEXT NOT NULL,
    clauses TEXT NOT NULL,
    valid_from BIGINT NOT NULL,
    valid_to BIGINT,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX record_offer_provider ON record_offer (provider, id);
CREATE INDEX record_offer_state ON record_offer (state, id);

CREATE TABLE record_agreement (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    provider TEXT NOT NULL,
    receiver TEXT NOT NULL,
    others TEXT NOT NULL,
    parent TEXT,
    offer TEXT,
    clauses TEXT NOT NULL,
    digest TEXT NOT NULL,
    signatures TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
-- Who takes part: what lists and access decisions are made from.
CREATE TABLE record_agreement_party (
    party TEXT NOT NULL,
    agreement TEXT NOT NULL,
    PRIMARY KEY (party, agreement)
);

CREATE TABLE record_commitment (
    id TEXT NOT NULL PRIMARY KEY,
    agreement TEXT,
    action TEXT NOT NULL,
    provider TEXT NOT NULL,
    receiver TEXT NOT NULL,
    item TEXT,
    resource TEXT,
    asset TEXT,
    quantity TEXT,
    quantity_unit TEXT,
    effort TEXT,
    effort_unit TEXT,
    window_from BIGINT,
    window_to BIGINT,
    tolerance TEXT NOT NULL,
    fulfilled TEXT,
    capacity_units BIGINT NOT NULL,
    capacity BIGINT,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX record_commitment_agreement ON record_commitment (agreement);
CREATE INDEX record_commitment_asset ON record_commitment (asset, window_from);
CREATE INDEX record_commitment_provider ON record_commitment (provider, id);
CREATE INDEX record_commitment_receiver ON record_commitment (receiver, id);

-- Facts, in the order they were recorded; content never changes, state and attestations are added to.
CREATE TABLE record_event (
    seq BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    action TEXT NOT NULL,
    provider TEXT NOT NULL,
    receiver TEXT NOT NULL,
    agreement TEXT,
    item TEXT,
    resource TEXT,
    to_resource TEXT,
    asset TEXT,
    quantity TEXT,
    quantity_unit TEXT,
    effort TEXT,
    effort_unit TEXT,
    occurred_at BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    location TEXT NOT NULL,
    corrects TEXT,
    evidence TEXT,
    reading TEXT,
    note TEXT NOT NULL,
    attestations TEXT NOT NULL,
    state TEXT NOT NULL
);
CREATE INDEX record_event_provider ON record_event (provider, seq);
CREATE INDEX record_event_receiver ON record_event (receiver, seq);
CREATE INDEX record_event_resource ON record_event (resource, seq);
CREATE INDEX record_event_reading ON record_event (reading);
CREATE INDEX record_event_agreement ON record_event (agreement, seq);

CREATE TABLE record_fulfilment (
    event TEXT NOT NULL,
    commitment TEXT NOT NULL,
    quantity TEXT NOT NULL,
    unit TEXT NOT NULL,
    PRIMARY KEY (event, commitment)
);
CREATE INDEX record_fulfilment_commitment ON record_fulfilment (commitment);

CREATE TABLE record_meter (
    id TEXT NOT NULL PRIMARY KEY,
    tenant TEXT NOT NULL,
    asset TEXT NOT NULL,
    name TEXT NOT NULL,
    unit TEXT NOT NULL,
    rule TEXT NOT NULL,
    active_from BIGINT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX record_meter_tenant ON record_meter (tenant, id);
CREATE INDEX record_meter_asset ON record_meter (asset);

-- A person's record of a reset or replacement of a counter.
CREATE TABLE record_meter_adjustment (
    meter TEXT NOT NULL,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    closing TEXT NOT NULL,
    opening TEXT NOT NULL,
    recorded_by TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (meter, at)
);

-- The statement is the sealed content; the columns beside it serve lists and are checked against it.
CREATE TABLE record_reading (
    id TEXT NOT NULL PRIMARY KEY,
    meter TEXT NOT NULL,
    asset TEXT NOT NULL,
    agreement TEXT,
    provider TEXT NOT NULL,
    receiver TEXT,
    window_from BIGINT NOT NULL,
    window_to BIGINT NOT NULL,
    gap_before_us BIGINT NOT NULL,
    quantity TEXT NOT NULL,
    unit TEXT NOT NULL,
    coverage TEXT NOT NULL,
    coverage_minimum TEXT NOT NULL,
    evidence TEXT NOT NULL,
    statement TEXT NOT NULL,
    digest TEXT NOT NULL,
    supersedes TEXT,
    superseded_by TEXT,
    state TEXT NOT NULL,
    sealed_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX record_reading_meter ON record_reading (meter, window_from);
CREATE INDEX record_reading_asset ON record_reading (asset, window_to);
CREATE INDEX record_reading_provider ON record_reading (provider, id);
CREATE INDEX record_reading_receiver ON record_reading (receiver, id);
CREATE INDEX record_reading_agreement ON record_reading (agreement);
CREATE INDEX record_reading_evidence ON record_reading (evidence);

CREATE TABLE record_evidence (
    uri TEXT NOT NULL PRIMARY KEY,
    asset TEXT NOT NULL,
    manifest TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE record_claim (
    id TEXT NOT NULL PRIMARY KEY,
    agreement TEXT NOT NULL,
    clause BIGINT NOT NULL,
    cause_kind TEXT NOT NULL,
    cause TEXT NOT NULL,
    corrects TEXT,
    debtor TEXT NOT NULL,
    creditor TEXT NOT NULL,
    description TEXT NOT NULL,
    quantity TEXT NOT NULL,
    unit TEXT NOT NULL,
    unit_price TEXT NOT NULL,
    currency TEXT NOT NULL,
    adjustment_minor BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    tax_percent TEXT NOT NULL,
    statement TEXT,
    state TEXT NOT NULL,
    invoice TEXT,
    accrued_at BIGINT NOT NULL,
    UNIQUE (cause_kind, cause, clause)
);
CREATE INDEX record_claim_agreement ON record_claim (agreement);
CREATE INDEX record_claim_debtor ON record_claim (debtor, id);
CREATE INDEX record_claim_creditor ON record_claim (creditor, id);
CREATE INDEX record_claim_invoice ON record_claim (invoice);

CREATE TABLE record_invoice (
    id TEXT NOT NULL PRIMARY KEY,
    number TEXT NOT NULL,
    kind TEXT NOT NULL,
    agreement TEXT NOT NULL,
    seller TEXT NOT NULL,
    buyer TEXT NOT NULL,
    corrects TEXT,
    currency TEXT NOT NULL,
    lines TEXT NOT NULL,
    totals TEXT NOT NULL,
    payable_minor BIGINT NOT NULL,
    settled_minor BIGINT NOT NULL,
    issued_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    UNIQUE (seller, number)
);
CREATE INDEX record_invoice_buyer ON record_invoice (buyer, id);
CREATE INDEX record_invoice_agreement ON record_invoice (agreement);

CREATE TABLE record_account (
    id TEXT NOT NULL PRIMARY KEY,
    party TEXT NOT NULL,
    currency TEXT NOT NULL,
    purpose TEXT NOT NULL,
    reference TEXT NOT NULL,
    credits_must_not_exceed_debits BIGINT NOT NULL,
    debits_must_not_exceed_credits BIGINT NOT NULL,
    frozen_by TEXT,
    debits_pending_minor BIGINT NOT NULL,
    debits_posted_minor BIGINT NOT NULL,
    credits_pending_minor BIGINT NOT NULL,
    credits_posted_minor BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (party, currency, purpose, reference)
);

-- Append-only; each row carries the hash of the one before it.
CREATE TABLE record_transfer (
    seq BIGINT NOT NULL PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    group_id TEXT NOT NULL,
    party TEXT NOT NULL,
    kind TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    currency TEXT NOT NULL,
    requested_minor BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    balancing TEXT NOT NULL,
    pending TEXT UNIQUE,
    expires_at BIGINT,
    reason TEXT NOT NULL,
    cause TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    debit_after TEXT NOT NULL,
    credit_after TEXT NOT NULL,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);
CREATE INDEX record_transfer_party ON record_transfer (party, seq);
CREATE INDEX record_transfer_cause ON record_transfer (cause);
CREATE INDEX record_transfer_group ON record_transfer (group_id);
CREATE INDEX record_transfer_debit ON record_transfer (debit, seq);
CREATE INDEX record_transfer_credit ON record_transfer (credit, seq);

-- Reservations that are still open: a projection of record_transfer.
CREATE TABLE record_pending (
    id TEXT NOT NULL PRIMARY KEY,
    expires_at BIGINT
);
CREATE INDEX record_pending_expiry ON record_pending (expires_at);

CREATE TABLE record_case (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    subjects TEXT NOT NULL,
    agreement TEXT,
    opened_by TEXT NOT NULL,
    parties TEXT NOT NULL,
    notes TEXT NOT NULL,
    deadline_at BIGINT,
    default_outcome TEXT NOT NULL,
    outcome TEXT,
    state TEXT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT
);
CREATE INDEX record_case_deadline ON record_case (state, deadline_at);
CREATE TABLE record_case_party (
    party TEXT NOT NULL,
    case_id TEXT NOT NULL,
    PRIMARY KEY (party, case_id)
);
