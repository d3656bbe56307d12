-- Rows that are only ever added, numbered as they come.
-- +goose Up
CREATE TABLE events (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL,
    type    TEXT   NOT NULL,
    at      BIGINT NOT NULL,
    data    TEXT   NOT NULL -- JSON
);
CREATE INDEX events_user ON events (user_id, id);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    user_id BIGINT NOT NULL,
    action  TEXT   NOT NULL,
    serial  TEXT   NOT NULL,
    detail  TEXT   NOT NULL
);
CREATE INDEX audit_user ON audit (user_id, id);
