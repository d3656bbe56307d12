-- Roles get their four names, and printers can be opened to programs and guests.
-- +goose Up
UPDATE users SET role = 'operator' WHERE role = 'member';

CREATE TABLE api_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    user_id      BIGINT  NOT NULL REFERENCES users (id),
    name         TEXT    NOT NULL,
    hash         TEXT    NOT NULL UNIQUE, -- SHA-256 of the key
    scopes       TEXT    NOT NULL,        -- JSON
    all_printers BOOLEAN NOT NULL,
    printers     TEXT    NOT NULL,        -- JSON
    network      TEXT    NOT NULL,
    created_at   BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    used_at      BIGINT  NOT NULL,
    revoked_at   BIGINT  NOT NULL
);
CREATE INDEX api_keys_user ON api_keys (user_id, id);

CREATE TABLE shares (
    id             TEXT   NOT NULL PRIMARY KEY,
    printer_serial TEXT   NOT NULL REFERENCES printers (serial),
    owner_id       BIGINT NOT NULL,
    user_id        BIGINT NOT NULL, -- the guest; 0 while a link waits
    role           TEXT   NOT NULL,
    hash           TEXT   NOT NULL, -- SHA-256 of the link's token
    created_at     BIGINT NOT NULL,
    expires_at     BIGINT NOT NULL,
    link_until     BIGINT NOT NULL,
    ended_at       BIGINT NOT NULL
);
CREATE UNIQUE INDEX shares_present ON shares (printer_serial, user_id) WHERE ended_at = 0 AND user_id <> 0;
CREATE UNIQUE INDEX shares_link ON shares (hash) WHERE hash <> '';
CREATE INDEX shares_owner ON shares (owner_id, id);
CREATE INDEX shares_guest ON shares (user_id, id);
