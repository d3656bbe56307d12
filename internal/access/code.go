package access

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
)

// wish is somebody's wish for a code, from an address.
type wish struct {
	kind            grove.PassKind
	account, remote string
}

// post takes wishes for codes and grants them out of the asker's sight, so that
// neither the answer nor its time tells whether there is such an account.
type post struct {
	wishes   chan wish
	familiar *window // an account from an address that it knows
	pairs    *window // an account from another address
	sources  *window // such an address
	all      *window // an account from all such addresses
}

func newPost(k *keeper) *post {
	return &post{
		wishes:   make(chan wish, 64),
		familiar: newWindow(k, "mail-familiar", 30, 10*time.Minute, 5*time.Minute),
		pairs:    newWindow(k, "mail-pair", 5, 10*time.Minute, 5*time.Minute),
		sources:  newWindow(k, "mail-source", 20, 15*time.Minute, 15*time.Minute),
		all:      newWindow(k, "mail-account", 10, 15*time.Minute, 15*time.Minute),
	}
}

// AskCode has a code for signing in mailed to an account, if there is one and it
// was not asked for too often. It says nothing, because the answer must not tell.
func (a *Access) AskCode(account, remote string) { a.ask(wish{grove.LoginPass, account, remote}) }

// AskReset does the same for a code that sets a new password.
func (a *Access) AskReset(account, remote string) { a.ask(wish{grove.ResetPass, account, remote}) }

func (a *Access) ask(w wish) {
	if a.post.wait(a.logins.attempt(w.account, w.remote), time.Now()) > 0 {
		a.log.Info("code not sent: asked for too often", slog.String("remote", oneLine(w.remote, 64)))
		return
	}
	select {
	case a.post.wishes <- w:
	default:
		a.log.Warn("code not sent: too many are asked for at once")
	}
}

// wait counts a wish and says how long there may be none; then it does not count.
// Whoever signed in from an address lately has a larger number of their own there,
// which the wishes of strangers do not touch.
func (p *post) wait(t attempt, now time.Time) time.Duration {
	if _, known := t.key(now); known {
		if wait := p.familiar.wait(t.pair(), now); wait > 0 {
			return wait
		}
		p.familiar.fail(t.pair(), now)
		return 0
	}
	wait := max(p.pairs.wait(t.pair(), now), p.sources.wait(t.source, now), p.all.wait(t.account, now))
	if wait > 0 {
		return wait
	}
	p.pairs.fail(t.pair(), now)
	p.sources.fail(t.source, now)
	p.all.fail(t.account, now)
	return 0
}

// Run sends codes, keeps up with what other servers of the same records grant, writes
// down what failed, and tells of bridges that come and go, until ctx ends.
func (a *Access) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.sendCodes(ctx) })
	g.Go(func() error { return a.followRights(ctx) })
	g.Go(func() error { return a.keepTallies(ctx) })
	g.Go(func() error { return a.tellOfBridges(ctx) })
	return g.Wait()
}

// sendCodes grants wishes for codes until ctx ends.
func (a *Access) sendCodes(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case w := <-a.post.wishes:
			if err := a.grant(ctx, w); err != nil && ctx.Err() == nil {
				a.log.Warn("code not sent", slog.Any("error", err))
			}
		}
	}
}

func (a *Access) grant(ctx context.Context, w wish) error {
	u, err := a.account(ctx, w.account)
	if errors.Is(err, grove.NotFound) || u.Locked() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read user: %w", err)
	}
	return a.mailCode(ctx, w.kind, u)
}

// proveCode checks a code from a letter, as [Access.prove] does a password.
func (a *Access) proveCode(ctx context.Context, c Credentials) (grove.User, error) {
	return a.guessed(ctx, grove.LoginPass, c)
}

// guessed checks a guess at a code of an account. An unknown account has no code,
// so that each guess at it is wrong.
func (a *Access) guessed(ctx context.Context, kind grove.PassKind, c Credentials) (grove.User, error) {
	try := a.logins.attempt(c.Account, c.Remote)
	if err := try.refused(time.Now()); err != nil {
		return grove.User{}, err
	}
	u, err := a.account(ctx, c.Account)
	if err != nil && !errors.Is(err, grove.NotFound) {
		return grove.User{}, unavailable(fmt.Errorf("read user: %w", err))
	}
	if err := a.redeemCode(ctx, kind, cmp.Or(u.ID, -1), c.Code); err != nil {
		if grove.HasReason(err, grove.ReasonWrongCode) {
			try.failed(time.Now())
		}
		return grove.User{}, err
	}
	try.succeeded(time.Now())
	return u, nil
}
