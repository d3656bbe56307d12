-- Guests of a printer see its events, those after the one that was the newest when
-- they came.
-- +goose Up
ALTER TABLE events ADD COLUMN serial TEXT NOT NULL DEFAULT '';
UPDATE events SET serial = coalesce(data::json ->> 'device_id', '');
CREATE INDEX events_serial ON events (serial, id);
ALTER TABLE shares ADD COLUMN after_event BIGINT NOT NULL DEFAULT 0;
UPDATE shares SET after_event = (SELECT coalesce(max(id), 0) FROM events);
