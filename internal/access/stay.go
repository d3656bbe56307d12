package access

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// staysEvery is how often the sessions of lasting connections are looked up.
const staysEvery = 5 * time.Second

// stays are the sessions by which lasting connections came in. Each is looked up
// again and again: it may expire, or be ended by another server of the same records.
type stays struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (s *stays) add(session string) {
	if !strings.HasPrefix(session, "ses_") {
		return // a key: the rights tell of its end
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = map[string]bool{}
	}
	s.seen[session] = true
}

func (s *stays) drop(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.seen, session)
}

func (s *stays) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.seen))
}

// endStays tells of the end of sessions that are over. When the records can't be
// asked, nobody is cut: that is not what ended.
func (a *Access) endStays(ctx context.Context) {
	for _, id := range a.stays.all() {
		s, err := a.records.Session(ctx, id)
		if err != nil && !errors.Is(err, grove.NotFound) {
			continue
		}
		if err == nil && s.EndedAt.IsZero() && time.Now().Before(s.ExpiresAt) {
			continue
		}
		a.stays.drop(id)
		a.sessions.drop(id)
		a.ended(id)
	}
}
