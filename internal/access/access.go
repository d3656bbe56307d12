// Package access says who is asking and what they may do: accounts, sign-in,
// tokens, printers' own secrets, and the one question Authorize.
package access

import (
	"cmp"
	"context"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
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
	Passes
	Granted
	Roles
	Keys
	Bridges
	Shares
	Tallies
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
	Mail        Mailer                // nil: letters go to the log and to owners
	Name        string                // of this installation, in letters and authenticator apps; Grove when empty
	PublicURL   string                // where the sign-in page is, for links in letters
	BridgeGrace time.Duration         // how long a bridge may be away before its owner is told; 20 s when 0
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
	name        string
	publicURL   string

	key       *rsa.PrivateKey
	passKey   []byte
	mail      Mailer
	board     *board
	post      *post
	sessions  *sessionCache
	hashes    *hasher
	logins    *guard
	seconds   *guard  // the second step of a login
	tickets   *window // tickets that were no tickets, by address
	pins      *window // PINs that were no PINs, by who typed them
	doors     *doors
	setup     *setupCode
	settled   atomic.Bool // there is an account
	keeper    *keeper
	uses      uses
	stays     stays
	crossings *crossings

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
	passes, err := passKey(ctx, cfg.Records)
	if err != nil {
		return nil, fmt.Errorf("load key of passes: %w", err)
	}
	m, err := newMetrics(cfg.Registry)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	rights, err := NewRights(ctx, cfg.Records)
	if err != nil {
		return nil, fmt.Errorf("read rights: %w", err)
	}
	kept := newKeeper(passes)
	a := &Access{
		Rights:      rights,
		records:     cfg.Records,
		log:         cfg.Log,
		metrics:     m,
		minPassword: cmp.Or(cfg.MinPassword, DefaultMinPassword),
		tokenLife:   cmp.Or(cfg.TokenLife, DefaultTokenLife),
		name:        cmp.Or(cfg.Name, "Grove"),
		publicURL:   strings.TrimSuffix(cfg.PublicURL, "/"),
		key:         key,
		passKey:     passes,
		mail:        cfg.Mail,
		board:       &board{log: cfg.Log},
		post:        newPost(kept),
		sessions:    newSessionCache(),
		hashes:      newHasher(cfg.Hashes),
		logins:      newGuard(kept, "login"),
		doors:       newDoors(kept, codes),
		seconds:     newGuard(kept, "second"),
		tickets:     newWindow(kept, "ticket", 20, 15*time.Minute, 15*time.Minute),
		pins:        newPINGuesses(kept),
		setup:       newSetupCode(time.Now()),
		keeper:      kept,
		crossings:   newCrossings(cmp.Or(cfg.BridgeGrace, 20*time.Second)),
	}
	if err := kept.load(ctx, cfg.Records); err != nil {
		return nil, fmt.Errorf("read failures to sign in: %w", err)
	}
	if a.mail == nil {
		a.mail = a.board
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
