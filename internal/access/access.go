// Package access says who is asking and what they may do: accounts, sign-in,
// tokens, printers' own secrets, and the one question Authorize.
package access

import (
	"cmp"
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
)

// Defaults of [Config].
const (
	DefaultMinPassword = 12
	DefaultTokenLife   = 90 * 24 * time.Hour // what the vendor's cloud hands out
)

// Records is all that access remembers.
type Records interface {
	Users
	Sessions
	Printers
	Granted
	Roles
	Keys
	Shares
	// Secret gives the named secret and makes it at the first call.
	Secret(ctx context.Context, name string, create func() ([]byte, error)) ([]byte, error)
}

// Config says what access works with. Only Records and Log are required.
type Config struct {
	Records     Records
	Hashes      Hashing
	Codes       CodePolicy            // private when empty
	MinPassword int                   // characters; DefaultMinPassword when 0
	TokenLife   time.Duration         // DefaultTokenLife when 0
	Registry    prometheus.Registerer // a private one when nil
	Log         *slog.Logger
}

// Access knows who may do what. It is safe for concurrent use.
type Access struct {
	*Rights
	records     Records
	log         *slog.Logger
	metrics     metrics
	minPassword int
	tokenLife   time.Duration

	key      *rsa.PrivateKey
	sessions *sessionCache
	hashes   *hasher
	logins   *guard
	doors    *doors
	setup    *setupCode
	uses     uses

	mu    sync.Mutex
	onEnd []func(sessionID string)
}

// New loads the key that signs tokens, or makes it at first start. Each New makes
// another setup code, see [Access.SetupCode].
func New(ctx context.Context, cfg Config) (*Access, error) {
	codes, err := ParseCodePolicy(string(cmp.Or(cfg.Codes, CodesPrivate)))
	if err != nil {
		return nil, err
	}
	key, err := signingKey(ctx, cfg.Records)
	if err != nil {
		return nil, fmt.Errorf("load signing key: %w", err)
	}
	m, err := newMetrics(cfg.Registry)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	rights, err := NewRights(ctx, cfg.Records)
	if err != nil {
		return nil, fmt.Errorf("read rights: %w", err)
	}
	a := &Access{
		Rights:      rights,
		records:     cfg.Records,
		log:         cfg.Log,
		metrics:     m,
		minPassword: cmp.Or(cfg.MinPassword, DefaultMinPassword),
		tokenLife:   cmp.Or(cfg.TokenLife, DefaultTokenLife),
		key:         key,
		sessions:    newSessionCache(),
		hashes:      newHasher(cfg.Hashes),
		logins:      newGuard(),
		doors:       newDoors(codes),
		setup:       newSetupCode(time.Now()),
	}
	rights.onEnd = a.ended
	return a, nil
}

// OnEnd has fn called after each session or key that ended, so that whoever holds a
// connection of it can cut it. fn must not block.
func (a *Access) OnEnd(fn func(sessionID string)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.onEnd = append(a.onEnd, fn)
}

// ended tells everyone who asked that a session is over.
func (a *Access) ended(sessionID string) {
	a.mu.Lock()
	fns := a.onEnd
	a.mu.Unlock()
	for _, fn := range fns {
		fn(sessionID)
	}
}

// unavailable hides a failure of the records behind words: whoever cannot be
// checked is not let in, and is told to come again.
func unavailable(err error) error {
	return &grove.Error{
		Code: grove.Unavailable, Reason: "records_unavailable",
		Message:    "the server cannot read its records at the moment, so nobody can be let in; try again soon",
		RetryAfter: 5 * time.Second, Err: err,
	}
}
