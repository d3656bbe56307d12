-- How accounts sign in, and what lets somebody through once.
-- +goose Up
CREATE TABLE sign_ins (
    user_id     BIGINT NOT NULL PRIMARY KEY REFERENCES users (id),
    mode        TEXT   NOT NULL,
    totp_secret BYTEA,            -- sealed
    totp_since  BIGINT NOT NULL,
    totp_step   BIGINT NOT NULL
);

CREATE TABLE passes (
    id         TEXT   NOT NULL PRIMARY KEY,
    kind       TEXT   NOT NULL,
    user_id    BIGINT NOT NULL REFERENCES users (id),
    hash       TEXT   NOT NULL, -- keyed
    session_id TEXT   NOT NULL,
    email      TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    tries      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);
CREATE INDEX passes_user ON passes (user_id, kind, id);
CREATE INDEX passes_hash ON passes (kind, hash);
CREATE INDEX passes_end ON passes (expires_at) WHERE expires_at > 0;
