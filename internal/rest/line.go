package rest

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// stall is how long what passes over a line may stand still, or be slower than it
	// may in all.
	stall = 60 * time.Second
	// leastRate is the rate, in bytes a second, below which a line counts as standing
	// still: a tenth of a phone's at the edge of its network.
	leastRate = 4 << 10
)

// Line is a client's connection while bytes of any number pass over it. Only the time
// that the client takes counts, not that of whoever has the bytes or wants them.
type Line struct {
	w    http.ResponseWriter
	line *http.ResponseController
	left time.Duration // that the client may take yet

	mu   sync.Mutex
	sent bool // something, or it is just tried
	cut  bool
}

// LineOf is the connection that w answers on.
func LineOf(w http.ResponseWriter) *Line {
	return &Line{w: w, line: http.NewResponseController(w), left: stall}
}

// Write sends, or gives up on a client that does not take it.
func (l *Line) Write(p []byte) (int, error) {
	return l.pass(l.writeUntil, l.w.Write, p)
}

func (l *Line) writeUntil(t time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return errCut
	}
	l.sent = true
	return l.line.SetWriteDeadline(t)
}

var errCut = errors.New("whoever asked may not have the rest")

// Cut ends a Write that waits for the client, and each one after.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = true
	if l.sent { // else there is an error to be told yet
		_ = l.line.SetWriteDeadline(time.Unix(1, 0)) // where there are none, nobody waits
	}
}

// steady is a body that keeps coming over the line; one that does not is given up on.
func (l *Line) steady(body io.Reader) io.Reader { return &steady{body, l} }

type steady struct {
	body io.Reader
	line *Line
}

func (s *steady) Read(p []byte) (int, error) {
	return s.line.pass(s.line.line.SetReadDeadline, s.body.Read, p)
}

// open takes the deadline off again: the next request on this line must not end by
// one of this.
func (l *Line) open() { _ = l.line.SetReadDeadline(time.Time{}) } // fails only when there is no line any more

func (l *Line) pass(until func(time.Time) error, act func([]byte) (int, error), p []byte) (int, error) {
	began := time.Now()
	if err := until(began.Add(l.left)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := act(p)
	earned := time.Duration(n) * time.Second / leastRate
	l.left = min(stall, l.left-time.Since(began)+earned)
	return n, err
}
