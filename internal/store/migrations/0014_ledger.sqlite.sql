-- What is in the audit log stays as it is: nothing changes it, and nothing younger
-- than it is kept at least is removed. It is a day less than 400, so that the
-- clocks of two machines need not agree.
-- +goose Up
-- +goose StatementBegin
CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_kept BEFORE DELETE ON audit
WHEN OLD.at > (CAST(strftime('%s', 'now') AS INTEGER) - 399 * 86400) * 1000
BEGIN
    SELECT RAISE(ABORT, 'the audit log is kept for 400 days');
END;
-- +goose StatementEnd
