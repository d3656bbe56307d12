-- Files of jobs on the printers' own storage.
-- +goose Up
ALTER TABLE jobs ADD COLUMN remote_path TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN remote_told_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_remote ON jobs (id) WHERE remote_path <> '';
