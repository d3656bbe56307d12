-- Why starts are held for the clock, so that a restart does not end it.
-- +goose Up
CREATE TABLE clock_hold (
    id       BIGINT NOT NULL PRIMARY KEY, -- 1: there is one clock
    why      TEXT   NOT NULL,             -- empty: starts are not held
    known_at BIGINT NOT NULL              -- it was at least so late already; 0: a person must confirm the time
);
