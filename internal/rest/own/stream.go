package own

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

const (
	// stands is how often a stream is asked whether its session still stands: it ends
	// within a second of it.
	stands = time.Second / 2
	// beat is how often a stream says something, so that nobody on the way takes
	// it for dead.
	beat = 15 * time.Second
	// slowest is how long a reader may take for each piece of what is sent to it.
	slowest = 10 * time.Second
	// piece is what is written at a time, in bytes.
	piece = 32 << 10
)

// sent is a server-sent event. Only one with an id moves the place from which a
// reader goes on after a cut.
type sent struct {
	id    int64
	event string
	data  any
}

// appendTo writes the event; JSON that is written already is not written again.
func (e sent) appendTo(b []byte) ([]byte, error) {
	data, written := e.data.(json.RawMessage)
	if !written {
		var err error
		if data, err = json.Marshal(e.data); err != nil {
			return b, err
		}
	}
	if e.id > 0 {
		b = fmt.Appendf(b, "id: %d\n", e.id)
	}
	return fmt.Appendf(b, "event: %s\ndata: %s\n\n", e.event, data), nil
}

// stream answers with server-sent events: the first ones, then what next gives, until
// it fails, the reader or the session is gone, or the server stops. next must come back
// within the time in which a session is looked at.
func (f *face) stream(w http.ResponseWriter, r *http.Request, first []sent, next func(context.Context) ([]sent, error)) {
	s := &stream{w: w, line: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep it back
	ctx, stop := f.router.WhileServing(r.Context())
	defer stop()
	s.tell(": hello\n\n", first)
	for s.err == nil {
		events, err := next(ctx)
		if f.router.Gone(ctx, r) {
			return
		}
		s.tell("", events) // also the last ones
		if err != nil {
			return // it has begun: there is no other answer any more
		}
	}
}

// stream writes server-sent events.
type stream struct {
	w    http.ResponseWriter
	line *http.ResponseController
	last time.Time
	buf  []byte
	err  error
}

// tell writes a greeting and events at once, or a sign of life when it is time.
func (s *stream) tell(greeting string, events []sent) {
	s.buf = append(s.buf[:0], greeting...)
	for _, e := range events {
		if s.buf, s.err = e.appendTo(s.buf); s.err != nil {
			return
		}
	}
	if len(s.buf) == 0 && time.Since(s.last) >= beat {
		s.buf = append(s.buf, ":\n\n"...)
	}
	s.write()
}

// write writes in time or ends the stream.
func (s *stream) write() {
	if s.err != nil || len(s.buf) == 0 {
		return
	}
	for part := range slices.Chunk(s.buf, piece) {
		s.last = time.Now()
		_ = s.line.SetWriteDeadline(s.last.Add(slowest)) // where there are none, there is no network
		if _, s.err = s.w.Write(part); s.err != nil {
			return
		}
	}
	s.err = s.line.Flush()
}
