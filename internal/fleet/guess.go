package fleet

import (
	"context"
	"sync"

	"github.com/grovecloud/grove"
)

// reasonWrongCode is why a printer lets nobody in.
const reasonWrongCode = "access_code_refused"

// tries are the printers that are being tried with a code, one code at a time, so that
// each is counted before the next is told.
type tries struct {
	mu  sync.Mutex
	now map[string]bool
}

func (t *tries) begin(serial string) (done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now[serial] {
		return nil, grove.Errorf(grove.Conflict, "printer_tried", "printer %s is being tried with an access code at the moment; try again when that is over", serial)
	}
	if t.now == nil {
		t.now = map[string]bool{}
	}
	t.now[serial] = true
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.now, serial)
	}, nil
}

// identify learns from the printer itself which one it is. It is told no access code before
// it is known whose it is; from then on it must show the same key.
func (f *Fleet) identify(ctx context.Context, actor grove.Actor, b *LANBinding) (grove.LANTest, error) {
	test := f.network.Test(ctx, b.LAN, "", true)
	if err := held(test); err != nil {
		judge(&test)
		return test, err
	}
	b.Binding.Serial, b.LAN.Serial, b.Pin = test.Serial, test.Serial, test.Pin
	return test, f.mayAdd(actor, b)
}

// try tries a printer with an access code that a person typed. A wrong one counts as a
// guess, whoever's the printer is here: it may be a neighbour's. Whose printer took a
// code of theirs before does not suffer from those who guess.
func (f *Fleet) try(ctx context.Context, actor grove.Actor, l grove.LAN, code grove.Secret) (grove.LANTest, error) {
	known := f.proved(actor, l.Serial)
	if !known {
		done, err := f.tries.begin(l.Serial)
		if err != nil {
			return grove.LANTest{}, err
		}
		defer done()
		if err := f.mayGuess(l.Serial); err != nil {
			return grove.LANTest{}, err
		}
	}
	test := f.network.Test(ctx, l, code, true)
	judge(&test)
	if bad, failed := test.Failed(grove.StepAccessCode); failed && bad.Reason == reasonWrongCode && !known {
		f.Guesses.CodeMissed(l.Serial)
	}
	return test, nil
}

// proved reports whether a printer is the actor's and let the server in with a code of
// theirs.
func (f *Fleet) proved(actor grove.Actor, serial string) bool {
	u, err := f.unit(serial)
	if err != nil || u.owner.Load() != actor.UserID {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.welcome
}

// mayGuess is nil while access codes for a printer are heard.
func (f *Fleet) mayGuess(serial string) error {
	wait := f.Guesses.CodeWait(serial)
	if wait <= 0 {
		return nil
	}
	return &grove.Error{
		Code: grove.Limited, Reason: grove.ReasonRateLimited, RetryAfter: wait,
		Message: "too many wrong codes for printer " + serial + "; wait before you try again",
	}
}
