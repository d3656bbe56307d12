package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/grovecloud/grove"
)

// Credentials is what somebody signs in with.
type Credentials struct {
	Account  string // e-mail address
	Password grove.Secret
	Code     string // from a letter, instead of a password
	Client   string // the user agent, shown in the list of sessions
	Remote   string // the client's address, with or without port
}

// The outcomes that are counted.
const (
	outcomeOK      = "ok"
	outcomeWrong   = "wrong"
	outcomeLimited = "limited"
	outcomeRefused = "refused"
	outcomeError   = "error"
)

// outcome is how err is counted.
func outcome(err error) string {
	switch {
	case err == nil:
		return outcomeOK
	case errors.Is(err, grove.Limited):
		return outcomeLimited
	case errors.Is(err, grove.Forbidden):
		return outcomeRefused
	case errors.Is(err, grove.Invalid), errors.Is(err, grove.Unauthenticated):
		return outcomeWrong
	}
	return outcomeError
}

// Login opens a session, or says what is wanted beside the password: Invalid
// wrong_password for a wrong password as for an unknown account, wrong_code or
// code_expired for a code, Limited with the wait when there were too many failures,
// Unavailable when too many sign in at once.
func (a *Access) Login(ctx context.Context, c Credentials) (Tokens, error) {
	t, err := a.login(ctx, c)
	a.metrics.logins.WithLabelValues(outcome(err)).Inc()
	return t, err
}

func (a *Access) login(ctx context.Context, c Credentials) (Tokens, error) {
	prove := a.prove
	if c.Code != "" && c.Password == "" {
		prove = a.proveCode
	}
	u, err := prove(ctx, c)
	if err != nil {
		return Tokens{}, err
	}
	if err := refuseLocked(u); err != nil {
		return Tokens{}, err
	}
	how, err := a.records.SignIn(ctx, u.ID)
	if err != nil {
		return Tokens{}, unavailable(fmt.Errorf("read sign-in: %w", err))
	}
	switch {
	case how.TOTP():
		key, err := a.issue(ctx, grove.Pass{Kind: grove.SecondPass, UserID: u.ID}, secondLife)
		return Tokens{Wants: WantsTOTP, Key: key}, err
	case how.Mode == grove.ByCode && c.Password != "":
		wait := a.post.wait(a.logins.attempt(c.Account, c.Remote), time.Now())
		if err := limited(wait, "there were too many codes mailed to this account; use one of them"); err != nil {
			return Tokens{}, err
		}
		return Tokens{Wants: WantsCode}, a.mailCode(ctx, grove.LoginPass, u)
	}
	return a.letIn(ctx, u, arrival{c.Client, c.Remote, time.Now()})
}

// arrival is how somebody comes in.
type arrival struct {
	client, remote string
	proved         time.Time // when they last showed more than a ticket
}

// letIn opens a session for somebody who has proved everything.
func (a *Access) letIn(ctx context.Context, u grove.User, how arrival) (Tokens, error) {
	t, err := a.open(ctx, u, how.client, how.proved.UTC().Truncate(time.Millisecond))
	if grove.HasReason(err, grove.ReasonAccountLocked) {
		return Tokens{}, err // it was locked this moment
	}
	if err != nil {
		return Tokens{}, unavailable(err)
	}
	a.logins.attempt(u.Email, how.remote).succeeded(time.Now())
	a.doors.welcome(remoteAddr(how.remote), time.Now())
	a.log.Info("user signed in", slog.Int64("user", u.ID), slog.String("remote", oneLine(how.remote, 64)))
	return t, nil
}

// prove checks the password, unless there were too many failures before.
func (a *Access) prove(ctx context.Context, c Credentials) (grove.User, error) {
	try := a.logins.attempt(c.Account, c.Remote)
	if err := try.refused(time.Now()); err != nil {
		return grove.User{}, err
	}
	leave, err := a.hashes.enter(ctx)
	if err != nil {
		return grove.User{}, err
	}
	defer leave()
	// Asked again, now that others who waited before have failed.
	if err := try.refused(time.Now()); err != nil {
		return grove.User{}, err
	}
	u, err := a.checkLogin(ctx, c)
	switch {
	case err == nil:
		return u, nil // letIn forgets the failures, once everything is proved
	case errors.Is(err, grove.Invalid):
		try.failed(time.Now())
		return grove.User{}, err
	}
	return grove.User{}, unavailable(err)
}

