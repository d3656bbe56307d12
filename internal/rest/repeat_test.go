package rest_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

const slowPath = "/v1/slow"

// slow is a house on a real socket with a POST that the test holds up.
type slow struct {
	*resttest.House
	url     string
	client  *http.Client
	began   chan struct{}
	release chan error    // what the handler ends with, unless its request has ended
	gone    chan struct{} // the server has noticed that a client left
}

func newSlow(t *testing.T) *slow {
	t.Helper()
	s := &slow{House: resttest.New(t, "off"), began: make(chan struct{}), release: make(chan error), gone: make(chan struct{}, 8)}
	rest.Handle(s.Router, rest.Op{Route: rest.Route{Method: http.MethodPost, Path: slowPath}, Tag: "t", Summary: "s", Status: 201},
		func(ctx context.Context, in *struct {
			Body struct {
				Name string `json:"name"`
			}
		},
		) (echoed, error) {
			s.began <- struct{}{}
			err := <-s.release
			if errors.Is(err, errPanic) {
				panic(err)
			}
			return echoed{Name: in.Body.Name}, errors.Join(err, ctx.Err())
		})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		context.AfterFunc(r.Context(), func() { s.gone <- struct{}{} })
		s.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	return s
}

var (
	errPanic = errors.New("panic")
	errFault = errors.New("driver: fault")
)

// post sends the wish with its key.
func (s *slow) post(ctx context.Context) (status int, body string, replayed bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+slowPath, strings.NewReader(`{"name":"a wish"}`))
	if err != nil {
		return 0, "", false, err
	}
	r.Header.Set("Authorization", "Bearer "+s.Token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", "k")
	w, err := s.client.Do(r)
	if err != nil {
		return 0, "", false, err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	return w.StatusCode, string(text), w.Header.Get("Idempotency-Replayed") == "true", err
}

func (s *slow) noFaultLogged(t *testing.T) {
	t.Helper()
	if log := s.Log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, "status=500") {
		t.Errorf("a client that left is told as a fault: %s", log)
	}
}

func TestAClientThatHangsUpWhileItsWishIsDoneGetsTheAnswerLater(t *testing.T) {
	t.Parallel()
	s := newSlow(t)
	ctx, hangUp := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, _, err := s.post(ctx)
		ended <- err
	}()
	<-s.began
	hangUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	<-s.gone // not a moment earlier: the handler sees what the server sees
	if status, body, _, err := s.post(t.Context()); err != nil || status != 409 || !strings.Contains(body, "at this moment") {
		t.Errorf("while it is done: %d %s, %v", status, body, err)
	}
	s.release <- nil
	for { // until the first is over
		status, body, replayed, err := s.post(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if status == 409 && strings.Contains(body, "at this moment") {
			continue
		}
		if status != 201 || !replayed || !strings.Contains(body, "a wish") {
			t.Errorf("again: %d %s, replayed %t", status, body, replayed)
		}
		break
	}
	s.noFaultLogged(t)
}

func TestAClientThatHangsUpBeforeItsWishIsReadHasAskedNothing(t *testing.T) {
	t.Parallel()
	s := newSlow(t)
	const body = `{"name":"a wish"}`
	line, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(line, "POST "+slowPath+" HTTP/1.1\r\nHost: grove.test\r\nAuthorization: Bearer "+s.Token+
		"\r\nContent-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: "+strconv.Itoa(len(body))+"\r\n\r\n"+body[:5])
	if err := errors.Join(err, line.Close()); err != nil {
		t.Fatal(err)
	}
	<-s.gone
	go func() {
		<-s.began
		s.release <- nil
	}()
	if status, got, replayed, err := s.post(t.Context()); err != nil || status != 201 || replayed {
		t.Errorf("the whole wish: %d %s, replayed %t, %v", status, got, replayed, err)
	}
	s.noFaultLogged(t)
}

func TestAfterAFaultNobodyClaimsToBeAtIt(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]error{"fault": errFault, "panic": errPanic} {
		s := newSlow(t)
		go func() {
			<-s.began
			s.release <- fault
		}()
		if status, body, _, err := s.post(t.Context()); err != nil || status != 500 {
			t.Errorf("%s: %d %s, %v", name, status, body, err)
		}
		if status, body, _, err := s.post(t.Context()); err != nil || status != 409 || !strings.Contains(body, "nobody knows") {
			t.Errorf("%s, again: %d %s, %v", name, status, body, err)
		}
	}
}

func TestAClientThatLeftIsNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	left, leave := context.WithCancel(t.Context())
	leave()
	asked := 0
	for _, route := range h.Routes() {
		if route.Streams {
			continue
		}
		asked++
		r := httptest.NewRequestWithContext(left, route.Method, address(route), nil)
		r.Header.Set("Authorization", "Bearer "+h.Token)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= 500 {
			t.Errorf("%s %s: %d %s", route.Method, route.Path, w.Code, w.Body)
		}
	}
	if log := h.Log.String(); asked < 60 || strings.Contains(log, "level=ERROR") {
		t.Errorf("%d routes asked: %s", asked, log)
	}
}

// unkeyed are the POSTs whose key means nothing, each for a reason that its route
// gives. They are in docs/api.md.
var unkeyed = []string{
	"POST /api/sign-in/form", "POST /api/sign-in/tfa", "POST /setup", "POST /sign-in", "POST /v1/grove-service/password-reset/code",
	"POST /v1/user-service/user/consent", "POST /v1/user-service/user/login", "POST /v1/user-service/user/refreshtoken",
	"POST /v1/user-service/user/sendemail/code", "POST /v1/user-service/user/sendsms/code", "POST /v1/user-service/user/sendsmscode",
	"POST /v1/user-service/user/tfa", "POST /v1/user-service/user/tfa/login",
}

// TestEveryPostIsDoneOnceForAKey walks the table: a key that is none must be refused
// by every route that heeds keys, and what succeeded must be given again.
func TestEveryPostIsDoneOnceForAKey(t *testing.T) {
	t.Parallel()
	w := newWalker(t)
	tooLong := strings.Repeat("k", 256)
	var exempt []string
	heeded, repeated := 0, 0
	for _, route := range w.Routes() {
		if route.Method != http.MethodPost {
			continue
		}
		name := route.Method + " " + route.Path
		if route.Unkeyed != "" {
			exempt = append(exempt, name)
			continue
		}
		heeded++
		if got := w.ask(route, w.Token, "Idempotency-Key", tooLong); got.Code != 400 || !strings.Contains(got.Body.String(), "bad_repeat_key") {
			t.Errorf("%s takes a key that is none: %d %s", name, got.Code, got.Body)
		}
		if strings.Contains(name, "logout") {
			continue // would end the walker's own session
		}
		first := w.ask(route, w.Token, "Idempotency-Key", name)
		again := w.ask(route, w.Token, "Idempotency-Key", name)
		if replayed := again.Header().Get("Idempotency-Replayed") == "true"; replayed != (first.Code < 400) || again.Code != first.Code {
			t.Errorf("%s: first %d %s, again %d %s", name, first.Code, first.Body, again.Code, again.Body)
		} else if replayed {
			repeated++
		}
	}
	slices.Sort(exempt)
	if diff := cmp.Diff(unkeyed, exempt); diff != "" {
		t.Errorf("the routes that heed no key (-want +got):\n%s", diff)
	}
	if heeded < 35 || repeated < 5 {
		t.Errorf("only %d routes heed keys, only %d answered again", heeded, repeated)
	}
}
