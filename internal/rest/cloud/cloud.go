// Package cloud is the vendor's API: it translates the vendor's shapes, quirks
// included, to the rules and back, and decides nothing.
package cloud

import (
	"net/http"

	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/feed"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/rest"
)

// Rules are what the face translates to.
type Rules struct {
	Access  *access.Access
	Fleet   *fleet.Fleet
	Queue   *queue.Queue
	Library *library.Library
	Feed    *feed.Feed
}

// The beginnings of the vendor's paths, and the tags of the description.
const (
	userService   = "/v1/user-service"
	iotService    = "/v1/iot-service/api"
	designService = "/v1/design-user-service"

	tagAccount = "Cloud: account"
	tagDevice  = "Cloud: printers"
	tagPrint   = "Cloud: prints"
	tagFile    = "Cloud: files"
	tagSlicer  = "Cloud: slicer"
	tagSite    = "Cloud: model site"
)

// face holds the rules for the handlers.
type face struct{ Rules }

// Mount puts the vendor's API on the router.
func Mount(rt *rest.Router, rules Rules) {
	f := &face{rules}
	f.mountAccount(rt)
	f.mountSignIn(rt)
	f.mountTickets(rt)
	f.mountBind(rt)
	f.mountDevice(rt)
	f.mountPrint(rt)
	f.mountTask(rt)
	f.mountUpload(rt)
	f.mountProject(rt)
	f.mountNotification(rt)
	f.mountSlicer(rt)
	f.mountSetting(rt)
	f.mountFilament(rt)
	f.mountStubs(rt)
	f.mountCamera(rt)
	f.mountMessage(rt)
}

// op is an operation of the vendor's API: lenient in what it takes.
func op(method, path, tag, summary string) rest.Op {
	return rest.Op{Route: rest.Route{Method: method, Path: path, Lenient: true}, Tag: tag, Summary: summary}
}

func get(path, tag, summary string) rest.Op  { return op(http.MethodGet, path, tag, summary) }
func post(path, tag, summary string) rest.Op { return op(http.MethodPost, path, tag, summary) }
