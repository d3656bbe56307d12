package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// Refresh gives new tokens to whoever came with a token that still counts, and
// lets their session live on from now. The token before it counts until its own
// end, because connections that were opened with it go on, and a logout with
// either ends both. Unauthenticated when there is no session to go on with.
func (a *Access) Refresh(ctx context.Context, actor grove.Actor) (Tokens, error) {
	if actor.Kind != grove.ActorUser || actor.SessionID == "" {
		return Tokens{}, tokenInvalid("it belongs to no session that could go on")
	}
	u, err := a.records.User(ctx, actor.UserID)
	if err != nil {
		return Tokens{}, unavailable(fmt.Errorf("read user: %w", err))
	}
	now := time.Now().UTC().Truncate(time.Second)
	s := grove.Session{ID: actor.SessionID, UserID: u.ID, CreatedAt: now, ExpiresAt: now.Add(a.tokenLife)}
	err = a.records.ExtendSession(ctx, s.ID, s.ExpiresAt)
	switch {
	case errors.Is(err, grove.NotFound):
		return Tokens{}, tokenInvalid("its session has ended")
	case err != nil:
		return Tokens{}, unavailable(fmt.Errorf("extend session: %w", err))
	}
	token, err := a.sign(s, asBearer)
	if err != nil {
		return Tokens{}, err
	}
	return a.tokens(token, u, s), nil
}

// tokens is the answer to whoever gets this token of a session.
func (a *Access) tokens(token grove.Secret, u grove.User, s grove.Session) Tokens {
	return Tokens{
		Access: token, Refresh: token, ExpiresIn: a.tokenLife, RefreshExpiresIn: a.tokenLife, User: u, SessionID: s.ID,
	}
}
