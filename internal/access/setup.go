package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

const (
	setupAlphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789" // no 0 O 1 I
	setupLength   = 10
	setupLife     = 15 * time.Minute
	setupTries    = 10
)

// setupCode is what the first owner proves with that they can see the console.
type setupCode struct {
	mu    sync.Mutex
	code  string
	until time.Time
	wrong int
}

func newSetupCode(now time.Time) *setupCode {
	b := make([]byte, setupLength)
	rand.Read(b)
	for i := range b {
		b[i] = setupAlphabet[int(b[i])%len(setupAlphabet)]
	}
	return &setupCode{code: string(b), until: now.Add(setupLife)}
}

// check compares a code, however it was typed: small letters, spaces and dashes
// do not matter. After too many wrong tries none counts any more.
func (s *setupCode) check(code string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wrong >= setupTries {
		return grove.Errorf(grove.Forbidden, "setup_code_dead", "there were %d wrong setup codes; restart the server, it prints a new one", setupTries)
	}
	if !now.Before(s.until) {
		return grove.Errorf(grove.Forbidden, "setup_code_expired", "the setup code has expired; restart the server, it prints a new one")
	}
	typed := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	if subtle.ConstantTimeCompare([]byte(typed), []byte(s.code)) == 1 {
		return nil
	}
	s.wrong++
	return grove.Errorf(grove.Forbidden, "setup_code_wrong", "this is not the setup code that the server printed when it started; %d tries left", setupTries-s.wrong)
}

// NeedsSetup is true until the first account exists, and false when that can't be
// found out. Strangers have it asked at every page: it is known for good once there is one.
func (a *Access) NeedsSetup(ctx context.Context) (bool, error) {
	if a.settled.Load() {
		return false, nil
	}
	n, err := a.records.UserCount(ctx)
	if err != nil {
		return false, unavailable(fmt.Errorf("count users: %w", err))
	}
	if n > 0 {
		a.settled.Store(true)
	}
	return n == 0, nil
}

// SetupCode gives the code for the first account, to be shown on the console
// alone, and when it ends.
func (a *Access) SetupCode() (code string, until time.Time) {
	half := setupLength / 2
	return a.setup.code[:half] + "-" + a.setup.code[half:], a.setup.until
}

// Setup makes the owner's account. It is NotFound once there is an account, so
// that nobody can come in this way later; Forbidden for a code that is wrong,
// expired or dead of too many tries; Invalid for an unfit address or password.
func (a *Access) Setup(ctx context.Context, code, email string, password grove.Secret, name string) (grove.User, error) {
	needed, err := a.NeedsSetup(ctx)
	if err != nil {
		return grove.User{}, err
	}
	if !needed {
		return grove.User{}, setupDone()
	}
	if err := a.setup.check(code, time.Now()); err != nil {
		return grove.User{}, err
	}
	u, err := a.draft(ctx, email, password, name)
	if err != nil {
		return grove.User{}, err
	}
	u.Role = grove.Owner
	u, err = a.records.CreateFirstUser(ctx, u, grove.Actor{}.Did("user.setup", ""))
	if errors.Is(err, grove.Conflict) {
		return grove.User{}, setupDone()
	}
	if err != nil {
		return grove.User{}, fmt.Errorf("create first user: %w", err)
	}
	a.log.Info("owner account created", slog.Int64("user", u.ID))
	return u, nil
}

func setupDone() error {
	return grove.Errorf(grove.NotFound, "setup_done", "this server has an owner already; sign in instead")
}
