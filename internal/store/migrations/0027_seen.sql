-- How long deliveries took, and who came by sessions and keys last.
-- +goose Up
ALTER TABLE deliveries ADD COLUMN last_millis BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN used_from TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN used_by TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN used_over TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN used_from TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN used_by TEXT NOT NULL DEFAULT '';
ALTER TABLE api_keys ADD COLUMN used_over TEXT NOT NULL DEFAULT '';