// checkLogin compares the password. It does the same work when there is no such
// account, so that the time tells nothing.
func (a *Access) checkLogin(ctx context.Context, c Credentials) (grove.User, error) {
	u, err := a.account(ctx, c.Account)
	unknown := errors.Is(err, grove.NotFound)
	if err != nil && !unknown {
		return grove.User{}, fmt.Errorf("read user: %w", err)
	}
	stored, password := u.PasswordHash, c.Password
	if unknown || len(password) > maxPassword {
		stored, password = a.hashes.decoy, ""
	}
	ok, stale, err := a.hashes.matches(password, stored)
	if err != nil {
		return grove.User{}, fmt.Errorf("compare password of user %d: %w", u.ID, err)
	}
	if !ok || unknown {
		return grove.User{}, grove.Errorf(grove.Invalid, grove.ReasonWrongPassword, "Incorrect password")
	}
	if stale {
		return a.rehash(ctx, u, password)
	}
	return u, nil
}

// account finds the account that somebody typed; NotFound when there is none.
func (a *Access) account(ctx context.Context, typed string) (grove.User, error) {
	email := normalEmail(typed)
	if !isEmail(email) {
		return grove.User{}, grove.NotFound
	}
	return a.records.UserByEmail(ctx, email)
}

// rehash stores the password at today's cost.
func (a *Access) rehash(ctx context.Context, u grove.User, password grove.Secret) (grove.User, error) {
	hash := a.hashes.hash(password)
	return a.records.UpdateUser(ctx, u.ID, func(u *grove.User) error {
		u.PasswordHash = hash
		return nil
	})
}

// guard slows down who guesses passwords: each account by growing delays, each
// address by a window. Whoever signed in from an address lately is counted
// apart there, so that a stranger cannot lock the owner out.
type guard struct {
	accounts *backoff
	sources  *window
	known    *friends
}

func newGuard(k *keeper, kind string) *guard {
	return &guard{
		accounts: newBackoff(k, kind+"-account", 5, 15*time.Minute),
		sources:  newWindow(k, kind+"-source", 20, 15*time.Minute, 15*time.Minute),
		known:    newFriends(k, kind+"-known", 30*24*time.Hour),
	}
}

// attempt is one try to sign in.
type attempt struct {
	guard           *guard
	account, source string
}

func (g *guard) attempt(account, remote string) attempt {
	return attempt{guard: g, account: oneLine(normalEmail(account), maxEmail), source: source(remoteAddr(remote))}
}

// pair names the account as seen from this address.
func (t attempt) pair() string { return t.account + "\x00" + t.source }

// key is what failures count under, and whether the pair is known.
func (t attempt) key(now time.Time) (key string, known bool) {
	if t.guard.known.has(t.pair(), now) {
		return t.pair(), true
	}
	return t.account, false
}

func (t attempt) refused(now time.Time) error {
	key, known := t.key(now)
	wait := t.guard.accounts.wait(key, now)
	if !known {
		wait = max(wait, t.guard.sources.wait(t.source, now))
	}
	return limited(wait, "there were too many failed sign-ins")
}

func (t attempt) failed(now time.Time) {
	key, _ := t.key(now)
	t.guard.accounts.fail(key, now)
	t.guard.sources.fail(t.source, now)
}

func (t attempt) succeeded(now time.Time) {
	t.guard.accounts.reset(t.account, now)
	t.guard.accounts.reset(t.pair(), now)
	t.guard.known.add(t.pair(), now)
}

// limited is nil when there is no wait.
func limited(wait time.Duration, why string) error {
	if wait <= 0 {
		return nil
	}
	wait = (wait + time.Second - 1).Truncate(time.Second)
	return &grove.Error{
		Code: grove.Limited, Reason: grove.ReasonRateLimited, RetryAfter: wait,
		Message: fmt.Sprintf("%s; try again in %s", why, grove.Wait(wait)),
	}
}

// remoteAddr reads an address with or without port; the zero address when it is
// neither.
func remoteAddr(s string) netip.Addr {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr()
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr
}
