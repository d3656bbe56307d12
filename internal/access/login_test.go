package access

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

func TestAWrongPasswordAndAnUnknownAccountLookTheSame(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	addUser(t, a, "ann@example.org")
	for _, c := range []Credentials{
		{Account: "ann@example.org", Password: "wrong horse battery"},
		{Account: "ann@example.org", Password: ""},
		{Account: "ann@example.org", Password: grove.Secret(strings.Repeat("x", 5000))},
		{Account: "bob@example.org", Password: goodPassword},
		{Account: "\x00\xff", Password: goodPassword},
		{Account: "", Password: ""},
	} {
		_, err := a.Login(t.Context(), c)
		if !grove.HasReason(err, grove.ReasonWrongPassword) || !errors.Is(err, grove.Invalid) || grove.AsError(err).Message != "Incorrect password" {
			t.Errorf("login as %q: %v", c.Account, err)
		}
	}
}

// work is a hash that was computed.
type work struct {
	memory, passes uint32
	lanes          uint8
}

func TestAnUnknownAccountCostsTheWorkOfAKnownOne(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	addUser(t, a, "ann@example.org")
	var done []work
	derive := a.hashes.derive
	a.hashes.derive = func(p phc, password grove.Secret) []byte {
		done = append(done, work{p.memory, p.passes, p.lanes})
		return derive(p, password)
	}
	want := work{memory: 64, passes: 1, lanes: 1}
	for name, c := range map[string]Credentials{
		"right":     {Account: "ann@example.org", Password: goodPassword},
		"wrong":     {Account: "ann@example.org", Password: "wrong horse battery"},
		"too long":  {Account: "ann@example.org", Password: grove.Secret(strings.Repeat("x", 5000))},
		"unknown":   {Account: "bob@example.org", Password: goodPassword},
		"no e-mail": {Account: "nobody", Password: goodPassword},
	} {
		done = nil
		if _, err := a.Login(t.Context(), c); (err == nil) != (name == "right") {
			t.Errorf("%s: %v", name, err)
		}
		if len(done) != 1 || done[0] != want {
			t.Errorf("%s: the work was %+v, want once %+v", name, done, want)
		}
	}
}

func TestTwoPasswordsAreHashedAtOnceAndTheOthersWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{Hashes: Hashing{MemoryKiB: 64, Passes: 1}})
		addUser(t, a, "ann@example.org")
		begun, goOn := make(chan struct{}, 10), make(chan struct{})
		derive := a.hashes.derive
		a.hashes.derive = func(p phc, password grove.Secret) []byte {
			begun <- struct{}{}
			<-goOn
			return derive(p, password)
		}
		ended := make(chan error, 10)
		for i, account := range []string{"ann@example.org", "unknown@example.org", "else@example.org"} {
			go func() {
				_, err := a.Login(t.Context(), Credentials{Account: account, Password: "wrong", Remote: fmt.Sprintf("203.0.113.%d", i)})
				ended <- err
			}()
		}
		go func() {
			_, err := a.AddUser(t.Context(), "new@example.org", goodPassword, "", grove.Operator)
			ended <- err
		}()
		for _, at := range []struct{ begun, ended int }{{2, 0}, {3, 1}, {4, 2}} {
			synctest.Wait()
			if len(begun) != at.begun || len(ended) != at.ended {
				t.Errorf("%d began and %d ended, want %d and %d", len(begun), len(ended), at.begun, at.ended)
			}
			goOn <- struct{}{}
		}
		goOn <- struct{}{}
		for range 4 {
			if err := <-ended; err != nil && !grove.HasReason(err, grove.ReasonWrongPassword) {
				t.Error(err)
			}
		}
	})
}

// guess tries a wrong password from an address and says how long it must wait.
func guess(t *testing.T, a *Access, account, remote string) (wait time.Duration, tried bool) {
	t.Helper()
	_, err := a.Login(t.Context(), Credentials{Account: account, Password: "not the password", Remote: remote})
	if errors.Is(err, grove.Limited) {
		return grove.AsError(err).RetryAfter, false
	}
	if !grove.HasReason(err, grove.ReasonWrongPassword) {
		t.Fatalf("guess: %v", err)
	}
	return 0, true
}

func TestWrongPasswordsSlowAnAccountDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{})
		addUser(t, a, "ann@example.org")
		n := 0
		from := func() string { n++; return fmt.Sprintf("203.0.113.%d", n%250) } // no address twice in a window
		for range 5 {
			if wait, tried := guess(t, a, "ann@example.org", from()); !tried {
				t.Fatalf("refused for %s within the first five", wait)
			}
		}
		for _, seconds := range []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900} {
			want := time.Duration(seconds) * time.Second
			wait, tried := guess(t, a, " ANN@example.org", from())
			if tried || wait != want {
				t.Fatalf("wait %s (tried %t), want %s", wait, tried, want)
			}
			<-time.After(wait)
			if _, tried := guess(t, a, "ann@example.org", from()); !tried {
				t.Fatal("refused after the wait")
			}
		}
		<-time.After(15 * time.Minute)
		login(t, a, "ann@example.org")
		if _, tried := guess(t, a, "ann@example.org", from()); !tried {
			t.Error("a success did not reset the delay")
		}
	})
}

func TestAStrangerCannotLockTheOwnerOut(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	addUser(t, a, "ann@example.org")
	login(t, a, "ann@example.org") // from 127.0.0.1
	for range 6 {
		guess(t, a, "ann@example.org", "203.0.113.9")
	}
	if _, tried := guess(t, a, "ann@example.org", "203.0.113.10"); tried {
		t.Error("strangers are not slowed down")
	}
	login(t, a, "ann@example.org")
}

