package access

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

const (
	// pinLength is what the slicer's field for a PIN takes; 32 letters make 2³⁰ PINs.
	pinLength = 6
	pinLife   = 10 * time.Minute
)

// newPINGuesses counts wrong PINs of an account. At most ten in fifteen minutes find
// one of a thousand million in no lifetime.
func newPINGuesses(k *keeper) *window {
	return newWindow(k, "pin", 10, 15*time.Minute, 15*time.Minute)
}

// NewPIN makes a PIN that gives a printer of ownerID away, once, within ten minutes.
// Whether they may is for the caller to ask.
func (a *Access) NewPIN(ctx context.Context, ownerID int64, serial string, act grove.AuditEntry) (pin grove.Secret, until time.Time, err error) {
	for {
		drawn := rand.Text()[:pinLength]
		hash := a.hashPIN(drawn)
		_, err := a.records.Pass(ctx, grove.PrinterPass, hash)
		if err == nil {
			continue // some printer has it already
		}
		if !errors.Is(err, grove.NotFound) {
			return "", time.Time{}, unavailable(fmt.Errorf("look for PIN: %w", err))
		}
		p := begun(grove.Pass{Kind: grove.PrinterPass, UserID: ownerID, Serial: serial, Hash: hash}, pinLife)
		if err := a.records.AddPasses(ctx, []grove.Pass{p}, act); err != nil {
			return "", time.Time{}, unavailable(fmt.Errorf("add PIN: %w", err))
		}
		return grove.Secret(drawn), p.ExpiresAt, nil
	}
}

// PIN finds the open PIN that a person typed, in letters of either case, with or
// without spaces. NotFound pin_unknown when it is none, which counts as a guess;
// Limited after ten of those in fifteen minutes.
func (a *Access) PIN(ctx context.Context, actor grove.Actor, typed string) (grove.Pass, error) {
	if err := person(actor); err != nil {
		return grove.Pass{}, err
	}
	guesser := actor.String()
	if err := limited(a.pins.wait(guesser, time.Now()), "there were too many wrong PINs from this account"); err != nil {
		return grove.Pass{}, err
	}
	p, err := a.records.Pass(ctx, grove.PrinterPass, a.hashPIN(typed))
	if err != nil && !errors.Is(err, grove.NotFound) {
		return grove.Pass{}, unavailable(fmt.Errorf("find PIN: %w", err))
	}
	if err != nil || !p.Open(time.Now()) {
		a.pins.fail(guesser, time.Now())
		return grove.Pass{}, grove.NoPIN()
	}
	return p, nil
}

func (a *Access) hashPIN(typed string) string {
	return a.hashPass(grove.PrinterPass, 0, strings.ToUpper(plainCode(typed)))
}
