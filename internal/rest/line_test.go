package rest

import (
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// modem is a client's line on which each act takes its time, unless that is after
// the deadline.
type modem struct {
	*httptest.ResponseRecorder

	took  time.Duration
	piece int
	until time.Time
}

func (m *modem) SetWriteDeadline(t time.Time) error { m.until = t; return nil }
func (m *modem) SetReadDeadline(t time.Time) error  { m.until = t; return nil }

func (m *modem) pass(p []byte) (int, error) {
	wait := time.NewTimer(min(m.took, time.Until(m.until)))
	<-wait.C
	if m.took > 0 && !time.Now().Before(m.until) {
		return 0, os.ErrDeadlineExceeded
	}
	return min(len(p), m.piece), nil
}

func (m *modem) Write(p []byte) (int, error) { return m.pass(p) }
func (m *modem) Read(p []byte) (int, error)  { return m.pass(p) }

func TestALineMayStandStillAndNotCrawl(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		took  time.Duration
		piece int
		lasts bool
	}{
		"fast":        {took: time.Millisecond, piece: 4 << 10, lasts: true},
		"slow":        {took: 2 * time.Second, piece: 9 << 10, lasts: true},
		"drips":       {took: 50 * time.Second, piece: 1},
		"crawls":      {took: 2 * time.Second, piece: 1 << 10},
		"stands long": {took: 59 * time.Second, piece: 240 << 10, lasts: true},
		"stands":      {took: 61 * time.Second, piece: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for way, act := range map[string]func(*Line, *modem) error{
				"down": func(l *Line, m *modem) error { _, err := l.Write(make([]byte, m.piece)); return err },
				"up":   func(l *Line, m *modem) error { _, err := l.steady(m).Read(make([]byte, m.piece)); return err },
			} {
				synctest.Test(t, func(t *testing.T) {
					m := &modem{ResponseRecorder: httptest.NewRecorder(), took: c.took, piece: c.piece}
					l, err := LineOf(m), error(nil)
					acts := 0
					for ; err == nil && acts < 200; acts++ {
						err = act(l, m)
					}
					if lasted := err == nil; lasted != c.lasts {
						t.Errorf("%s: after %d %v", way, acts, err)
					}
				})
			}
		})
	}
}

func TestACutLineTakesNoMore(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	l := LineOf(w)
	if _, err := io.Copy(l, strings.NewReader("film")); err != nil {
		t.Fatal(err)
	}
	l.Cut()
	if _, err := l.Write([]byte("more")); !errors.Is(err, errCut) || w.Body.String() != "film" {
		t.Errorf("it took %q, %v", w.Body, err)
	}
}
