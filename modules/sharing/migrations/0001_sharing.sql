-- What machines offer.
CREATE TABLE sharing_capability (
    id TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    asset TEXT NOT NULL,
    resource TEXT NOT NULL,
    class TEXT NOT NULL,
    state TEXT NOT NULL,
    doc TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX sharing_capability_provider ON sharing_capability (provider, id);
CREATE INDEX sharing_capability_state ON sharing_capability (state, class);
CREATE INDEX sharing_capability_asset ON sharing_capability (asset, id);

-- Weekly opening hours of a machine; absent means always open.
CREATE TABLE sharing_opening (
    asset TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    doc TEXT NOT NULL
);

-- Slots kept for a buyer while deciding: what was held; what is kept now are rows of sharing_slot.
CREATE TABLE sharing_hold (
    id TEXT NOT NULL PRIMARY KEY,
    capability TEXT NOT NULL,
    asset TEXT NOT NULL,
    buyer TEXT NOT NULL,
    slots TEXT NOT NULL,
    state TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX sharing_hold_buyer ON sharing_hold (buyer, id);

CREATE TABLE sharing_booking (
    id TEXT NOT NULL PRIMARY KEY,
    capability TEXT NOT NULL,
    asset TEXT NOT NULL,
    provider TEXT NOT NULL,
    buyer TEXT NOT NULL,
    agreement TEXT NOT NULL,
    escrow TEXT NOT NULL,
    state TEXT NOT NULL,
    doc TEXT NOT NULL,
    currency TEXT NOT NULL,
    released_minor BIGINT,
    refunded_minor BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX sharing_booking_provider ON sharing_booking (provider, id);
CREATE INDEX sharing_booking_buyer ON sharing_booking (buyer, id);
CREATE INDEX sharing_booking_asset ON sharing_booking (asset, id);

-- Every stretch of machine time that a hold or a booking keeps. A row is in force until it is released.
CREATE TABLE sharing_slot (
    asset TEXT NOT NULL,
    from_us BIGINT NOT NULL,
    to_us BIGINT NOT NULL,
    holder TEXT NOT NULL,
    expires_at BIGINT,
    PRIMARY KEY (asset, holder, from_us)
);
CREATE INDEX sharing_slot_asset ON sharing_slot (asset, to_us);
CREATE INDEX sharing_slot_holder ON sharing_slot (holder);
CREATE INDEX sharing_slot_end ON sharing_slot (to_us);

-- The work of a booking on its machine.
CREATE TABLE sharing_job (
    id TEXT NOT NULL PRIMARY KEY,
    booking TEXT NOT NULL UNIQUE,
    asset TEXT NOT NULL,
    provider TEXT NOT NULL,
    buyer TEXT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    reading_time TEXT,
    reading_pieces TEXT,
    invoice TEXT,
    dispute TEXT,
    note TEXT
);
CREATE INDEX sharing_job_asset ON sharing_job (asset, id);
CREATE INDEX sharing_job_dispute ON sharing_job (dispute);

-- The two meters of a shared machine, made once.
CREATE TABLE sharing_meters (
    asset TEXT NOT NULL PRIMARY KEY,
    time_meter TEXT NOT NULL,
    pieces_meter TEXT
);
