-- Programs in other networks that carry the printers there.
-- +goose Up
CREATE TABLE bridges (
    id         TEXT   NOT NULL PRIMARY KEY,
    user_id    BIGINT NOT NULL REFERENCES users (id),
    name       TEXT   NOT NULL,
    hash       TEXT   NOT NULL UNIQUE, -- SHA-256 of its key
    created_at BIGINT NOT NULL,
    revoked_at BIGINT NOT NULL,
    epoch      BIGINT NOT NULL, -- how often it has come
    since      BIGINT NOT NULL, -- when it came last
    version    TEXT   NOT NULL,
    address    TEXT   NOT NULL
);
CREATE INDEX bridges_user ON bridges (user_id, id);
