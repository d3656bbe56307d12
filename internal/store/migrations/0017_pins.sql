-- The printer that a PIN gives away.
-- +goose Up
ALTER TABLE passes ADD COLUMN serial TEXT NOT NULL DEFAULT '';
