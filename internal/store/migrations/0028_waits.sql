-- Why a job waits, for programs.
-- +goose Up
ALTER TABLE jobs ADD COLUMN waits TEXT NOT NULL DEFAULT 'null'; -- JSON
