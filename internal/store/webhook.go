package store

import (
	"context"

	"github.com/grovecloud/grove"
)

const (
	endpointColumns = "id, user_id, url, events, description, enabled, disabled_reason, secret, created_at"
	findEndpoint    = "SELECT " + endpointColumns + ", version FROM endpoints WHERE "
)

func (s sealer) scanEndpoint(r row) (grove.Endpoint, error) {
	var e grove.Endpoint
	var sealed []byte
	err := r.Scan(&e.ID, &e.UserID, &e.URL, document{&e.Events}, &e.Description, &e.Enabled, &e.Disabled, &sealed,
		instant{&e.CreatedAt}, &e.Version)
	if err != nil {
		return e, err
	}
	secret, err := s.open(secretOf(e.ID), sealed)
	e.Secret = grove.Secret(secret)
	return e, err
}

func secretOf(endpointID string) place { return place{"endpoints", "secret", endpointID} }

// endpointRow is e as a row of endpointColumns.
func (s sealer) endpointRow(e grove.Endpoint) ([]any, error) {
	events, err := toJSON(e.Events)
	return []any{
		e.ID, e.UserID, e.URL, events, e.Description, e.Enabled, e.Disabled,
		s.seal(secretOf(e.ID), []byte(e.Secret)), millis(e.CreatedAt),
	}, err
}

// CreateEndpoint adds an endpoint under the id it comes with.
func (db *DB) CreateEndpoint(ctx context.Context, e grove.Endpoint, acts ...grove.AuditEntry) error {
	values, err := db.seal.endpointRow(e)
	if err != nil {
		return err
	}
	return db.change(ctx, "create endpoint", func(t *tx) error {
		_, err := exec(ctx, t, insertInto("endpoints", endpointColumns+", version"), append(values, 1)...)
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// Endpoint finds an endpoint of a user; NotFound when the user has none of this id.
func (db *DB) Endpoint(ctx context.Context, userID int64, id string) (grove.Endpoint, error) {
	e, err := one(ctx, db.read, db.seal.scanEndpoint, findEndpoint+"id = $1 AND user_id = $2", id, userID)
	return e, fault("find endpoint", onMissing(err, noEndpoint()))
}

// AnyEndpoint finds an endpoint whoever owns it, for what delivers to it.
func (db *DB) AnyEndpoint(ctx context.Context, id string) (grove.Endpoint, error) {
	e, err := one(ctx, db.read, db.seal.scanEndpoint, findEndpoint+"id = $1", id)
	return e, fault("find endpoint", onMissing(err, noEndpoint()))
}

func noEndpoint() *grove.Error {
	return grove.Errorf(grove.NotFound, "webhook_not_found", "There is no such webhook.")
}

// Endpoints lists a user's endpoints, newest first.
func (db *DB) Endpoints(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Endpoint], error) {
	l := listing{columns: endpointColumns + ", version", from: "endpoints", keys: []string{"id"}, cursor: byID("wh_")}
	l.and("user_id = ?", userID)
	return list(ctx, db, l, page, db.seal.scanEndpoint)
}

// UpdateEndpoint changes an endpoint of a user through fn. Id and user stay.
// NotFound when the user has none of this id.
func (db *DB) UpdateEndpoint(ctx context.Context, userID int64, id string, fn func(*grove.Endpoint) error,
	acts ...grove.AuditEntry,
) (grove.Endpoint, error) {
	var e grove.Endpoint
	err := db.change(ctx, "update endpoint", func(t *tx) (err error) {
		if err := t.lock(ctx, "endpoints", "id = $1", id); err != nil {
			return err
		}
		e, err = one(ctx, t, t.seal.scanEndpoint, findEndpoint+"id = $1 AND user_id = $2", id, userID)
		if err != nil {
			return onMissing(err, noEndpoint())
		}
		seen := e.Version
		if err := fn(&e); err != nil {
			return err
		}
		e.ID, e.UserID = id, userID
		values, err := t.seal.endpointRow(e)
		if err != nil {
			return err
		}
		n, err := exec(ctx, t, "UPDATE endpoints SET "+assign(endpointColumns)+", version = version + 1 WHERE id = $1 AND version = $10",
			append(values, seen)...)
		if err == nil && n == 0 {
			return errStale
		}
		if err != nil {
			return err
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		e, err = one(ctx, t, t.seal.scanEndpoint, findEndpoint+"id = $1", id)
		return err
	})
	return e, err
}

// DisableEndpoint switches an endpoint off and says why; its deliveries wait.
func (db *DB) DisableEndpoint(ctx context.Context, id, reason string, acts ...grove.AuditEntry) error {
	return db.change(ctx, "disable endpoint", func(t *tx) error {
		n, err := exec(ctx, t, `
			UPDATE endpoints SET enabled = FALSE, disabled_reason = $1, version = version + 1 WHERE id = $2`, reason, id)
		if err == nil && n == 0 {
			return noEndpoint()
		}
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// DeleteEndpoint removes an endpoint of a user and its deliveries; NotFound when
// the user has none of this id.
func (db *DB) DeleteEndpoint(ctx context.Context, userID int64, id string, acts ...grove.AuditEntry) error {
	return db.change(ctx, "delete endpoint", func(t *tx) error {
		n, err := exec(ctx, t, `DELETE FROM endpoints WHERE id = $1 AND user_id = $2`, id, userID)
		if err == nil && n == 0 {
			return noEndpoint()
		}
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}
