// Package rest is the plumbing of the HTTP faces: request ids, who is asking, how
// often, decoding, validation, one error envelope, the page, the documents. The
// faces themselves are in rest/cloud (the vendor's API) and rest/own (Grove's);
// each mounts its routes on a [Router] and decides nothing.
package rest

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/limit"
)

// Config is what the plumbing needs. Everything but PublicURL, Proxies, Version
// and Hints is required; Ready says why the server is not ready, Metrics serves /metrics.
type Config struct {
	Access    *access.Access
	Limits    *limit.Limiter
	Library   *library.Library
	Repeats   Repeats
	Log       *slog.Logger
	Registry  prometheus.Registerer
	Ready     func(context.Context) error
	Metrics   http.Handler
	PublicURL string         // as clients reach the server; for the API's description only
	Proxies   []netip.Prefix // whose X-Forwarded-For and X-Forwarded-Proto are believed
	Version   string
	Hints     Hints
	Private   bool  // everybody knows its password: whoever comes by a name that anybody can make lead here is refused
	Dashboard fs.FS // shell.html, a template, and what it loads
}

// Router is the whole HTTP face: a table of routes behind one gate. Routes are
// mounted first; after the first request the table must not change.
type Router struct {
	Config
	mux     *http.ServeMux
	api     huma.API
	routes  []Route
	metrics metrics
	spec    *spec
	stopped chan struct{}
	doing   sync.Map // the attempts at requests with a key that are under way
}

// New makes a router with the plain routes: health, metrics, signed file links,
// the page and the documents.
func New(c Config) (*Router, error) {
	m, err := newMetrics(c.Registry)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	rt := &Router{Config: c, mux: http.NewServeMux(), metrics: m, spec: &spec{}, stopped: make(chan struct{})}
	rt.api = huma.NewAPI(describe(c), adapter{rt})
	rt.api.UseMiddleware(func(ctx huma.Context, next func(huma.Context)) { next(plainStatus{ctx}) })
	rt.mux.HandleFunc("/", rt.unmatched)
	rt.mountHealth()
	rt.mountLinks()
	rt.mountPages()
	rt.mountCSRF()
	rt.mountSignIn()
	rt.mountSetup()
	if err := rt.mountSite(); err != nil {
		return nil, fmt.Errorf("mount dashboard: %w", err)
	}
	return rt, nil
}

// Routes are all that were mounted, for those who check them.
func (rt *Router) Routes() []Route { return rt.routes }
