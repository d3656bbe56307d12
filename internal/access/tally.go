package access

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/grovecloud/grove"
)

// maxRemembered bounds every memory of this package that strangers can fill.
const maxRemembered = 10_000

// window lets a key fail max times within period, then refuses it for hold.
type window struct {
	*memory
	max          int
	period, hold time.Duration
}

func newWindow(k *keeper, kind string, limit int, period, hold time.Duration) *window {
	return &window{memory: k.memory(kind, max(period, hold), hold), max: limit, period: period, hold: hold}
}

// fail counts a failure of key.
func (w *window) fail(key string, now time.Time) {
	w.change(key, now, func(t *grove.Tally) {
		t.Times = append(t.Times, now)
		t.EndsAt = now.Add(w.period)
		if len(t.Times) < w.max {
			return
		}
		if now.Sub(t.Times[len(t.Times)-w.max]) >= w.period {
			t.Times = t.Times[1:]
			return
		}
		t.Times, t.Until, t.EndsAt = nil, now.Add(w.hold), now.Add(w.hold)
	})
}

// backoff makes a key wait longer with each failure after the first free ones.
// It never refuses for good.
type backoff struct {
	*memory
	free int // failures before the first delay, of a second
	most time.Duration
}

// backoffMemory is how long a failure counts.
const backoffMemory = 24 * time.Hour

func newBackoff(k *keeper, kind string, free int, most time.Duration) *backoff {
	return &backoff{memory: k.memory(kind, backoffMemory, most), free: free, most: most}
}

// fail counts a failure of key and sets the next delay.
func (b *backoff) fail(key string, now time.Time) {
	b.change(key, now, func(t *grove.Tally) {
		t.Count++
		t.EndsAt = now.Add(backoffMemory)
		if over := t.Count - b.free; over >= 0 {
			t.Until = now.Add(min(b.most, time.Second<<min(over, 20)))
		}
	})
}

// friends remembers who came in properly of late.
type friends struct {
	*memory
	life time.Duration
}

// friendNoted is how often it is noted that somebody came in.
const friendNoted = time.Hour

func newFriends(k *keeper, kind string, life time.Duration) *friends {
	return &friends{memory: k.memory(kind, life, 0), life: life}
}

func (f *friends) add(key string, now time.Time) {
	if t := f.read(key, now); t.EndsAt.Sub(now) > f.life-friendNoted {
		return
	}
	f.change(key, now, func(t *grove.Tally) { t.EndsAt = now.Add(f.life) })
}

func (f *friends) has(key string, now time.Time) bool { return now.Before(f.read(key, now).EndsAt) }

// makeRoom keeps m below maxRemembered: what is worth least goes first.
func makeRoom[V any](m map[string]V, worth func(a, b V) int) {
	if len(m) < maxRemembered {
		return
	}
	keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int { return worth(m[a], m[b]) })
	for _, k := range keys[:len(m)-maxRemembered*9/10+1] {
		delete(m, k)
	}
}

// worth compares what is remembered of two keys: what ends sooner is worth less, and
// who is refused yet must not come free because strangers fill the memory.
func worth(now time.Time) func(a, b grove.Tally) int {
	held := func(t grove.Tally) int {
		if now.Before(t.Until) {
			return 1
		}
		return 0
	}
	return func(a, b grove.Tally) int { return cmp.Or(cmp.Compare(held(a), held(b)), a.EndsAt.Compare(b.EndsAt)) }
}

// source is what failures of an address are counted under: the address, for
// IPv6 its /64, since one household or server has a whole one to itself.
func source(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		p, err := addr.Prefix(64)
		if err == nil {
			return p.String()
		}
	}
	return addr.String()
}