func TestManyWrongPasswordsCloseAnAddress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{})
		addUser(t, a, "ann@example.org")
		for i := range 20 {
			// The same household: one /64.
			if wait, tried := guess(t, a, fmt.Sprintf("u%d@example.org", i), fmt.Sprintf("[2001:db8::%d]:40000", i+1)); !tried {
				t.Fatalf("try %d refused for %s", i, wait)
			}
		}
		if wait, tried := guess(t, a, "other@example.org", "2001:db8::ffff"); tried || wait != 15*time.Minute {
			t.Errorf("wait %s (tried %t), want 15 minutes", wait, tried)
		}
		if _, tried := guess(t, a, "other@example.org", "2001:db8:0:1::1"); !tried {
			t.Error("another network is refused as well")
		}
		<-time.After(15 * time.Minute)
		if _, tried := guess(t, a, "other@example.org", "2001:db8::1"); !tried {
			t.Error("refused for longer than 15 minutes")
		}
	})
}

func TestFewHashesAtOnceAndAShortQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHasher(Hashing{MemoryKiB: 64, Passes: 1, AtOnce: 2, Queue: 3})
		var leaves []func()
		for range 2 {
			leave, err := h.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error, 3)
		for range 3 {
			go func() {
				leave, err := h.enter(ctx)
				if err == nil {
					leave()
				}
				waiting <- err
			}()
		}
		synctest.Wait()
		if len(waiting) != 0 {
			t.Error("more than two hash at once")
		}
		_, err := h.enter(t.Context())
		if !errors.Is(err, grove.Unavailable) || grove.AsError(err).RetryAfter == 0 {
			t.Errorf("beyond the queue: %v, want unavailable with a wait", err)
		}
		leaves[0]()
		for range 3 {
			if err := <-waiting; err != nil {
				t.Error(err)
			}
		}
		cancel()
		leaves[1]()
		if len(h.queue) != 0 || len(h.slots) != 0 {
			t.Errorf("%d places and %d slots are lost", len(h.queue), len(h.slots))
		}
	})
}

func TestWhoeverGivesUpWaitingLeavesTheQueue(t *testing.T) {
	t.Parallel()
	h := newHasher(Hashing{MemoryKiB: 64, Passes: 1, AtOnce: 1, Queue: 1})
	leave, err := h.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 3 {
		if _, err := h.enter(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("enter = %v, want canceled", err)
		}
	}
	leave()
}

func TestPasswordHashes(t *testing.T) {
	t.Parallel()
	h := newHasher(Hashing{MemoryKiB: 64, Passes: 1})
	stored := h.hash("secret words here")
	if !strings.HasPrefix(string(stored), "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("hash = %q", string(stored))
	}
	if h.hash("secret words here") == stored {
		t.Error("two hashes have the same salt")
	}
	for password, want := range map[grove.Secret]bool{"secret words here": true, "secret words her": false, "": false} {
		if ok, stale, err := h.matches(password, stored); ok != want || stale || err != nil {
			t.Errorf("matches(%q) = %t, %t, %v", string(password), ok, stale, err)
		}
	}
	for _, bad := range []grove.Secret{
		"", "$", "plain", "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aa", "$argon2id$v=16$m=64,t=1,p=1$c2FsdHNhbHQ$aa",
		"$argon2id$v=19$m=99999999,t=1,p=1$c2FsdHNhbHQ$aa", "$argon2id$v=19$m=64,t=0,p=1$c2FsdHNhbHQ$aa", stored[:len(stored)-4],
		"$2a$10$abcdefghijklmnopqrstuv",
	} {
		if _, _, err := h.matches("x", bad); err == nil {
			t.Errorf("matches accepts the stored hash %q", string(bad))
		}
	}
}

func TestDefaultHashingIsTheRecommendedSet(t *testing.T) {
	t.Parallel()
	if got := string(newHasher(Hashing{}).decoy); !strings.HasPrefix(got, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %q", got)
	}
}

func TestAnOldHashIsRenewedAtSignIn(t *testing.T) {
	t.Parallel()
	db := open(t)
	u := addUser(t, on(t, db, Config{}), "ann@example.org")
	dear := on(t, db, Config{Hashes: Hashing{MemoryKiB: 128, Passes: 2}})
	login(t, dear, u.Email)
	u, err := db.User(t.Context(), u.ID)
	if err != nil || !strings.Contains(string(u.PasswordHash), "m=128,t=2,") {
		t.Errorf("hash = %q, %v", string(u.PasswordHash), err)
	}
	login(t, dear, u.Email)
}

func FuzzParsePHC(f *testing.F) {
	f.Add(string(newHasher(Hashing{MemoryKiB: 8, Passes: 1}).decoy))
	f.Add("$argon2id$v=19$m=1,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(grove.Secret(s))
		if err != nil {
			return
		}
		again, err := parsePHC(p.encode())
		if err != nil || again.encode() != p.encode() {
			t.Errorf("parsePHC(%q) is not stable: %v", s, err)
		}
	})
}

func TestAWaitIsToldAsPeopleSayIt(t *testing.T) {
	t.Parallel()
	for wait, want := range map[time.Duration]string{
		time.Millisecond: "slow down; try again in 1 s", 2 * time.Minute: "slow down; try again in 2 minutes",
		14*time.Minute + time.Second: "slow down; try again in 15 minutes", 15 * time.Minute: "slow down; try again in 15 minutes",
	} {
		if got := grove.AsError(limited(wait, "slow down")); got.Message != want || got.RetryAfter < wait {
			t.Errorf("%s: %q, %s", wait, got.Message, got.RetryAfter)
		}
	}
}
