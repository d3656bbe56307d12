// Package webhook delivers stored facts to other people's servers until they
// answer: endpoints, signed deliveries, their log and their replay.
package webhook

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
)

// Records is all that webhooks remember. Deliveries of events are added by
// whoever stores the event, in the same transaction.
type Records interface {
	Endpoints
	Deliveries
}

// Poster sends one request. CheckURL says in words why an address cannot be
// used; Post gives the answer whatever its status, or an error in words when
// there was none.
type Poster interface {
	CheckURL(url string) error
	Post(ctx context.Context, url string, header map[string]string, body []byte) (Answer, error)
}

// Answer is what another server said.
type Answer struct {
	Status     int
	RetryAfter time.Duration // zero when it did not say
	Excerpt    string        // the start of the body, valid UTF-8, at most 4 KiB
	Took       time.Duration // until it was read
}

// Config says what webhooks work with.
type Config struct {
	Records  Records
	Poster   Poster
	Registry prometheus.Registerer // a private one when nil
	Log      *slog.Logger
}

// Hooks keeps endpoints and delivers to them. It is safe for concurrent use.
type Hooks struct {
	records Records
	poster  Poster
	log     *slog.Logger
	metrics metrics
	kick    chan struct{}

	mu     sync.Mutex
	flying map[string]bool                // endpoints with a request on its way
	held   map[string]time.Time           // endpoints that asked for peace until then
	heeded map[string]chan grove.Delivery // deliveries whose next attempt somebody waits for
}

// New makes the hooks. Nothing is delivered before Run. It panics when the
// registry has the metrics of other hooks already.
func New(cfg Config) *Hooks {
	return &Hooks{
		records: cfg.Records,
		poster:  cfg.Poster,
		log:     cfg.Log,
		metrics: newMetrics(cfg.Registry),
		kick:    make(chan struct{}, 1),
		flying:  map[string]bool{},
		held:    map[string]time.Time{},
		heeded:  map[string]chan grove.Delivery{},
	}
}

// Kick says that there may be something to deliver. It never blocks.
func (h *Hooks) Kick() {
	select {
	case h.kick <- struct{}{}:
	default: // already awake
	}
}

// person refuses everyone who does not act for an account. What a key of it may,
// the face asks of the gate.
func person(actor grove.Actor) error {
	switch {
	case (actor.Kind == grove.ActorUser || actor.Kind == grove.ActorKey) && actor.UserID > 0:
		return nil
	case actor.Kind == "" || actor.Kind == grove.ActorUser:
		return grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "please login: webhooks belong to an account")
	}
	return grove.Errorf(grove.Forbidden, "not_a_person", "webhooks belong to people; sign in with an account")
}
