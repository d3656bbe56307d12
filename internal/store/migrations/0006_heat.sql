-- Heat that somebody asked for outside of a print ends by itself.
-- +goose Up
ALTER TABLE printers ADD COLUMN heat_until BIGINT NOT NULL DEFAULT 0;
