package broker

import (
	"sync"

	"github.com/grovecloud/grove"
)

// roll lists who is inside. Client ids are told apart by principal, so that nobody
// can take over somebody else's connection; the engine knows connections by a
// number of their own.
type roll struct {
	mu       sync.Mutex
	sessions map[*session]struct{}
	named    map[string]*session // the newest by name
	of       map[string]int      // connections by principal
	entering map[*session][]func(grove.Actor) bool
}

func newRoll() roll {
	return roll{
		sessions: make(map[*session]struct{}),
		named:    make(map[string]*session),
		of:       make(map[string]int),
		entering: make(map[*session][]func(grove.Actor) bool),
	}
}

// enter notes that s is about to be asked who it is. What is cut from now on is
// cut from it too.
func (r *roll) enter(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entering[s] = nil
}

// present gives everybody who is inside, and has match asked of those entering.
func (r *roll) present(match func(grove.Actor) bool) []*session {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.entering {
		r.entering[s] = append(r.entering[s], match)
	}
	list := make([]*session, 0, len(r.sessions))
	for s := range r.sessions {
		list = append(list, s)
	}
	return list
}

// sign puts s on the roll and gives the session it takes over, if any, and what
// was cut while it was entering. It fails when the principal has too many
// connections already.
func (r *roll) sign(s *session, most int) (former *session, cuts []func(grove.Actor) bool, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	cuts = r.entering[s]
	delete(r.entering, s)
	who := s.actor.String()
	former = r.named[s.name]
	if former == nil && r.of[who] >= most {
		return nil, nil, false
	}
	r.sessions[s] = struct{}{}
	r.named[s.name] = s
	r.of[who]++
	return former, cuts, true
}

// strike takes s off the roll, however far it came.
func (r *roll) strike(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entering, s)
	if !s.signed {
		return
	}
	delete(r.sessions, s)
	if r.named[s.name] == s {
		delete(r.named, s.name)
	}
	who := s.actor.String()
	if r.of[who]--; r.of[who] <= 0 {
		delete(r.of, who)
	}
}
