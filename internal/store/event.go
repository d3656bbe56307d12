package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/grovecloud/grove"
)

const eventColumns = "user_id, type, at, data"

func scanEvent(r row) (grove.Event, error) {
	var e grove.Event
	err := r.Scan(&e.ID, &e.UserID, &e.Type, instant{&e.At}, document{&e.Data})
	return e, err
}

// AddEvents adds facts that change no record.
func (db *DB) AddEvents(ctx context.Context, events []grove.Event) error {
	return db.change(ctx, "add events", func(t *tx) error { return t.addEvents(ctx, events) })
}

// Events gives up to limit events of a user after the one numbered after, oldest
// first; of all users when userID is 0, without a limit when that is 0. Who asks
// again after the last number they got misses none.
func (db *DB) Events(ctx context.Context, userID, after int64, limit int) ([]grove.Event, error) {
	l := listing{columns: "id, " + eventColumns, from: "events", keys: []string{"id"}, oldest: true}
	l.and("id > ?", after)
	if userID != 0 {
		l.and("user_id = ?", userID)
	}
	most := int64(math.MaxInt64)
	if limit > 0 {
		most = int64(limit)
	}
	query := "SELECT " + l.columns + " FROM " + l.filter() + " ORDER BY " + l.order() + l.bind(" LIMIT ?", most)
	events, err := all(ctx, db.read, scanEvent, query, l.args...)
	return events, fault("list events", err)
}

// LastEvent is the number of a user's newest event; 0 when there is none.
func (db *DB) LastEvent(ctx context.Context, userID int64) (int64, error) {
	last, err := one(ctx, db.read, scanned[int64], `SELECT coalesce(max(id), 0) FROM events WHERE user_id = $1`, userID)
	return last, fault("find last event", err)
}

// addEvents numbers and adds events, the notifications that people should get
// of them, and a delivery for each endpoint that wants one.
func (t *tx) addEvents(ctx context.Context, events []grove.Event) error {
	if len(events) == 0 {
		return nil
	}
	if err := t.lockEvents(ctx); err != nil {
		return err
	}
	subscribers := subscriptions{t: t}
	for _, e := range events {
		e.At = asStored(e.At)
		if err := t.addEvent(ctx, e, &subscribers); err != nil {
			return err
		}
		notice, ok, err := t.addNotice(ctx, e)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := t.addEvent(ctx, notice, &subscribers); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) addEvent(ctx context.Context, e grove.Event, subscribers *subscriptions) error {
	data, err := toJSON(e.Data)
	if err != nil {
		return err
	}
	e.ID, err = one(ctx, t, scanned[int64], insertInto("events", eventColumns)+" RETURNING id",
		e.UserID, string(e.Type), millis(e.At), data)
	if err != nil {
		return err
	}
	t.told = append(t.told, e)
	return subscribers.deliver(ctx, e)
}

// subscriptions are the enabled endpoints of the users whose events one
// transaction adds, read once for each user.
type subscriptions struct {
	t      *tx
	byUser map[int64][]grove.Endpoint
}

func (s *subscriptions) of(ctx context.Context, userID int64) ([]grove.Endpoint, error) {
	if found, ok := s.byUser[userID]; ok {
		return found, nil
	}
	found, err := all(ctx, s.t, scanSubscription,
		`SELECT id, events FROM endpoints WHERE user_id = $1 AND enabled ORDER BY id`+s.t.dialect.forReference(), userID)
	if s.byUser == nil {
		s.byUser = make(map[int64][]grove.Endpoint)
	}
	s.byUser[userID] = found
	return found, err
}

func scanSubscription(r row) (grove.Endpoint, error) {
	var e grove.Endpoint
	err := r.Scan(&e.ID, document{&e.Events})
	return e, err
}

// deliver adds a delivery of e for each endpoint that wants its type, due at once.
func (s *subscriptions) deliver(ctx context.Context, e grove.Event) error {
	endpoints, err := s.of(ctx, e.UserID)
	if err != nil || len(endpoints) == 0 {
		return err
	}
	body, err := deliveryBody(e)
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		if !slices.Contains(endpoint.Events, e.Type) {
			continue
		}
		now := time.Now()
		d := grove.Delivery{
			ID: newID("dlv_"), EndpointID: endpoint.ID, EventID: e.ID, Type: e.Type, Body: body,
			State: grove.DeliveryPending, NextAt: now, CreatedAt: now,
		}
		if err := s.t.addDelivery(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// deliveryBody is what webhook servers read of an event.
func deliveryBody(e grove.Event) ([]byte, error) {
	body, err := json.Marshal(struct {
		Type      grove.EventType `json:"type"`
		Timestamp time.Time       `json:"timestamp"`
		Data      grove.EventData `json:"data"`
	}{e.Type, e.At, e.Data})
	if err != nil {
		return nil, fmt.Errorf("write delivery body: %w", err)
	}
	return body, nil
}
