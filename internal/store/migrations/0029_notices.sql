-- What the event of a notification said; '{}' of those that are older.
-- +goose Up
ALTER TABLE notifications ADD COLUMN data TEXT NOT NULL DEFAULT '{}'; -- JSON
