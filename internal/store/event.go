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

// ofGuest are the events of printers that were shared with the user $1, from then
// on. The notifications among them are their owner's.
const ofGuest = `SELECT events.id, events.user_id, type, at, data FROM events
	JOIN shares ON printer_serial = serial AND owner_id = events.user_id AND ended_at = 0 AND events.id > after_event
	WHERE shares.user_id = $1 AND type NOT IN ('notification.created', 'notification.settled') AND events.id `

func scanEvent(r row) (grove.Event, error) {
	var e grove.Event
	err := r.Scan(&e.ID, &e.UserID, &e.Type, instant{&e.At}, document{&e.Data})
	return e, err
}

// AddEvents adds facts that change no record.
func (db *DB) AddEvents(ctx context.Context, events []grove.Event) error {
	return db.change(ctx, "add events", func(t *tx) error { return t.addEvents(ctx, events) })
}

// Events gives up to limit events of a user, and of the printers that are shared
// with them, after the one numbered after, oldest first; without a limit when that
// is 0. Who asks again after the last number they got misses none.
func (db *DB) Events(ctx context.Context, userID, after int64, limit int) ([]grove.Event, error) {
	most := int64(math.MaxInt64)
	if limit > 0 {
		most = int64(limit)
	}
	return db.eventsFrom(ctx, "> $2", "", userID, after, most)
}

// LatestEvents gives up to limit of the same events before the one numbered before,
// newest first; the newest of all when that is 0.
func (db *DB) LatestEvents(ctx context.Context, userID, before int64, limit int) ([]grove.Event, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return db.eventsFrom(ctx, "< $2", " DESC", userID, before, int64(limit))
}

func (db *DB) eventsFrom(ctx context.Context, side, direction string, userID, from, most int64) ([]grove.Event, error) {
	first := " ORDER BY 1" + direction + " LIMIT $3" // of each, so that neither is read whole
	events, err := all(ctx, db.read, scanEvent, `
		SELECT * FROM (SELECT id, `+eventColumns+` FROM events WHERE user_id = $1 AND id `+side+first+`) own
		UNION ALL SELECT * FROM (`+ofGuest+side+first+`) shown`+first, userID, from, most)
	return events, fault("list events", err)
}

// EventRange is the numbers of the oldest event that is kept and of the newest,
// whosever they are; 0 when there is none.
func (db *DB) EventRange(ctx context.Context) (first, last int64, err error) {
	err = db.read.QueryRowContext(ctx, `SELECT coalesce((SELECT min(id) FROM events), 0), `+newestEvent).Scan(&first, &last)
	return first, last, fault("find range of events", err)
}

// addFacts adds what is told of a change and who made it.
func (t *tx) addFacts(ctx context.Context, events []grove.Event, acts []grove.AuditEntry) error {
	if err := t.addEvents(ctx, events); err != nil {
		return err
	}
	return t.addAudit(ctx, acts)
}

// addEvents numbers and adds events, the notifications that people should get
// of them, what becomes of earlier ones, and a delivery for each endpoint that wants one.
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
		people := append([]int64{e.UserID}, t.audience(e.Data.DeviceID, e.UserID)...)
		if err := t.addEvent(ctx, e, &subscribers, people...); err != nil {
			return err
		}
		notices, err := t.notices(ctx, e, people)
		if err != nil {
			return err
		}
		for _, n := range notices {
			if err := t.addEvent(ctx, n, &subscribers, n.UserID); err != nil {
				return err
			}
		}
	}
	return nil
}

// addEvent adds an event, and its deliveries to the endpoints of these people.
func (t *tx) addEvent(ctx context.Context, e grove.Event, subscribers *subscriptions, people ...int64) error {
	data, err := toJSON(e.Data)
	if err != nil {
		return err
	}
	e.ID, err = one(ctx, t, scanned[int64], insertInto("events", eventColumns+", serial")+" RETURNING id",
		e.UserID, string(e.Type), millis(e.At), data, e.Data.DeviceID)
	if err != nil {
		return err
	}
	t.told = append(t.told, e)
	for _, who := range people {
		if err := subscribers.deliver(ctx, e, who); err != nil {
			return err
		}
	}
	return nil
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
		`SELECT id, events FROM endpoints WHERE user_id = $1 AND `+listening+` ORDER BY id`+s.t.dialect.forReference(), userID)
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

// deliver adds a delivery of e for each endpoint of a user that wants its type, due
// at once.
func (s *subscriptions) deliver(ctx context.Context, e grove.Event, userID int64) error {
	endpoints, err := s.of(ctx, userID)
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
