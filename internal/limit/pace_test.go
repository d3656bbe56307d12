package limit

import (
	"testing"
	"time"
)

func TestReportsArePacedByNumberAndByBytes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size, count int
		within      time.Duration // how long so many take at least
	}{
		"small ones": {1000, 1000, 16 * time.Second},
		"huge ones":  {1 << 20, 20, 32 * time.Second},
	} {
		p := NewPace(Reports())
		began := time.Now()
		now := began
		for range c.count {
			if wait := p.Take(now, c.size); wait > 0 {
				now = now.Add(wait)
			}
		}
		if took := now.Sub(began); took < c.within || took > c.within+c.within/10 {
			t.Errorf("%s: %d took %s, want %s", name, c.count, took, c.within)
		}
		if p.Rested(now) || !p.Rested(now.Add(time.Minute)) {
			t.Errorf("%s: it rests at once, or never", name)
		}
	}
	p := NewPace(Reports())
	for range 4 {
		if wait := p.Take(time.Now(), 1<<20); wait > 0 {
			t.Errorf("a burst waits %s", wait)
		}
	}
}
