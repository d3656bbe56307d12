-- What is in the audit log stays as it is: nothing changes it, and nothing younger
-- than it is kept at least is removed. It is a day less than 400, so that the
-- clocks of two machines need not agree.
-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.at <= (extract(epoch FROM clock_timestamp())::BIGINT - 399 * 86400) * 1000 THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'the audit log is kept for 400 days';
    END IF;
    RAISE EXCEPTION 'the audit log is only added to';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION audit_stays();
CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION audit_stays();
