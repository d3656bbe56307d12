// Package own is Grove's own API under /v1/grove-service: the rules in their own
// words, in the documented {code, message, data, pagination}.
package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/feed"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/webhook"
)

// Journal tells who did what with an account and its printers.
type Journal interface {
	Audit(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.AuditEntry], error)
}

// Rules are what the face stands for.
type Rules struct {
	Access  *access.Access
	Fleet   *fleet.Fleet
	Queue   *queue.Queue
	Library *library.Library
	Feed    *feed.Feed
	Hooks   *webhook.Hooks
	Journal Journal
	Tunnels Tunnels
	Toys    Toys
}

const service = "/v1/grove-service"

// face holds the rules for the handlers.
type face struct {
	Rules
	router  *rest.Router
	screens screens
}

// Mount puts Grove's own API on the router.
func Mount(rt *rest.Router, rules Rules) {
	f := &face{Rules: rules, router: rt}
	f.mountSetup(rt)
	f.mountAccount(rt)
	f.mountPeople(rt)
	f.mountPrinters(rt)
	f.mountLive(rt)
	f.mountModels(rt)
	f.mountToys(rt)
	f.mountLAN(rt)
	f.mountStorage(rt)
	f.mountJobs(rt)
	f.mountFiles(rt)
	f.mountWebhooks(rt)
	f.mountNotifications(rt)
	f.mountEvents(rt)
	f.mountClock(rt)
	f.mountKeys(rt)
	f.mountBridges(rt)
	f.mountShares(rt)
	f.mountUsers(rt)
	f.mountAudit(rt)
}

// op is an operation of Grove's own API: strict in what it takes.
func op(method, path, tag, summary string) rest.Op {
	return rest.Op{Route: rest.Route{Method: method, Path: service + path}, Tag: "Grove: " + tag, Summary: summary, Strict: true}
}

func get(path, tag, summary string) rest.Op  { return op(http.MethodGet, path, tag, summary) }
func post(path, tag, summary string) rest.Op { return op(http.MethodPost, path, tag, summary) }

// fresh is an operation for people who proved of late that it is them.
func fresh(o rest.Op) rest.Op {
	o.Fresh = true
	return o
}

// paged is a list that takes nothing but paging.
type paged struct{ rest.Paging }

// done is the answer that has nothing to tell.
type done = cloudapi.Data[*cloudapi.Nothing]

func ok() done { return cloudapi.Of[*cloudapi.Nothing](nil) }
