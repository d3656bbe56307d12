package access

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestMemoriesOfStrangersAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := newKeeper(nil)
	w, b, f := newWindow(k, "w", 5, time.Minute, time.Minute), newBackoff(k, "b", 5, time.Minute), newFriends(k, "f", time.Hour)
	for i := range maxRemembered + 500 {
		key := strconv.Itoa(i)
		w.fail(key, now)
		b.fail(key, now)
		f.add(key, now)
	}
	for what, n := range map[string]int{"window": len(w.seen), "backoff": len(b.seen), "friends": len(f.seen)} {
		if n > maxRemembered {
			t.Errorf("the %s remembers %d", what, n)
		}
	}
}

func TestStrangersFreeNobodyWhoIsRefused(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := newKeeper(nil)
	w := newWindow(k, "w", 5, time.Hour, time.Minute) // whose holds end sooner than what else is remembered
	for range 5 {
		w.fail("ann", now)
	}
	for i := range 3 * maxRemembered {
		w.fail(strconv.Itoa(i), now)
	}
	if w.wait("ann", now) == 0 {
		t.Error("the hold was forgotten")
	}
	if n := len(w.seen); n > maxRemembered {
		t.Errorf("%d are remembered", n)
	}
	w.fail("bob", now.Add(2*time.Hour))
	if w.wait("ann", now.Add(2*time.Hour)) != 0 {
		t.Error("a hold lasts longer than it should")
	}
}

func TestAWindowNeverLetsMoreThroughThanItShould(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := newWindow(newKeeper(nil), "w", 5, time.Minute, time.Minute)
		now := time.Unix(1e9, 0)
		var fails []time.Time
		for _, step := range rapid.SliceOfN(rapid.Int64Range(0, 30), 0, 100).Draw(t, "steps") {
			now = now.Add(time.Duration(step) * time.Second)
			if w.wait("k", now) > 0 {
				continue
			}
			w.fail("k", now)
			fails = append(fails, now)
			if n := len(fails); n > 5 && now.Sub(fails[n-6]) < time.Minute {
				t.Fatalf("six failures within %s", now.Sub(fails[n-6]))
			}
		}
	})
}

func TestSourcesAreHouseholds(t *testing.T) {
	t.Parallel()
	for a, b := range map[string]string{
		"192.168.1.5":     "::ffff:192.168.1.5",
		"2001:db8:1:2::1": "2001:db8:1:2:ffff::9",
		"fe80::1%eth0":    "fe80::2%wlan0",
	} {
		if got, want := source(netip.MustParseAddr(a)), source(netip.MustParseAddr(b)); got != want {
			t.Errorf("source(%s) = %q, source(%s) = %q", a, got, b, want)
		}
	}
	if source(netip.MustParseAddr("2001:db8:1:2::1")) == source(netip.MustParseAddr("2001:db8:1:3::1")) {
		t.Error("two networks are one source")
	}
}
