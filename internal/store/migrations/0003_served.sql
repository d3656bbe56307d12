-- When an endpoint was last sent something: the next place is for whoever has
-- waited longest.
-- +goose Up
ALTER TABLE endpoints ADD COLUMN served_at BIGINT NOT NULL DEFAULT 0;
