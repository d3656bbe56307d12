package store

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/grovecloud/grove"
)

const (
	deliveryColumns = "id, endpoint_id, event_id, type, body, state, attempts, next_at, " +
		"last_status, last_error, last_response, last_millis, created_at, delivered_at"
	findDelivery = "SELECT " + deliveryColumns + " FROM deliveries WHERE "
	// ofUser narrows deliveries to those of the user $2.
	ofUser = " AND endpoint_id IN (SELECT e.id FROM endpoints e WHERE e.user_id = $2)"
	// listening narrows endpoints to those that are told anything.
	listening = "enabled AND user_id NOT IN (" + lockedUsers + ")"
	// waiting narrows deliveries to those that may be sent.
	waiting = "state = 'pending' AND endpoint_id IN (SELECT e.id FROM endpoints e WHERE " + listening + ")"
)

func scanDelivery(r row) (grove.Delivery, error) {
	var d grove.Delivery
	var took int64
	err := r.Scan(&d.ID, &d.EndpointID, &d.EventID, &d.Type, &d.Body, &d.State, &d.Attempts, instant{&d.NextAt},
		&d.LastStatus, &d.LastError, &d.LastResponse, &took, instant{&d.CreatedAt}, instant{&d.DeliveredAt})
	d.LastSeconds = float64(took) / 1000
	return d, err
}

// thousandths is how a duration in seconds is stored.
func thousandths(seconds float64) int64 { return int64(math.Round(seconds * 1000)) }

func noDelivery() *grove.Error {
	return grove.Errorf(grove.NotFound, "delivery_not_found", "There is no such delivery.")
}

