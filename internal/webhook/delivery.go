package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/grovecloud/grove"
)

// Deliveries keeps what is on its way to endpoints.
type Deliveries interface {
	AddDelivery(ctx context.Context, d grove.Delivery, acts ...grove.AuditEntry) error
	Deliveries(ctx context.Context, userID int64, endpointID string, page grove.Page) (grove.List[grove.Delivery], error)
	ReplayDelivery(ctx context.Context, userID int64, id string, now time.Time, acts ...grove.AuditEntry) (grove.Delivery, error)
	// DueDeliveries gives at most one delivery for each enabled endpoint, the oldest;
	// first those of the user, then the endpoint, that was served longest ago.
	DueDeliveries(ctx context.Context, now time.Time, limit int) ([]grove.Delivery, error)
	// NextDelivery is when the next delivery to an enabled endpoint is due.
	NextDelivery(ctx context.Context) (at time.Time, ok bool, err error)
	// BeginDelivery saves that the attempt with this number begins, and when the
	// next one is due if nothing is heard of it. Conflict: somebody else began it.
	BeginDelivery(ctx context.Context, id string, attempts int, nextAt time.Time) error
	SettleDelivery(ctx context.Context, d grove.Delivery) error
}

// payload is the body of a delivery, as every event has it.
type payload struct {
	Type      grove.EventType `json:"type"`
	Timestamp time.Time       `json:"timestamp"`
	Data      grove.EventData `json:"data"`
}

// Test sends a webhook.test to an endpoint, on the same road as real events, and gives
// what was answered where that comes within the wait; else the delivery is pending.
func (h *Hooks) Test(ctx context.Context, actor grove.Actor, endpointID string, wait time.Duration) (grove.Delivery, error) {
	e, err := h.Endpoint(ctx, actor, endpointID)
	if err != nil {
		return grove.Delivery{}, err
	}
	if !e.Enabled {
		return grove.Delivery{}, grove.Errorf(grove.Conflict, "endpoint_disabled",
			"the endpoint is switched off, so a test would wait; switch it on first")
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	body, err := json.Marshal(payload{
		Type: grove.WebhookTest, Timestamp: now,
		Data: grove.EventData{Status: "test", Message: "This is a test. Nothing happened on any printer."},
	})
	if err != nil {
		return grove.Delivery{}, fmt.Errorf("encode test: %w", err)
	}
	d := grove.Delivery{
		ID:         "dlv_" + strings.ToLower(ulid.Make().String()),
		EndpointID: e.ID,
		Type:       grove.WebhookTest,
		Body:       body,
		State:      grove.DeliveryPending,
		NextAt:     now,
		CreatedAt:  now,
	}
	answered, forget := h.heed(d.ID)
	defer forget()
	if err := h.records.AddDelivery(ctx, d, actor.Did("webhook.test", e.ID)); err != nil {
		return grove.Delivery{}, fmt.Errorf("add delivery: %w", err)
	}
	h.release(e.ID) // a person waits
	h.Kick()
	late := time.NewTimer(wait)
	defer late.Stop()
	select {
	case d = <-answered:
	case <-late.C:
	case <-ctx.Done():
	}
	return d, nil
}

// heed waits for the next attempt of a delivery. Forget must be called.
func (h *Hooks) heed(id string) (answered <-chan grove.Delivery, forget func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan grove.Delivery, 1)
	h.heeded[id] = c
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.heeded, id)
	}
}

// tell gives whoever waits for it what became of an attempt.
func (h *Hooks) tell(d grove.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case h.heeded[d.ID] <- d:
	default: // nobody does
	}
}

// Deliveries is the log of one of the actor's endpoints, newest first.
func (h *Hooks) Deliveries(ctx context.Context, actor grove.Actor, endpointID string, page grove.Page) (grove.List[grove.Delivery], error) {
	if _, err := h.Endpoint(ctx, actor, endpointID); err != nil {
		return grove.List[grove.Delivery]{}, err
	}
	return h.records.Deliveries(ctx, actor.UserID, endpointID, page)
}

// Replay sends a delivery once more, under the same id and with all its attempts
// before it, however it ended.
func (h *Hooks) Replay(ctx context.Context, actor grove.Actor, deliveryID string) (grove.Delivery, error) {
	if err := person(actor); err != nil {
		return grove.Delivery{}, err
	}
	d, err := h.records.ReplayDelivery(ctx, actor.UserID, deliveryID, time.Now().UTC(), actor.Did("webhook.replay", deliveryID))
	if err != nil {
		return grove.Delivery{}, fmt.Errorf("replay delivery: %w", err)
	}
	h.release(d.EndpointID)
	h.Kick()
	return d, nil
}

// headers are those of the Standard Webhooks specification 1.0.0: the id is the
// same in every attempt, the time is that of this one.
func headers(d grove.Delivery, secret grove.Secret, now time.Time) (map[string]string, error) {
	wh, err := standardwebhooks.NewWebhook(string(secret))
	if err != nil {
		return nil, fmt.Errorf("read signing secret: %w", err)
	}
	signature, err := wh.Sign(d.ID, now, d.Body)
	if err != nil {
		return nil, fmt.Errorf("sign delivery: %w", err)
	}
	return map[string]string{
		standardwebhooks.HeaderWebhookID:        d.ID,
		standardwebhooks.HeaderWebhookTimestamp: strconv.FormatInt(now.Unix(), 10),
		standardwebhooks.HeaderWebhookSignature: signature,
		"Content-Type":                          "application/json",
		"User-Agent":                            "Grove-Webhooks/1",
	}, nil
}
