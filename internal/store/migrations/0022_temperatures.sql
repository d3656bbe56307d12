-- How hot printers were: a row for an hour at most of one printer's samples. It is of
-- whoever had the printer then. No foreign key: rows end by their age.
-- +goose Up
CREATE TABLE temperatures (
    printer_serial TEXT   NOT NULL,
    user_id        BIGINT NOT NULL,
    began_at       BIGINT NOT NULL,
    samples        BYTEA  NOT NULL, -- each 10 s from then on, packed
    PRIMARY KEY (printer_serial, user_id, began_at)
);
CREATE INDEX temperatures_began ON temperatures (began_at);
