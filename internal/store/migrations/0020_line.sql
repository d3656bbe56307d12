-- Jobs of any printer that fits, their order, their start and what they take.
-- +goose Up
ALTER TABLE jobs ADD COLUMN criteria TEXT NOT NULL DEFAULT 'null'; -- JSON; serial is empty while a printer is to be chosen
ALTER TABLE jobs ADD COLUMN position BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN filaments TEXT NOT NULL DEFAULT 'null'; -- JSON
UPDATE jobs SET position = id;
DROP INDEX jobs_queued;
CREATE INDEX jobs_queued ON jobs (serial, position, id) WHERE state = 'queued';
CREATE INDEX jobs_line ON jobs (owner_id, position, id);
