package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

// Sessions keeps who is signed in. Acts are kept together with the change.
type Sessions interface {
	CreateSession(ctx context.Context, s grove.Session, acts ...grove.AuditEntry) error
	Session(ctx context.Context, id string) (grove.Session, error)
	ExtendSession(ctx context.Context, id string, until time.Time) error
	ConfirmSession(ctx context.Context, id string, at time.Time, acts ...grove.AuditEntry) error
	SessionUsed(ctx context.Context, id string, u grove.Use) error
	EndSession(ctx context.Context, id string, at time.Time, acts ...grove.AuditEntry) error
	EndSessions(ctx context.Context, userID int64, but string, at time.Time, acts ...grove.AuditEntry) (ids []string, err error)
	Sessions(ctx context.Context, userID int64, now time.Time, page grove.Page) (grove.List[grove.Session], error)
}

// Wanted is what a sign-in lacks.
type Wanted string

// What may be wanted beside what was proved.
const (
	WantsNothing Wanted = ""
	WantsCode    Wanted = "code" // that was mailed just now
	WantsTOTP    Wanted = "totp" // by [Access.SecondStep], with Key
)

// Tokens is what a sign-in gives, unless something is wanted yet. Refresh is the
// same token as Access, as the vendor's cloud does it.
type Tokens struct {
	Wants Wanted
	Key   grove.Secret // names the sign-in in its second step

	Access, Refresh             grove.Secret
	ExpiresIn, RefreshExpiresIn time.Duration
	User                        grove.User
	SessionID                   string
}

// open makes a session and its tokens, for whoever proved then that it is them.
func (a *Access) open(ctx context.Context, u grove.User, client string, proved time.Time) (Tokens, error) {
	now := time.Now().UTC().Truncate(time.Second)
	s := grove.Session{
		ID:          "ses_" + strings.ToLower(ulid.Make().String()),
		UserID:      u.ID,
		Client:      oneLine(client, 200),
		CreatedAt:   now,
		ConfirmedAt: proved,
		ExpiresAt:   now.Add(a.tokenLife),
	}
	token, err := a.sign(s, asBearer)
	if err != nil {
		return Tokens{}, err
	}
	who := grove.Actor{Kind: grove.ActorUser, UserID: u.ID, SessionID: s.ID}
	if err := a.records.CreateSession(ctx, s, who.Did("user.login", s.Client)); err != nil {
		return Tokens{}, fmt.Errorf("create session: %w", err)
	}
	return a.tokens(token, u, s), nil
}

// Authenticate says whose access token this is: Unauthenticated with the reason
// token_invalid or token_expired when it is nobody's, Unavailable when the
// records cannot be asked. The session decides, so that a logout ends every
// token of it within a second, on other servers of the same records too.
func (a *Access) Authenticate(ctx context.Context, bearer string) (grove.Actor, error) {
	if bearer == "" {
		return grove.Actor{}, grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "Please login: the request has no access token")
	}
	return a.bySession(ctx, bearer, asBearer)
}

// bySession says whose token this is, where it is good for what it is used for.
func (a *Access) bySession(ctx context.Context, token string, g good) (grove.Actor, error) {
	now := time.Now()
	digest := sha256.Sum256([]byte(string(g) + " " + token))
	if actor, ok := a.sessions.actor(digest, now); ok {
		return actor, nil
	}
	id, userID, expires, err := a.verify(token, g)
	if err != nil {
		return grove.Actor{}, err
	}
	s, err := a.session(ctx, id, userID)
	if err != nil {
		return grove.Actor{}, err
	}
	if err := a.knows(ctx, s.UserID); err != nil {
		return grove.Actor{}, err
	}
	actor := grove.Actor{Kind: grove.ActorUser, UserID: s.UserID, SessionID: s.ID}
	if s.ExpiresAt.Before(expires) {
		expires = s.ExpiresAt
	}
	a.sessions.keep(digest, actor, now, expires)
	return actor, nil
}

// session is a user's session that stands: Unauthenticated when it does not.
func (a *Access) session(ctx context.Context, id string, userID int64) (grove.Session, error) {
	s, err := a.records.Session(ctx, id)
	switch {
	case errors.Is(err, grove.NotFound):
		return s, tokenInvalid("its session is not known here")
	case err != nil:
		return s, unavailable(fmt.Errorf("read session: %w", err))
	case s.UserID != userID:
		return s, tokenInvalid("its session is somebody else's")
	case !s.EndedAt.IsZero():
		return s, tokenInvalid("its session was ended")
	case !time.Now().Before(s.ExpiresAt):
		return s, tokenExpired()
	}
	return s, nil
}

// Stands says whether what the actor came by counts still, for links that carry no
// token: nil, Unauthenticated, or Unavailable when the records cannot be asked.
func (a *Access) Stands(ctx context.Context, actor grove.Actor) error {
	if actor.Kind != grove.ActorUser {
		return nil // whether a key counts is asked with each right
	}
	_, err := a.session(ctx, actor.SessionID, actor.UserID)
	return err
}

// Logout ends the session that actor came with. To end it twice is no error.
func (a *Access) Logout(ctx context.Context, actor grove.Actor) error {
	if actor.Kind != grove.ActorUser || actor.SessionID == "" {
		return grove.Errorf(grove.Forbidden, "no_session", "there is no session to end: only people who signed in can log out")
	}
	err := a.records.EndSession(ctx, actor.SessionID, time.Now().UTC(), actor.Did("user.logout", ""))
	if err != nil && !errors.Is(err, grove.NotFound) {
		return fmt.Errorf("end session: %w", err)
	}
	a.sessions.drop(actor.SessionID)
	a.ended(actor.SessionID)
	return nil
}

// sessionCache spares the records and the signature check for a second.
type sessionCache struct {
	mu   sync.RWMutex
	seen map[[sha256.Size]byte]cachedActor
}

type cachedActor struct {
	actor grove.Actor
	until time.Time
}

const (
	cacheLife = time.Second
	cacheMost = 4096
)

func newSessionCache() *sessionCache {
	return &sessionCache{seen: map[[sha256.Size]byte]cachedActor{}}
}

func (c *sessionCache) actor(token [sha256.Size]byte, now time.Time) (grove.Actor, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.seen[token]
	return e.actor, ok && now.Before(e.until)
}

func (c *sessionCache) keep(token [sha256.Size]byte, actor grove.Actor, now, expires time.Time) {
	until := now.Add(cacheLife)
	if expires.Before(until) {
		until = expires
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.seen) >= cacheMost {
		clear(c.seen)
	}
	c.seen[token] = cachedActor{actor: actor, until: until}
}

// drop forgets every token of a session.
func (c *sessionCache) drop(sessionID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, e := range c.seen {
		if e.actor.SessionID == sessionID {
			delete(c.seen, k)
		}
	}
}
