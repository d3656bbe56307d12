-- Where the printers stand that are reached on a network.
-- +goose Up
CREATE TABLE lan (
    serial         TEXT   NOT NULL PRIMARY KEY REFERENCES printers (serial),
    host           TEXT   NOT NULL,
    bridge         TEXT   NOT NULL,
    mqtts_port     BIGINT NOT NULL, -- ports: 0 is the usual one
    ftps_port      BIGINT NOT NULL,
    camera_port    BIGINT NOT NULL,
    rtsps_port     BIGINT NOT NULL,
    pin            TEXT   NOT NULL,
    stranger_pin   TEXT   NOT NULL,
    quarantined_at BIGINT NOT NULL
);
