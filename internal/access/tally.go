package access

import (
	"net/netip"
	"sync"
	"time"
)

// maxRemembered bounds every memory of this package that strangers can fill.
const maxRemembered = 10_000

// window lets a key fail max times within period, then refuses it for hold.
type window struct {
	max          int
	period, hold time.Duration

	mu   sync.Mutex
	seen map[string]*windowEntry
}

type windowEntry struct {
	fails []time.Time // the last max failures, oldest first
	until time.Time   // refused before this
}

func newWindow(limit int, period, hold time.Duration) *window {
	return &window{max: limit, period: period, hold: hold, seen: map[string]*windowEntry{}}
}

// wait is how long key is refused yet; zero when it is not.
func (w *window) wait(key string, now time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.seen[key]
	if e == nil {
		return 0
	}
	return max(0, e.until.Sub(now))
}

// fail counts a failure of key.
func (w *window) fail(key string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.seen[key]
	if e == nil {
		makeRoom(w.seen, func(e *windowEntry) bool { return w.over(e, now) })
		e = &windowEntry{}
		w.seen[key] = e
	}
	e.fails = append(e.fails, now)
	if len(e.fails) < w.max {
		return
	}
	if now.Sub(e.fails[len(e.fails)-w.max]) < w.period {
		e.until = now.Add(w.hold)
		e.fails = nil
		return
	}
	e.fails = e.fails[1:]
}

func (w *window) over(e *windowEntry, now time.Time) bool {
	last := e.until.Add(-w.hold)
	if n := len(e.fails); n > 0 {
		last = e.fails[n-1]
	}
	return now.Sub(last) >= w.period && !now.Before(e.until)
}

// backoff makes a key wait longer with each failure after the first free ones.
// It never refuses for good.
type backoff struct {
	free        int // failures before the first delay
	first, most time.Duration
	forget      time.Duration // failures older than this are forgotten

	mu   sync.Mutex
	seen map[string]backoffEntry
}

type backoffEntry struct {
	fails int
	last  time.Time
	until time.Time
}

func newBackoff(free int, first, most time.Duration) *backoff {
	return &backoff{free: free, first: first, most: most, forget: 24 * time.Hour, seen: map[string]backoffEntry{}}
}

// wait is how long key must wait yet; zero when it need not.
func (b *backoff) wait(key string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(0, b.seen[key].until.Sub(now))
}

// fail counts a failure of key and sets the next delay.
func (b *backoff) fail(key string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.seen[key]
	if !ok {
		makeRoom(b.seen, func(e backoffEntry) bool { return now.Sub(e.last) >= b.forget })
	}
	if now.Sub(e.last) >= b.forget {
		e = backoffEntry{}
	}
	e.fails++
	e.last = now
	if over := e.fails - b.free; over >= 0 {
		e.until = now.Add(min(b.most, b.first<<min(over, 20)))
	}
	b.seen[key] = e
}

// reset forgets key's failures.
func (b *backoff) reset(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.seen, key)
}

// friends remembers who came in properly of late.
type friends struct {
	life time.Duration

	mu   sync.Mutex
	seen map[string]time.Time
}

func newFriends(life time.Duration) *friends {
	return &friends{life: life, seen: map[string]time.Time{}}
}

func (f *friends) add(key string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.seen[key]; !ok {
		makeRoom(f.seen, func(at time.Time) bool { return now.Sub(at) >= f.life })
	}
	f.seen[key] = now
}

func (f *friends) has(key string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.seen[key]
	return ok && now.Sub(at) < f.life
}

// makeRoom keeps m below maxRemembered: what is over goes first, then anything.
func makeRoom[V any](m map[string]V, over func(V) bool) {
	if len(m) < maxRemembered {
		return
	}
	for k, v := range m {
		if over(v) {
			delete(m, k)
		}
	}
	for k := range m {
		if len(m) < maxRemembered*9/10 {
			return
		}
		delete(m, k)
	}
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
