-- What files are found by. The text is filled by the step after this one.
-- +goose Up
ALTER TABLE files ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE files ADD COLUMN search_text TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX files_owner_content ON files (owner_id, sha256) WHERE state = 'stored';
