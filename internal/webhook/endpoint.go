package webhook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

const (
	maxEndpoints   = 50  // a user
	maxDescription = 200 // characters
	secretBytes    = 32
)

// Endpoints keeps where events go. Acts are kept together with the change.
type Endpoints interface {
	CreateEndpoint(ctx context.Context, e grove.Endpoint, acts ...grove.AuditEntry) error
	Endpoint(ctx context.Context, userID int64, id string) (grove.Endpoint, error)
	Endpoints(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Endpoint], error)
	UpdateEndpoint(ctx context.Context, userID int64, id string, change func(*grove.Endpoint) error, acts ...grove.AuditEntry) (grove.Endpoint, error)
	DeleteEndpoint(ctx context.Context, userID int64, id string, acts ...grove.AuditEntry) error
	// AnyEndpoint finds an endpoint whosever it is.
	AnyEndpoint(ctx context.Context, id string) (grove.Endpoint, error)
	DisableEndpoint(ctx context.Context, id, reason string, acts ...grove.AuditEntry) error
}

// Spec says what an endpoint is to be.
type Spec struct {
	URL         string
	Events      []grove.EventType // at least one
	Description string            // at most 200 characters
}

// Change is what is to be different about an endpoint; nil leaves it.
type Change struct {
	URL         *string
	Events      *[]grove.EventType
	Description *string
	Enabled     *bool // true also takes up what waited while it was off
}

// Create makes an endpoint. Its Secret is in the answer and never again.
func (h *Hooks) Create(ctx context.Context, actor grove.Actor, s Spec) (grove.Endpoint, error) {
	if err := person(actor); err != nil {
		return grove.Endpoint{}, err
	}
	if err := h.check(Change{URL: &s.URL, Events: &s.Events, Description: &s.Description}); err != nil {
		return grove.Endpoint{}, err
	}
	has, err := h.records.Endpoints(ctx, actor.UserID, grove.Page{Limit: 1})
	if err != nil {
		return grove.Endpoint{}, fmt.Errorf("count endpoints: %w", err)
	}
	if has.Total >= maxEndpoints {
		return grove.Endpoint{}, grove.Errorf(grove.Conflict, "too_many_endpoints",
			"there are %d webhook endpoints already, which is the most; delete one first", has.Total)
	}
	e := grove.Endpoint{
		ID:          "wh_" + strings.ToLower(ulid.Make().String()),
		UserID:      actor.UserID,
		URL:         s.URL,
		Events:      unique(s.Events),
		Description: s.Description,
		Enabled:     true,
		Secret:      newSecret(),
		CreatedAt:   time.Now().UTC().Truncate(time.Millisecond),
	}
	if err := h.records.CreateEndpoint(ctx, e, actor.Did("webhook.create", e.ID)); err != nil {
		return grove.Endpoint{}, fmt.Errorf("create endpoint: %w", err)
	}
	return e, nil
}

// List gives the actor's endpoints, newest first, without their secrets.
func (h *Hooks) List(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.Endpoint], error) {
	if err := person(actor); err != nil {
		return grove.List[grove.Endpoint]{}, err
	}
	list, err := h.records.Endpoints(ctx, actor.UserID, page)
	for i := range list.Items {
		list.Items[i].Secret = ""
	}
	return list, err
}

// Endpoint gives one of the actor's endpoints, without its secret.
func (h *Hooks) Endpoint(ctx context.Context, actor grove.Actor, id string) (grove.Endpoint, error) {
	if err := person(actor); err != nil {
		return grove.Endpoint{}, err
	}
	e, err := h.records.Endpoint(ctx, actor.UserID, id)
	e.Secret = ""
	return e, err
}

// Change changes an endpoint. Switching it on again forgets why the server had
// switched it off.
func (h *Hooks) Change(ctx context.Context, actor grove.Actor, id string, c Change) (grove.Endpoint, error) {
	if err := person(actor); err != nil {
		return grove.Endpoint{}, err
	}
	if err := h.check(c); err != nil {
		return grove.Endpoint{}, err
	}
	e, err := h.records.UpdateEndpoint(ctx, actor.UserID, id, func(e *grove.Endpoint) error {
		c.apply(e)
		return nil
	}, actor.Did("webhook.change", id))
	if err != nil {
		return grove.Endpoint{}, fmt.Errorf("change endpoint: %w", err)
	}
	if e.Enabled {
		h.release(id)
		h.Kick()
	}
	e.Secret = ""
	return e, nil
}

// Renew gives an endpoint another secret. It is in the answer and never again, and
// signs whatever is sent from now on, also what failed before.
func (h *Hooks) Renew(ctx context.Context, actor grove.Actor, id string) (grove.Endpoint, error) {
	if err := person(actor); err != nil {
		return grove.Endpoint{}, err
	}
	e, err := h.records.UpdateEndpoint(ctx, actor.UserID, id, func(e *grove.Endpoint) error {
		e.Secret = newSecret()
		return nil
	}, actor.Did("webhook.secret", id))
	if err != nil {
		return grove.Endpoint{}, fmt.Errorf("renew secret: %w", err)
	}
	return e, nil
}

// Delete removes an endpoint with its deliveries.
func (h *Hooks) Delete(ctx context.Context, actor grove.Actor, id string) error {
	if err := person(actor); err != nil {
		return err
	}
	return h.records.DeleteEndpoint(ctx, actor.UserID, id, actor.Did("webhook.delete", id))
}

func (c Change) apply(e *grove.Endpoint) {
	if c.URL != nil {
		e.URL = *c.URL
	}
	if c.Events != nil {
		e.Events = unique(*c.Events)
	}
	if c.Description != nil {
		e.Description = *c.Description
	}
	if c.Enabled != nil {
		e.Enabled = *c.Enabled
		e.Disabled = ""
	}
}

// check says what is wrong with the parts that are given.
func (h *Hooks) check(c Change) error {
	if c.URL != nil {
		if err := h.poster.CheckURL(*c.URL); err != nil {
			return err
		}
	}
	if c.Events != nil {
		if err := checkEvents(*c.Events); err != nil {
			return err
		}
	}
	if c.Description == nil {
		return nil
	}
	d := *c.Description
	if !utf8.ValidString(d) || utf8.RuneCountInString(d) > maxDescription || strings.ContainsFunc(d, unicode.IsControl) {
		return wrongField("description", fmt.Sprintf("the description must be one line of at most %d characters", maxDescription))
	}
	return nil
}

func checkEvents(events []grove.EventType) error {
	known := grove.EventTypes()
	if len(events) == 0 {
		return wrongField("events", "name at least one event; an endpoint without events would never hear anything")
	}
	for _, t := range events {
		if !slices.Contains(known, t) {
			return wrongField("events", fmt.Sprintf("there is no event %q; there are %s", t, join(known)))
		}
	}
	return nil
}

func join(types []grove.EventType) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return strings.Join(names, ", ")
}

// unique keeps the first of each, in the given order.
func unique(types []grove.EventType) []grove.EventType {
	var out []grove.EventType
	for _, t := range types {
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// newSecret makes a signing secret in the form of the Standard Webhooks
// specification: whsec_ and 32 random bytes in base64.
func newSecret() grove.Secret {
	b := make([]byte, secretBytes)
	rand.Read(b)
	return grove.Secret("whsec_" + base64.StdEncoding.EncodeToString(b))
}

func wrongField(field, words string) error {
	return &grove.Error{
		Code: grove.Invalid, Reason: field + "_unfit", Message: words, Fields: map[string]string{field: words},
	}
}
