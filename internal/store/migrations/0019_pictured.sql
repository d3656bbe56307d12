-- When a picture was taken of the end of a job; 0: there is none.
-- +goose Up
ALTER TABLE jobs ADD COLUMN pictured_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX jobs_pictured ON jobs (pictured_at) WHERE pictured_at > 0;
