-- An owner's words for a printer.
-- +goose Up
ALTER TABLE ownerships ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'; -- JSON
