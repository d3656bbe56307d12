package own

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/feed"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountEvents(rt *rest.Router) {
	events := get("/events", "events", "What happened, as a list or as a stream")
	events.About = "Oldest first, after the event whose id is `after`, up to `limit` (100 at most); with `order=newest` newest first, and `after` goes on to those before it. With `Accept: text/event-stream` the answer is a stream of " +
		"server-sent events that goes on: `id` is the event's id, `event` its type, `data` the event. It begins after `Last-Event-ID` or `after`, else with what comes next, " +
		"and can be resumed after a cut or a restart. `event: reload` means that so much happened meanwhile, or that it is so long ago, that events were left out, or that the server's records were restored from a copy: load what you show anew. " +
		"The list answers 409 with the cause cursor_too_old when `after` is an event so old that some after it are not kept any more. Printers that are shared with the account are in it from the share on."
	rest.Plain(rt, events, rest.Raw{
		Gives: "application/json", Shape: reflect.TypeFor[cloudapi.Data[[]grove.Event]](), Query: []string{"after", "limit", "order"},
	}, f.events)
}

func (f *face) events(w http.ResponseWriter, r *http.Request) {
	var err error
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		err = f.streamEvents(w, r)
	} else {
		err = f.listEvents(w, r)
	}
	if err != nil {
		rest.Fail(f.router, w, r, err)
	}
}

// cursor reads the number of an event.
func cursor(name, text string, none int64) (int64, error) {
	if text == "" {
		return none, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, grove.Errorf(grove.Invalid, "bad_cursor", "%s is %q; it must be the id of an event, a number", name, text)
	}
	return n, nil
}

func (f *face) listEvents(w http.ResponseWriter, r *http.Request) error {
	after, err := cursor("after", r.URL.Query().Get("after"), 0)
	if err != nil {
		return err
	}
	limit, err := cursor("limit", r.URL.Query().Get("limit"), 0)
	if err != nil {
		return err
	}
	list := f.Feed.Events
	switch order := r.URL.Query().Get("order"); order {
	case "", "oldest":
	case "newest":
		list = f.Feed.Latest
	default:
		return grove.Errorf(grove.Invalid, "bad_order", "order is %.40q; it must be oldest or newest", order)
	}
	events, err := list(r.Context(), rest.Actor(r.Context()), after, int(min(limit, 100)))
	if err != nil {
		return err
	}
	if events == nil {
		events = []grove.Event{}
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(cloudapi.Of(events))
}

// listen follows events from where the request says.
func (f *face) listen(r *http.Request, parameter string) (*feed.Listener, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get(parameter)
	}
	after, err := cursor("Last-Event-ID", text, -1)
	if err != nil {
		return nil, err
	}
	return f.Feed.Listen(r.Context(), rest.Actor(r.Context()), after)
}

func (f *face) streamEvents(w http.ResponseWriter, r *http.Request) error {
	l, err := f.listen(r, "after")
	if err != nil {
		return err
	}
	defer l.Stop()
	f.stream(w, r, nil, func(ctx context.Context) ([]sent, error) {
		news, err := l.Next(ctx, stands)
		return tidings(news, func(e grove.Event) string { return string(e.Type) }), err
	})
	return nil
}

// tidings are events to be sent, each under the name that called gives it.
func tidings(news feed.News, called func(grove.Event) string) []sent {
	var out []sent
	if news.Reload {
		out = append(out, sent{id: news.Last, event: "reload", data: struct{}{}})
	}
	for _, e := range news.Events {
		out = append(out, sent{id: e.ID, event: called(e), data: e})
	}
	return out
}
