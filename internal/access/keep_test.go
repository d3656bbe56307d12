package access

import (
	"context"
	"errors"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// life is an access that runs.
func life(t *testing.T, db *store.DB) (a *Access, end func()) {
	t.Helper()
	a = on(t, db, Config{Codes: CodesAny})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return a, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func signIn(a *Access, account, remote string) error {
	_, err := a.Login(context.Background(), Credentials{Account: account, Password: goodPassword, Remote: remote})
	return err
}

func TestARestartForgetsNoFailure(t *testing.T) {
	t.Parallel()
	for name, crash := range map[string]bool{"stopped": false, "killed a moment later": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { forgetsNothing(t, crash) })
		})
	}
}

func forgetsNothing(t *testing.T, crash bool) {
	db := open(t)
	a, end := life(t, db)
	twoPrinters(t, db, a)
	login(t, a, "ann@example.org") // from loopback
	if err := enterCode(t, a, lan, "11111111", ""); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < 12; { // until the account is a minute slow
		if wait, tried := guess(t, a, "ann@example.org", stranger(n).String()); !tried {
			<-time.After(wait)
			continue
		}
		n++
	}
	for i := range 20 {
		guess(t, a, strconv.Itoa(i)+"@example.org", "203.0.113.5")
	}
	guessCodes(t, a, 0, "")
	guessCodes(t, a, 1<<8, "P1")
	if crash {
		<-time.After(time.Second)
		defer end() // what was not written by now is too late
	} else {
		end()
	}

	b := on(t, db, Config{Codes: CodesAny})
	for what, tried := range map[string]func() error{
		"the account, from elsewhere":              func() error { return signIn(b, "ann@example.org", "203.0.113.7") },
		"the address, for another account":         func() error { return signIn(b, "bob@example.org", "203.0.113.5") },
		"an access code from an unknown address":   func() error { return enterCode(t, b, internet, "22222222", "") },
		"P1's access code from an unknown address": func() error { return enterCode(t, b, internet, "11111111", "P1") },
	} {
		if err := tried(); !errors.Is(err, grove.Limited) {
			t.Errorf("%s after a restart: %v, want limited", what, err)
		}
	}
	if b.CodeWait("P2") > 0 {
		t.Error("nobody guessed at P2 by name")
	}
	if err := enterCode(t, b, lan, "11111111", ""); err != nil {
		t.Errorf("an address that came in before the restart: %v", err)
	}
	if err := signIn(b, "ann@example.org", "127.0.0.1"); err != nil {
		t.Errorf("the owner is locked out by a restart: %v", err)
	}
}

func TestWhatIsForgivenStaysForgivenAfterARestart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		a, end := life(t, db)
		addUser(t, a, "ann@example.org")
		for range 4 {
			guess(t, a, "ann@example.org", "203.0.113.5")
		}
		<-time.After(time.Second) // they are written down
		if err := signIn(a, "ann@example.org", "203.0.113.6"); err != nil {
			t.Fatal(err)
		}
		end()
		b := on(t, db, Config{})
		for range 2 {
			if wait, tried := guess(t, b, "ann@example.org", "203.0.113.7"); !tried {
				t.Errorf("a failure of before counts: wait %s", wait)
			}
		}
	})
}

// A Raspberry Pi starts in the past. What was written down when the clock was right
// must not keep anybody waiting until then.
func TestAClockInThePastMakesNobodyWaitLonger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		later := time.Now().AddDate(20, 0, 0)
		k := newKeeper(nil)
		w, b, f := newWindow(k, "w", 3, time.Minute, time.Hour), newBackoff(k, "b", 1, time.Minute), newFriends(k, "f", time.Hour)
		for range 3 {
			w.fail("full", later)
			b.fail("slow", later)
		}
		w.fail("once", later)
		f.add("friend", later)
		if err := k.save(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		k = newKeeper(nil)
		w, b, f = newWindow(k, "w", 3, time.Minute, time.Hour), newBackoff(k, "b", 1, time.Minute), newFriends(k, "f", time.Hour)
		if err := k.load(t.Context(), db); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if got := w.wait("full", now); got != time.Hour {
			t.Errorf("the window is closed for %s", got)
		}
		if got := b.wait("slow", now); got != time.Minute {
			t.Errorf("the delay is %s", got)
		}
		if !f.has("friend", now) || f.has("friend", now.Add(time.Hour)) {
			t.Error("a friend is forgotten, or never")
		}
		w.fail("once", now)
		if w.wait("once", now) > 0 {
			t.Error("two failures count as three")
		}
		w.fail("once", now)
		if w.wait("once", now) == 0 {
			t.Error("the failure before the restart counts no more")
		}
	})
}

func TestWhatCanNotBeWrittenIsTriedAgain(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	k := newKeeper(nil)
	w := newWindow(k, "w", 2, time.Minute, time.Hour)
	now := time.Now()
	w.fail("a", now)
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if err := k.save(stopped, db); err == nil {
		t.Fatal("written in spite of everything")
	}
	w.fail("a", now)
	if err := k.save(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	k = newKeeper(nil)
	w = newWindow(k, "w", 2, time.Minute, time.Hour)
	if err := k.load(t.Context(), db); err != nil {
		t.Fatal(err)
	}
	if w.wait("a", now) == 0 {
		t.Error("what failed to be written is lost")
	}
}
