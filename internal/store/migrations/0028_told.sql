-- Why a job waits, for programs, and the unread notifications of a printer.
-- +goose Up
ALTER TABLE jobs ADD COLUMN waits TEXT NOT NULL DEFAULT 'null'; -- JSON
CREATE INDEX notifications_of_printer ON notifications (device_id, type) WHERE NOT is_read;
