-- Since when an account is locked; 0: it is open.
-- +goose Up
ALTER TABLE users ADD COLUMN locked_at BIGINT NOT NULL DEFAULT 0;
