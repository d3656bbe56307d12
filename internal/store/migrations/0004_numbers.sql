-- Notifications get numbers for clients that read a number as id, and files are
-- listed by their project numbers too.
-- +goose Up
ALTER TABLE notifications ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
UPDATE notifications SET number = 500000000 + ranked.place
FROM (SELECT id AS of_id, row_number() OVER (ORDER BY id) AS place FROM notifications) AS ranked
WHERE ranked.of_id = notifications.id;
INSERT INTO counters (name, value)
SELECT 'messages', 500000000 + made FROM (SELECT count(*) AS made FROM notifications) AS counted WHERE made > 0;
CREATE UNIQUE INDEX notifications_number ON notifications (user_id, number);
CREATE INDEX files_project ON files (owner_id, project_id);
