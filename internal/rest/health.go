package rest

import (
	"net/http"
	"reflect"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// mountHealth mounts what watches the server: is it alive, is it ready, its figures.
func (rt *Router) mountHealth() {
	health := Raw{Gives: "application/json", Shape: reflect.TypeFor[cloudapi.Health]()}
	rt.open("/livez", "Whether the process answers", health, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, cloudapi.Health{Status: "ok", At: time.Now().UTC()})
	})
	rt.open("/readyz", "Whether the server can do its work", health, rt.ready)
	Plain(rt, Op{
		Route: Route{Method: http.MethodGet, Path: "/metrics", Loopback: true},
		Tag:   tagServer, Summary: "Figures for Prometheus",
	}, Raw{Gives: "text/plain"}, rt.figures)
}

func (rt *Router) ready(w http.ResponseWriter, r *http.Request) {
	if err := rt.Ready(r.Context()); err != nil {
		rt.fail(w, r, &grove.Error{
			Code: grove.Unavailable, Reason: "not_ready", Err: err, RetryAfter: 5 * time.Second,
			Message: "a part of the server is down, its log says which; try again soon",
		})
		return
	}
	writeJSON(w, http.StatusOK, cloudapi.Health{Status: "ok", At: time.Now().UTC()})
}

// figures are for the machine itself and for owners.
func (rt *Router) figures(w http.ResponseWriter, r *http.Request) {
	if !fromHere(r) {
		u, err := rt.Access.User(r.Context(), Actor(r.Context()))
		if err == nil && u.Role != grove.Owner {
			err = grove.Errorf(grove.Forbidden, "owners_only", "only an owner may read the server's figures")
		}
		if err != nil {
			rt.fail(w, r, err)
			return
		}
	}
	rt.Metrics.ServeHTTP(w, r)
}
