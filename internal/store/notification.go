package store

import (
	"context"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

const notificationColumns = "id, number, user_id, type, message, data, device_id, job_id, created_at, is_read"

func scanNotification(r row) (grove.Notification, error) {
	var n grove.Notification
	err := r.Scan(&n.ID, &n.Number, &n.UserID, &n.Type, &n.Message, document{&n.Data}, &n.DeviceID, &n.JobID, instant{&n.CreatedAt}, &n.Read)
	return n, err
}

// newID makes an id that sorts by its time of making.
func newID(prefix string) string { return prefix + strings.ToLower(ulid.Make().String()) }

// notices keeps the notifications that these people should get of an event, settles
// those that it leaves nothing to do for, and gives the events that say so.
func (t *tx) notices(ctx context.Context, e grove.Event, people []int64) ([]grove.Event, error) {
	var told []grove.Event
	if message, ok := e.Notice(); ok {
		for _, who := range people {
			notice, err := t.addNotice(ctx, e, message, who)
			if err != nil {
				return nil, err
			}
			told = append(told, notice)
		}
	}
	settled, err := t.settle(ctx, e, people)
	return append(told, settled...), err
}

// addNotice keeps the notification of an event for one user, and gives the event that
// says so.
func (t *tx) addNotice(ctx context.Context, e grove.Event, message string, userID int64) (grove.Event, error) {
	id := newID("ntf_")
	number, err := t.count(ctx, countMessages, firstMessage)
	if err != nil {
		return grove.Event{}, err
	}
	data, err := toJSON(e.Data)
	if err != nil {
		return grove.Event{}, err
	}
	_, err = exec(ctx, t, insertInto("notifications", notificationColumns),
		id, number, userID, string(e.Type), message, data, e.Data.DeviceID, e.Data.JobID, millis(e.At), false)
	notice := grove.Event{UserID: userID, Type: grove.NotificationCreated, At: e.At, Data: e.Data}
	notice.Data.NotificationID, notice.Data.Message = id, message
	return notice, err
}

// settle marks the notifications as read that e leaves nothing to do for, whoever got them,
// and gives the events that say so to these people. Others may not look at the printer any
// more: when its next owner prints is not for them. The events say what the notification
// did and nothing of e.
func (t *tx) settle(ctx context.Context, e grove.Event, people []int64) ([]grove.Event, error) {
	kind, ofJob, ok := e.Settles()
	if !ok {
		return nil, nil
	}
	settled, err := all(ctx, t, scanNotification, `UPDATE notifications SET is_read = $1
		WHERE NOT is_read AND device_id = $2 AND type = $3 AND (job_id = $4 OR NOT $5) RETURNING `+notificationColumns,
		true, e.Data.DeviceID, string(kind), e.Data.JobID, ofJob)
	slices.SortFunc(settled, func(a, b grove.Notification) int { return strings.Compare(a.ID, b.ID) })
	var told []grove.Event
	for _, n := range settled {
		if !slices.Contains(people, n.UserID) {
			continue
		}
		one := grove.Event{UserID: n.UserID, Type: grove.NotificationSettled, At: e.At, Data: n.Data}
		one.Data.DeviceID, one.Data.JobID, one.Data.NotificationID = n.DeviceID, n.JobID, n.ID
		told = append(told, one)
	}
	return told, err
}

// Notifications lists what a user should see, newest first.
func (db *DB) Notifications(ctx context.Context, userID int64, unreadOnly bool, page grove.Page) (grove.List[grove.Notification], error) {
	l := listing{columns: notificationColumns, from: "notifications", keys: []string{"id"}, cursor: byID("ntf_")}
	l.and("user_id = ?", userID)
	if unreadOnly {
		l.and("NOT is_read")
	}
	return list(ctx, db, l, page, scanNotification)
}

// Messages lists the same by their numbers, the highest first.
func (db *DB) Messages(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Notification], error) {
	l := listing{columns: notificationColumns, from: "notifications", keys: []string{"number"}, cursor: byNumber}
	l.and("user_id = ?", userID)
	return list(ctx, db, l, page, scanNotification)
}

// NotificationByNumber finds a user's notification by its number; NotFound when the
// user has none.
func (db *DB) NotificationByNumber(ctx context.Context, userID, number int64) (grove.Notification, error) {
	n, err := one(ctx, db.read, scanNotification,
		"SELECT "+notificationColumns+" FROM notifications WHERE user_id = $1 AND number = $2", userID, number)
	return n, fault("find notification", onMissing(err, noNotification()))
}

func noNotification() *grove.Error {
	return grove.Errorf(grove.NotFound, "notification_not_found", "There is no such notification.")
}

// ReadNotifications marks all that a user was told as read.
func (db *DB) ReadNotifications(ctx context.Context, userID int64) error {
	return db.change(ctx, "mark notifications", func(t *tx) error {
		_, err := exec(ctx, t, `UPDATE notifications SET is_read = $1 WHERE user_id = $2 AND NOT is_read`, true, userID)
		return err
	})
}

// MarkNotification marks a user's notification as read or unread; NotFound when
// the user has none of this id.
func (db *DB) MarkNotification(ctx context.Context, userID int64, id string, read bool) error {
	return db.change(ctx, "mark notification", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE notifications SET is_read = $1 WHERE id = $2 AND user_id = $3`, read, id, userID)
		if err == nil && n == 0 {
			return noNotification()
		}
		return err
	})
}
