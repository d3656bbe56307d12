-- Requests that may be sent twice and are done once, with their answers.
-- +goose Up
CREATE TABLE repeats (
    user_id    BIGINT NOT NULL,
    key        TEXT   NOT NULL,
    request    TEXT   NOT NULL, -- hash of what was asked
    process    TEXT   NOT NULL, -- who does it
    status     BIGINT NOT NULL, -- of the answer; 0 while it is being done
    answer     BYTEA,           -- sealed
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, key)
);
CREATE INDEX repeats_created ON repeats (created_at);
