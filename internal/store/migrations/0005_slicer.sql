-- What the slicer keeps here: its presets, and the spools of its filament manager.
-- +goose Up
CREATE TABLE presets (
    id         TEXT   NOT NULL PRIMARY KEY,
    owner_id   BIGINT NOT NULL REFERENCES users (id),
    type       TEXT   NOT NULL,
    name       TEXT   NOT NULL,
    nickname   TEXT   NOT NULL,
    version    TEXT   NOT NULL,
    base_id    TEXT   NOT NULL,
    setting    TEXT   NOT NULL, -- JSON
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX presets_owner ON presets (owner_id, type, id);

CREATE TABLE spools (
    id         BIGINT NOT NULL PRIMARY KEY,
    owner_id   BIGINT NOT NULL REFERENCES users (id),
    rfid       TEXT   NOT NULL,
    spool      TEXT   NOT NULL, -- JSON
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX spools_owner ON spools (owner_id, id);
CREATE UNIQUE INDEX spools_rfid ON spools (owner_id, rfid) WHERE rfid <> '';

-- Where clients said the printable files of a project's plates lie.
ALTER TABLE files ADD COLUMN prints TEXT NOT NULL DEFAULT '[]'; -- JSON