// AddDelivery adds a delivery under the id it comes with, such as a test's.
// NotFound when its endpoint does not exist.
func (db *DB) AddDelivery(ctx context.Context, d grove.Delivery, acts ...grove.AuditEntry) error {
	return db.change(ctx, "add delivery", func(t *tx) error {
		if err := t.addDelivery(ctx, d); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

func (t *tx) addDelivery(ctx context.Context, d grove.Delivery) error {
	_, err := exec(ctx, t, insertInto("deliveries", deliveryColumns),
		d.ID, d.EndpointID, d.EventID, string(d.Type), d.Body, string(d.State), d.Attempts, millis(d.NextAt),
		d.LastStatus, d.LastError, d.LastResponse, thousandths(d.LastSeconds), millis(d.CreatedAt), millis(d.DeliveredAt))
	return err
}

// Delivery finds a delivery of a user; NotFound when the user has none of this id.
func (db *DB) Delivery(ctx context.Context, userID int64, id string) (grove.Delivery, error) {
	d, err := one(ctx, db.read, scanDelivery, findDelivery+"id = $1"+ofUser, id, userID)
	return d, fault("find delivery", onMissing(err, noDelivery()))
}

// Deliveries lists a user's deliveries, newest first; of all endpoints when
// endpointID is empty.
func (db *DB) Deliveries(ctx context.Context, userID int64, endpointID string, page grove.Page) (grove.List[grove.Delivery], error) {
	l := listing{columns: deliveryColumns, from: "deliveries", keys: []string{"id"}, cursor: byID("dlv_")}
	l.and("endpoint_id IN (SELECT e.id FROM endpoints e WHERE e.user_id = ?)", userID)
	if endpointID != "" {
		l.and("endpoint_id = ?", endpointID)
	}
	return list(ctx, db, l, page, scanDelivery)
}

// DueDeliveries gives up to limit deliveries whose time has come: of each
// enabled endpoint at most one, the oldest. First come those of the user, and
// then of the endpoint, that was served longest ago: a long backlog at slow
// endpoints holds up nobody else.
func (db *DB) DueDeliveries(ctx context.Context, now time.Time, limit int) ([]grove.Delivery, error) {
	deliveries, err := all(ctx, db.read, scanDelivery, findDelivery+`
		id IN (SELECT min(id) FROM deliveries WHERE `+waiting+` AND next_at <= $1 GROUP BY endpoint_id)
		ORDER BY
			(SELECT max(o.served_at) FROM endpoints e JOIN endpoints o ON o.user_id = e.user_id WHERE e.id = endpoint_id),
			(SELECT e.served_at FROM endpoints e WHERE e.id = endpoint_id),
			next_at, id
		LIMIT $2`, millis(now), limit)
	return deliveries, fault("find due deliveries", err)
}

// NextDelivery says when the next delivery is due; false when none is waiting.
func (db *DB) NextDelivery(ctx context.Context) (time.Time, bool, error) {
	at, err := one(ctx, db.read, scanned[sql.NullInt64], "SELECT min(next_at) FROM deliveries WHERE "+waiting)
	if err != nil || !at.Valid {
		return time.Time{}, false, fault("find next delivery", err)
	}
	return fromMillis(at.Int64), true, nil
}

// BeginDelivery notes an attempt, numbered from 1, when to try again should this
// process not live to tell, and that the endpoint was served. Conflict delivery_taken when the stored number
// is not the one before, or the delivery is not pending: somebody else has it.
func (db *DB) BeginDelivery(ctx context.Context, id string, attempts int, nextAt time.Time) error {
	return db.change(ctx, "begin delivery", func(t *tx) error {
		n, err := exec(ctx, t, `
			UPDATE deliveries SET attempts = $1, next_at = $2
			WHERE id = $3 AND attempts = $4 AND state = 'pending'`, attempts, millis(nextAt), id, attempts-1)
		if err != nil {
			return err
		}
		if n == 0 {
			return t.notPending(ctx, id)
		}
		_, err = exec(ctx, t, `
			UPDATE endpoints SET served_at = $1
			WHERE id = (SELECT d.endpoint_id FROM deliveries d WHERE d.id = $2)`, millis(time.Now()), id)
		return err
	})
}

// SettleDelivery keeps what became of the attempt d.Attempts: state, next time,
// and what the other server said. Conflict delivery_taken when the delivery has
// moved on, as by a replay meanwhile; NotFound when it is gone with its endpoint.
func (db *DB) SettleDelivery(ctx context.Context, d grove.Delivery) error {
	return db.change(ctx, "settle delivery", func(t *tx) error {
		n, err := exec(ctx, t, `
			UPDATE deliveries
			SET state = $1, next_at = $2, last_status = $3, last_error = $4, last_response = $5, delivered_at = $6, last_millis = $7
			WHERE id = $8 AND attempts = $9 AND state = 'pending'`,
			string(d.State), millis(d.NextAt), d.LastStatus, d.LastError, d.LastResponse, millis(d.DeliveredAt), thousandths(d.LastSeconds), d.ID, d.Attempts)
		if err != nil || n == 1 {
			return err
		}
		return t.notPending(ctx, d.ID)
	})
}

// notPending says why an attempt of a delivery was not found as expected.
func (t *tx) notPending(ctx context.Context, id string) error {
	if _, err := one(ctx, t, scanDelivery, findDelivery+"id = $1", id); err != nil {
		return onMissing(err, noDelivery())
	}
	return grove.Errorf(grove.Conflict, "delivery_taken", "The delivery %s is being made by somebody else, or was made.", id)
}

// ReplayDelivery makes a user's delivery pending again under the same id, due
// now and as if never attempted. What the last answer was stays until the next.
func (db *DB) ReplayDelivery(ctx context.Context, userID int64, id string, now time.Time, acts ...grove.AuditEntry) (grove.Delivery, error) {
	var d grove.Delivery
	err := db.change(ctx, "replay delivery", func(t *tx) (err error) {
		n, err := exec(ctx, t, `
			UPDATE deliveries SET state = 'pending', attempts = 0, delivered_at = 0, next_at = $3
			WHERE id = $1`+ofUser, id, userID, millis(now))
		if err != nil {
			return err
		}
		if n == 0 {
			return noDelivery()
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		d, err = one(ctx, t, scanDelivery, findDelivery+"id = $1", id)
		return err
	})
	return d, err
}
