package own

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountLive(rt *rest.Router) {
	const tag = "printers"
	all := get("/printers/live", tag, "My printers as they change")
	all.About = "A stream of server-sent events. `event: fleet` comes first: a list of all printers, as `GET …/printers` has them. Then `event: printer`, one printer, " +
		"each time it changed, and `event: gone`, `{\"serial\"}`, when it is not mine or shared with me any more. Of the printers whose serials are in `watch`, separated by commas, " +
		"200 at most, every change is told; `watch=*` is for all of them, up to 50. Of the others it is told what may need a person: " +
		"state, job, connection, silence, errors, HMS, plate, trouble, camera, name. A printer is told four times a second at most, always as it is then: a slow reader misses what was between. " +
		"The stream can't be resumed and need not be: it begins with everything."
	rest.Plain(rt, all, rest.Raw{Gives: eventStream, Query: []string{"watch"}}, f.live)
	one := get("/printers/{serial}/live", tag, "One printer as it changes")
	one.About = "The same stream with this one printer, and with every change of it. It ends after `event: gone`."
	rest.Plain(rt, one, rest.Raw{Gives: eventStream}, f.liveOne)
	f.mountDashboard(rt)
}

const eventStream = "text/event-stream"

func (f *face) live(w http.ResponseWriter, r *http.Request) {
	f.lookOut(w, r, interest(r))
}

// interest is what the query names.
func interest(r *http.Request) (in fleet.Interest) {
	for serial := range strings.SplitSeq(r.URL.Query().Get("watch"), ",") {
		switch serial = strings.TrimSpace(serial); serial {
		case "":
		case "*":
			in.Whole = true
		default:
			in.Closely = append(in.Closely, serial)
		}
	}
	return in
}

func (f *face) liveOne(w http.ResponseWriter, r *http.Request) {
	f.lookOut(w, r, fleet.Interest{Only: r.PathValue("serial")})
}

type gone struct {
	Serial string `json:"serial"`
}

func (f *face) lookOut(w http.ResponseWriter, r *http.Request, in fleet.Interest) {
	l, err := f.Fleet.LookOut(rest.Actor(r.Context()), in)
	if err != nil {
		rest.Fail(f.router, w, r, err)
		return
	}
	defer l.Stop()
	f.stream(w, r, []sent{{event: "fleet", data: l.All()}}, func(ctx context.Context) ([]sent, error) {
		seen, err := l.Next(ctx, stands)
		if in.Only != "" && slices.ContainsFunc(seen, func(s fleet.Seen) bool { return s.Gone }) {
			err = io.EOF
		}
		return sights(seen), err
	})
}

// sights are changes of printers, to be sent.
func sights(seen []fleet.Seen) []sent {
	out := make([]sent, 0, len(seen))
	for _, s := range seen {
		if s.Gone {
			out = append(out, sent{event: "gone", data: gone{s.Serial}})
		} else {
			out = append(out, sent{event: "printer", data: s.Live})
		}
	}
	return out
}
