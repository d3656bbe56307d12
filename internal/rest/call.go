package rest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/limit"
)

// call is one request on its way through the house.
type call struct {
	id      string
	remote  netip.Addr
	actor   grove.Actor
	browser bool // the credential is a browser's cookie
	route   string
	limits  *limit.Limiter
	header  http.Header // of the answer
	secure  bool        // the client came over TLS
	source  bool        // its address was counted already
	err     error       // what the answer told, for the log
	// formRead is told the hash of a form that has arrived, where one is wanted.
	formRead func(sum string)
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return c
	}
	return &call{header: http.Header{}}
}

// Actor is who is asking; nobody on open routes.
func Actor(ctx context.Context) grove.Actor { return callOf(ctx).actor }

// RequestID names the request in its answer and in the log.
func RequestID(ctx context.Context) string { return callOf(ctx).id }

// Remote is the address of the client: of the direct peer, or of whom a trusted
// proxy names. Headers in which others claim an address are not believed.
func Remote(ctx context.Context) netip.Addr { return callOf(ctx).remote }

// ServeHTTP gives the request its id and sees to it that every answer is one:
// logged, counted, and told in the envelope even after a panic.
func (rt *Router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	c := &call{id: strings.ToLower(rand.Text()), remote: proxies(rt.Proxies).client(r), limits: rt.Limits, header: w.Header(), secure: rt.secure(r)}
	a := &answer{ResponseWriter: w}
	r = r.WithContext(context.WithValue(r.Context(), callKey{}, c))
	plainHeaders(w.Header(), c.id)
	defer func() {
		if v := recover(); v != nil {
			rt.caught(a, r, v)
		}
		rt.metrics.observe(c.route, a.status, time.Since(began))
		rt.log(r, c, a, time.Since(began))
	}()
	if rt.Private && !byAddress(r.Host) {
		rt.fail(a, r, grove.Errorf(grove.Forbidden, "foreign_host", "this is a demo, which answers only at an address such as http://127.0.0.1:8080, and at localhost; "+
			"a page of another site could pass for %q", r.Host))
		return
	}
	straighten(r)
	rt.mux.ServeHTTP(a, r)
}

// plainHeaders are right for answers that no browser should render; pages set
// their own.
func plainHeaders(h http.Header, id string) {
	h.Set("X-Request-Id", id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// peer is the direct peer's address, the zero address when there is none.
func peer(r *http.Request) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}

// caught turns a panic into an answer, if none has gone out yet. The server's own
// way of giving up on a client stays what it is.
func (rt *Router) caught(a *answer, r *http.Request, v any) {
	if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(http.ErrAbortHandler)
	}
	c := callOf(r.Context())
	if a.status != 0 && r.Context().Err() != nil {
		return // the client left in the middle of its answer
	}
	rt.Log.Error("panic", slog.String("request", c.id), slog.String("route", c.route),
		slog.Any("value", v), slog.String("stack", string(debug.Stack())))
	if a.status == 0 {
		rt.fail(a, r, fmt.Errorf("panic: %v", v))
	}
}

// log says once what became of a request.
func (rt *Router) log(r *http.Request, c *call, a *answer, took time.Duration) {
	level := levelOf(c.err)
	if !rt.Log.Enabled(r.Context(), level) {
		return
	}
	path := r.URL.Path
	if strings.HasSuffix(c.route, "{ticket}") || strings.HasSuffix(c.route, "{pin}") {
		path = c.route // what stands there signs somebody in, or gives a printer away
	}
	attrs := []slog.Attr{
		slog.String("request", c.id), slog.String("method", r.Method), slog.String("path", path),
		slog.Int("status", a.status), slog.Duration("took", took), slog.String("remote", c.remote.String()),
	}
	if c.actor.Kind != "" {
		attrs = append(attrs, slog.String("actor", c.actor.String()))
	}
	if c.err != nil {
		attrs = append(attrs, slog.String("error", c.err.Error()))
	}
	rt.Log.LogAttrs(r.Context(), level, "request answered", attrs...)
}

// levelOf is how loud an answer is logged.
func levelOf(err error) slog.Level {
	if err == nil {
		return slog.LevelDebug
	}
	switch grove.AsError(err).Code {
	case grove.Internal:
		return slog.LevelError
	case grove.Unavailable:
		return slog.LevelWarn
	case grove.Unauthenticated, grove.Forbidden, grove.TooLarge, grove.Limited:
		return slog.LevelInfo
	case grove.Invalid, grove.NotFound, grove.Conflict:
	}
	return slog.LevelDebug
}

// answer remembers what was answered.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the status that goes out.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write without a status before it means 200.
func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// ReadFrom lets the server send files without copying them through here.
func (a *answer) ReadFrom(r io.Reader) (int64, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return io.Copy(a.ResponseWriter, r)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
