-- What a restart must not forget: failures to sign in and who came in lately, and
-- when the person at a session last proved that it is them.
-- +goose Up
CREATE TABLE tallies (
    kind    TEXT   NOT NULL,
    hash    TEXT   NOT NULL, -- keyed, of who or what is counted
    count   BIGINT NOT NULL,
    times   TEXT   NOT NULL, -- JSON
    until   BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    PRIMARY KEY (kind, hash)
);
CREATE INDEX tallies_end ON tallies (ends_at);
CREATE INDEX tallies_kind ON tallies (kind, ends_at);

ALTER TABLE sessions ADD COLUMN confirmed_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET confirmed_at = created_at;
