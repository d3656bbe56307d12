-- Whether the owner of a bridge was told last that it is connected.
-- +goose Up
ALTER TABLE bridges ADD COLUMN told BIGINT NOT NULL DEFAULT 0;
