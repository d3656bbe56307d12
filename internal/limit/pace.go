package limit

import (
	"sync"
	"time"
)

// Flow is how much may come for long, and at once.
type Flow struct {
	PerSecond, Burst           int // messages
	BytesPerSecond, BytesBurst int
}

func (f Flow) gap() time.Duration { return time.Second / time.Duration(f.PerSecond) }
func (f Flow) weight(bytes int) time.Duration {
	return time.Duration(bytes) * time.Second / time.Duration(f.BytesPerSecond)
}
func (f Flow) slack() time.Duration      { return time.Duration(f.Burst) * f.gap() }
func (f Flow) bytesSlack() time.Duration { return f.weight(f.BytesBurst) }

// Pace spreads what one sender sends, by the number of its messages and by their bytes.
// One that is too fast is read more slowly, so that TCP makes it wait: nothing is lost,
// and nobody else is held up. It is safe for concurrent use.
type Pace struct {
	flow Flow

	mu           sync.Mutex
	due, weighed time.Time // when what came so far would have been due
}

// NewPace is the pace of a sender that was silent so far.
func NewPace(f Flow) *Pace { return &Pace{flow: f} }

// Take counts a message of so many bytes and says how long to wait before it is
// looked at; zero or less: not at all.
func (p *Pace) Take(now time.Time, bytes int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = later(p.due, now.Add(-p.flow.slack())).Add(p.flow.gap())
	p.weighed = later(p.weighed, now.Add(-p.flow.bytesSlack())).Add(p.flow.weight(bytes))
	return later(p.due, p.weighed).Sub(now)
}

// Rested reports whether the pace is as good as a new one.
func (p *Pace) Rested(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.due.After(now.Add(-p.flow.slack())) && !p.weighed.After(now.Add(-p.flow.bytesSlack()))
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// Reports is how fast a printer may report: real ones say something each second, of
// 36 KB at most.
func Reports() Flow {
	return Flow{PerSecond: 50, Burst: 200, BytesPerSecond: 512 << 10, BytesBurst: 4 << 20}
}
