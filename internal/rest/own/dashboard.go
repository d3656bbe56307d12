package own

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest"
)

// screens are the open streams of dashboards, by their ids.
type screens struct {
	mu  sync.Mutex
	all map[string]screen
}

type screen struct {
	userID int64
	follow chan []string // the newest wish
}

func (f *face) mountDashboard(rt *rest.Router) {
	const tag = "printers"
	all := get("/live", tag, "All that a page needs to stay current, in one stream")
	all.About = "What `GET …/printers/live` and `GET …/events` tell, together: browsers have few connections to a server. `event: hello`, `{\"id\"}`, comes first, then `event: me`, `{\"role\"}`, " +
		"also whenever the account gets another role, `fleet`, `printer`, `gone`, and `event: event` for each event after `Last-Event-ID` or `last_event_id`, else from now on, with its id; `event: reload` as there. " +
		"Which printers are watched closely can be changed while the stream goes on: `PUT …/live/{id}`."
	rest.Plain(rt, all, rest.Raw{Gives: eventStream, Query: []string{"watch", "last_event_id"}}, f.dashboard)
	change := op(http.MethodPut, "/live/{id}", tag, "Say which printers are in sight")
	change.About = "404 when the stream has ended: open it anew."
	rest.Handle(rt, change, f.follow)
}

// me is who looks, as far as it changes while they do.
type me struct {
	Role grove.Role `json:"role"`
}

func (f *face) dashboard(w http.ResponseWriter, r *http.Request) {
	actor := rest.Actor(r.Context())
	l, err := f.Fleet.LookOut(actor, interest(r))
	if err != nil {
		rest.Fail(f.router, w, r, err)
		return
	}
	defer l.Stop()
	events, err := f.listen(r, "last_event_id")
	if err != nil {
		rest.Fail(f.router, w, r, err)
		return
	}
	defer events.Stop()
	id, wish := f.screens.open(actor.UserID)
	defer f.screens.close(id)

	ctx, cancel := context.WithCancel(r.Context())
	out := make(chan []sent)
	give := func(news []sent) {
		select {
		case out <- news:
		case <-ctx.Done():
		}
	}
	role := f.Access.Role(actor)
	first := []sent{{event: "hello", data: map[string]string{"id": id}}, {event: "me", data: me{role}}, {event: "fleet", data: l.All()}}
	var pumps sync.WaitGroup
	defer pumps.Wait()
	defer cancel()
	pumps.Go(func() { defer cancel(); pumpSights(ctx, l, wish, give) })
	pumps.Go(func() {
		defer cancel()
		for {
			news, err := events.Next(ctx, beat)
			if err != nil {
				return
			}
			if told := tidings(news, func(grove.Event) string { return "event" }); len(told) > 0 {
				give(told)
			}
		}
	})
	f.stream(w, r, first, func(while context.Context) ([]sent, error) {
		if now := f.Access.Role(actor); now != role {
			role = now
			return []sent{{event: "me", data: me{role}}}, nil
		}
		look := time.NewTimer(stands)
		defer look.Stop()
		select {
		case news := <-out:
			return news, nil
		case <-look.C:
			return nil, nil
		case <-while.Done():
			return nil, while.Err()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

// pumpSights gives what changes about printers until ctx ends.
func pumpSights(ctx context.Context, l *fleet.Lookout, wish <-chan []string, give func([]sent)) {
	for {
		select {
		case closely := <-wish:
			if err := l.Follow(closely); err != nil {
				return // the bounds of a wish are those of the call that brought it
			}
		default:
		}
		seen, err := l.Next(ctx, stands/4)
		if err != nil {
			return
		}
		if len(seen) > 0 {
			give(sights(seen))
		}
	}
}

func (s *screens) open(userID int64) (id string, wish <-chan []string) {
	id = "live_" + strings.ToLower(ulid.Make().String()) // no secret: it counts with a session of its account alone
	follow := make(chan []string, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[string]screen{}
	}
	s.all[id] = screen{userID, follow}
	return id, follow
}

func (s *screens) close(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, id)
}

// tell puts a wish in the place of one that was not seen to yet.
func (s *screens) tell(userID int64, id string, closely []string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one, found := s.all[id]
	if !found || one.userID != userID {
		return false
	}
	select {
	case <-one.follow:
	default:
	}
	one.follow <- closely
	return true
}

type followInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body cloudapi.LiveSight
}

func (f *face) follow(ctx context.Context, in *followInput) (done, error) {
	if !f.screens.tell(rest.Actor(ctx).UserID, in.ID, in.Body.Watch) {
		return done{}, grove.Errorf(grove.NotFound, "no_such_stream", "there is no such stream, or it has ended; open it anew")
	}
	return ok(), nil
}
