package rest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// lease stands for a test to a house that lives for many runs of a fuzzer.
type lease struct {
	testing.TB

	undo []func()
}

func (*lease) Helper()                  {}
func (*lease) Context() context.Context { return context.Background() }
func (l *lease) Cleanup(f func())       { l.undo = append(l.undo, f) }
func (*lease) Error(args ...any)        { panic(fmt.Sprint(args...)) }
func (*lease) Errorf(f string, a ...any) {
	panic(fmt.Sprintf(f, a...))
}
func (*lease) Fatal(args ...any) { panic(fmt.Sprint(args...)) }
func (*lease) Fatalf(f string, a ...any) {
	panic(fmt.Sprintf(f, a...))
}

// TempDir is gone when the lease ends.
func (l *lease) TempDir() string {
	dir, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		panic(err)
	}
	l.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (l *lease) end() {
	for _, f := range slices.Backward(l.undo) {
		f()
	}
}

// perHouse is how many requests a house gets before there is a new one.
const perHouse = 2000

// mill sends requests to a house in which there is something of everything.
type mill struct {
	*play

	lease  *lease
	left   int
	routes []rest.Route
	doc    describing
}

// renew has a new house, when the old one is worn or ann was signed out of it.
func (m *mill) renew() {
	if m.left--; m.left > 0 && m.Ask("GET", own+"/users/me", "", "Authorization", "Bearer "+m.names["ann"]).Code == http.StatusOK {
		return
	}
	m.end()
	m.lease, m.left = &lease{}, perHouse
	m.play = newPlay(m.lease)
	m.tell(beginning, nil)
	m.routes, m.doc = m.Routes(), described(m.lease, m.House)
}

func (m *mill) end() {
	if m.lease != nil {
		m.lease.end()
	}
}

// route is the one of this name, or any other for a name that there is not.
func (m *mill) route(name string) rest.Route {
	for _, r := range m.routes {
		if r.Method+" "+r.Path == name {
			return r
		}
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name)) // never fails
	return m.routes[int(h.Sum32()%uint32(len(m.routes)))]
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]+$`)

// request is one to a route: what stands in its braces, its query, and lines of headers.
func (m *mill) request(route rest.Route, in, query, headers, body string) *http.Request {
	values := strings.Split(m.fill(in), "\n")
	path := inBraces.ReplaceAllStringFunc(strings.TrimSuffix(route.Path, "{$}"), func(string) string {
		value := "1"
		if len(values) > 0 && values[0] != "" {
			value = values[0]
		}
		values = values[min(1, len(values)):]
		return url.PathEscape(value)
	})
	r := httptest.NewRequestWithContext(context.Background(), route.Method, "/", strings.NewReader(m.fill(body)))
	r.URL = &url.URL{Path: path, RawQuery: m.fill(query)}
	if plain, err := url.PathUnescape(path); err == nil {
		r.URL.Path, r.URL.RawPath = plain, path
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+m.names["ann"])
	for line := range strings.SplitSeq(m.fill(headers), "\n") {
		name, value, _ := strings.Cut(line, ":")
		if headerName.MatchString(name) && !strings.ContainsFunc(value, unicode.IsControl) { // others do not come through the server
			r.Header.Set(name, strings.TrimSpace(value))
		}
	}
	return r
}

// check holds an answer to what answers must be.
func check(t *testing.T, what string, w *httptest.ResponseRecorder) {
	t.Helper()
	if w.Code >= 500 {
		t.Errorf("%s: %d %s", what, w.Code, w.Body)
	}
	if w.Code < 400 || w.Header().Get("Content-Type") != "application/json" {
		return
	}
	var e struct{ Details struct{ Reason string } }
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Details.Reason == "" {
		t.Errorf("%s: no reason in %d %s", what, w.Code, w.Body)
	}
}

// service is the beginning of a path: /v1/iot-service.
func service(path string) string {
	parts := strings.SplitN(path, "/", 4)
	return strings.Join(parts[:min(3, len(parts))], "/")
}

// reread asks everything of the same service that only reads: what was kept must
// not break it.
func (m *mill) reread(t *testing.T, route rest.Route, after string) {
	t.Helper()
	for _, s := range slices.Concat(beginning, middle) {
		method, target, _ := strings.Cut(m.fill(s.ask), " ")
		if method == http.MethodGet && service(target) == service(route.Path) {
			check(t, "GET "+target+" after "+after, m.send(s, method, target, ""))
		}
	}
}

// FuzzRoutes sends requests to every route in the table: bodies, queries, what
// stands in paths, headers. Whatever comes is answered, never by a fault of the
// server, and what it kept can be read again. The story of the examples is where it
// begins; a route that is in no step of it begins with nothing.
func FuzzRoutes(f *testing.F) {
	seeds := resttest.New(f, "off")
	doc := described(f, seeds)
	for _, s := range slices.Concat(beginning, middle, end) {
		method, target, _ := strings.Cut(s.ask, " ")
		path, query, _ := strings.Cut(target, "?")
		at, in := doc.find(method, path)
		if at == "" || len(s.body) > 10_000 {
			continue
		}
		var values []string
		for _, brace := range inBraces.FindAllString(at, -1) {
			values = append(values, in[strings.Trim(brace, "{}")])
		}
		f.Add(method+" "+at, strings.Join(values, "\n"), query, "Idempotency-Key: a", s.body)
	}
	for _, r := range seeds.Routes() {
		f.Add(r.Method+" "+r.Path, "", "limit=1&after=1", "Content-Type: text/plain\nAccept: text/event-stream", `{"a":[null]}`)
		f.Add(r.Method+" "+r.Path, "a/../b", "", "Authorization: Bearer x\nRange: bytes=0-1", "")
	}
	m := &mill{}
	f.Cleanup(func() { m.end() })
	f.Fuzz(func(t *testing.T, name, in, query, headers, body string) {
		m.renew()
		route := m.route(name)
		what := fmt.Sprintf("%s %s %q ?%q %q %q", route.Method, route.Path, in, query, headers, body)
		w := m.Serve(m.request(route, in, query, headers, body))
		check(t, what, w)
		if route.Method != http.MethodGet && w.Code < 300 {
			m.reread(t, route, what)
		}
	})
}
