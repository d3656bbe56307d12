package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// browserLife is how long a browser stays signed in to the dashboard.
const browserLife = 30 * 24 * time.Hour

// Browser is a sign-in to the dashboard.
type Browser struct {
	Cookie    grove.Secret // counts by [Access.AuthenticateBrowser] alone
	ExpiresIn time.Duration
}

// ForBrowser makes a sign-in one of the dashboard, whose session ends sooner than a
// program's. What it gives is no access token: as a bearer, to be refreshed, and as
// a password of MQTT it is refused.
func (a *Access) ForBrowser(ctx context.Context, t Tokens) (Browser, error) {
	life := min(a.tokenLife, browserLife)
	now := time.Now().UTC().Truncate(time.Second)
	s := grove.Session{ID: t.SessionID, UserID: t.User.ID, CreatedAt: now, ExpiresAt: now.Add(life)}
	err := a.records.ExtendSession(ctx, s.ID, s.ExpiresAt)
	switch {
	case errors.Is(err, grove.NotFound):
		return Browser{}, tokenInvalid("its session has ended")
	case err != nil:
		return Browser{}, unavailable(fmt.Errorf("set the end of a session: %w", err))
	}
	cookie, err := a.sign(s, asCookie)
	return Browser{Cookie: cookie, ExpiresIn: life}, err
}

// AuthenticateBrowser is [Access.AuthenticateFrom] for the cookie of the dashboard.
func (a *Access) AuthenticateBrowser(ctx context.Context, cookie string, v Visit) (grove.Actor, error) {
	actor, err := a.bySession(ctx, cookie, asCookie)
	if err == nil {
		a.noteUse(ctx, actor, v)
	}
	return actor, err
}
