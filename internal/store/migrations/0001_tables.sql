-- Times are milliseconds since 1970 in UTC, 0 for none. Texts are '' for none.
-- +goose Up
CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

CREATE TABLE users (
    id            BIGINT NOT NULL PRIMARY KEY,
    email         TEXT   NOT NULL,
    email_key     TEXT   NOT NULL UNIQUE, -- the address in lower case
    name          TEXT   NOT NULL,
    avatar_url    TEXT   NOT NULL,
    role          TEXT   NOT NULL,
    password_hash TEXT   NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE sessions (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id),
    client     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE secrets (
    name   TEXT  NOT NULL PRIMARY KEY,
    sealed BYTEA NOT NULL
);

CREATE TABLE printers (
    serial             TEXT    NOT NULL PRIMARY KEY,
    model              TEXT    NOT NULL DEFAULT '',
    firmware           TEXT    NOT NULL DEFAULT '',
    access_code        BYTEA,                        -- sealed
    access_code_index  TEXT    NOT NULL DEFAULT '',  -- keyed hash, finds a code without opening it
    access_code_issued BOOLEAN NOT NULL DEFAULT FALSE,
    device_secret_hash TEXT    NOT NULL DEFAULT '',
    online             BOOLEAN NOT NULL DEFAULT FALSE,
    last_seen_at       BIGINT  NOT NULL DEFAULT 0,
    gcode_state        TEXT    NOT NULL DEFAULT '',
    print_error        BIGINT  NOT NULL DEFAULT 0,
    task_id            TEXT    NOT NULL DEFAULT '',
    file_name          TEXT    NOT NULL DEFAULT '',
    plate_clear        BOOLEAN NOT NULL DEFAULT FALSE,
    auto_clear         BOOLEAN NOT NULL DEFAULT FALSE,
    state              BYTEA,
    state_at           BIGINT  NOT NULL DEFAULT 0,
    versions           BYTEA,
    version            BIGINT  NOT NULL DEFAULT 1
);
CREATE INDEX printers_access_code ON printers (access_code_index) WHERE access_code_index <> '';

-- Whose a printer is and was. The row without an end is the present owner's.
CREATE TABLE ownerships (
    printer_serial TEXT   NOT NULL REFERENCES printers (serial),
    user_id        BIGINT NOT NULL,
    name           TEXT   NOT NULL,
    since          BIGINT NOT NULL,
    until          BIGINT
);
CREATE UNIQUE INDEX ownerships_present ON ownerships (printer_serial) WHERE until IS NULL;
CREATE INDEX ownerships_user ON ownerships (user_id, since) WHERE until IS NULL;

CREATE TABLE files (
    id         TEXT    NOT NULL PRIMARY KEY,
    owner_id   BIGINT  NOT NULL,
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    state      TEXT    NOT NULL,
    size_bytes BIGINT  NOT NULL,
    sha256     TEXT    NOT NULL,
    md5        TEXT    NOT NULL,
    problem    TEXT    NOT NULL,
    printable  BOOLEAN NOT NULL,
    plates     TEXT    NOT NULL, -- JSON
    model      TEXT    NOT NULL,
    project_id BIGINT  NOT NULL UNIQUE,
    profile_id BIGINT  NOT NULL UNIQUE,
    model_id   TEXT    NOT NULL,
    ticket     TEXT    NOT NULL,
    want_bytes BIGINT  NOT NULL,
    want_md5   TEXT    NOT NULL,
    want_sha   TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    stored_at  BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL
);
CREATE INDEX files_owner ON files (owner_id, id);
CREATE INDEX files_owner_name ON files (owner_id, name, id);
CREATE UNIQUE INDEX files_ticket ON files (ticket) WHERE ticket <> '';
CREATE INDEX files_awaiting ON files (expires_at) WHERE state = 'awaiting';

CREATE TABLE jobs (
    id               BIGINT           NOT NULL PRIMARY KEY,
    owner_id         BIGINT           NOT NULL,
    serial           TEXT             NOT NULL,
    file_id          TEXT             NOT NULL,
    file_name        TEXT             NOT NULL,
    plate            BIGINT           NOT NULL,
    state            TEXT             NOT NULL,
    why              TEXT             NOT NULL,
    failure          TEXT             NOT NULL,
    percent          BIGINT           NOT NULL,
    options          TEXT             NOT NULL, -- JSON
    mode             TEXT             NOT NULL,
    profile_id       BIGINT           NOT NULL,
    model_id         TEXT             NOT NULL,
    estimate_seconds BIGINT           NOT NULL,
    weight_grams     DOUBLE PRECISION NOT NULL,
    length_meters    DOUBLE PRECISION NOT NULL,
    created_at       BIGINT           NOT NULL,
    expires_at       BIGINT           NOT NULL,
    start_by         BIGINT           NOT NULL,
    started_at       BIGINT           NOT NULL,
    finished_at      BIGINT           NOT NULL,
    version          BIGINT           NOT NULL
);
CREATE INDEX jobs_owner ON jobs (owner_id, id);
CREATE INDEX jobs_serial ON jobs (serial, id);
CREATE INDEX jobs_state ON jobs (state, id);
CREATE INDEX jobs_queued ON jobs (serial, id) WHERE state = 'queued';
-- The last guard against two prints on one printer.
CREATE UNIQUE INDEX jobs_one_active ON jobs (serial)
    WHERE state IN ('claimed', 'uploading', 'ready', 'sending', 'accepted', 'running', 'unknown');

-- The one start of a job. Rows are never removed.
CREATE TABLE start_attempts (
    job_id         BIGINT NOT NULL PRIMARY KEY REFERENCES jobs (id),
    printer_serial TEXT   NOT NULL,
    nonce          TEXT   NOT NULL UNIQUE,
    not_after      BIGINT NOT NULL,
    sent_at        BIGINT NOT NULL
);

CREATE TABLE notifications (
    id         TEXT    NOT NULL PRIMARY KEY,
    user_id    BIGINT  NOT NULL,
    type       TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    device_id  TEXT    NOT NULL,
    job_id     TEXT    NOT NULL,
    created_at BIGINT  NOT NULL,
    is_read    BOOLEAN NOT NULL
);
CREATE INDEX notifications_user ON notifications (user_id, id);
CREATE INDEX notifications_unread ON notifications (user_id, id) WHERE NOT is_read;

CREATE TABLE endpoints (
    id              TEXT    NOT NULL PRIMARY KEY,
    user_id         BIGINT  NOT NULL,
    url             TEXT    NOT NULL,
    events          TEXT    NOT NULL, -- JSON
    description     TEXT    NOT NULL,
    enabled         BOOLEAN NOT NULL,
    disabled_reason TEXT    NOT NULL,
    secret          BYTEA   NOT NULL, -- sealed
    created_at      BIGINT  NOT NULL,
    version         BIGINT  NOT NULL
);
CREATE INDEX endpoints_user ON endpoints (user_id, id);

CREATE TABLE deliveries (
    id            TEXT   NOT NULL PRIMARY KEY,
    endpoint_id   TEXT   NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    event_id      BIGINT NOT NULL,
    type          TEXT   NOT NULL,
    body          BYTEA  NOT NULL, -- exactly what is signed and sent
    state         TEXT   NOT NULL,
    attempts      BIGINT NOT NULL,
    next_at       BIGINT NOT NULL,
    last_status   BIGINT NOT NULL,
    last_error    TEXT   NOT NULL,
    last_response TEXT   NOT NULL,
    created_at    BIGINT NOT NULL,
    delivered_at  BIGINT NOT NULL
);
CREATE UNIQUE INDEX deliveries_once ON deliveries (event_id, endpoint_id) WHERE event_id > 0;
CREATE INDEX deliveries_endpoint ON deliveries (endpoint_id, id);
CREATE INDEX deliveries_pending ON deliveries (endpoint_id, next_at, id) WHERE state = 'pending';
