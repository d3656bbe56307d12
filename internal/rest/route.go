package rest

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// Route is one entry of the table. Its zero value is closed: a credential is
// needed and every request counts.
type Route struct {
	Method string
	Path   string // as http.ServeMux has it, such as /v1/x/{id}
	// Open routes answer without a credential. There are few; a test names them.
	Open bool
	// Bridge routes are for bridges alone, by keys that count nowhere else.
	Bridge bool
	// Loopback routes need no credential from this very machine.
	Loopback bool
	// Uncounted says which requests the hourly class leaves out.
	Uncounted func(*http.Request) bool
	// Lenient takes JSON without a content type or as text/plain, as the vendor's
	// clients send it.
	Lenient bool
	// Fresh routes are for people who proved of late that it is them: what is asked
	// there would let others in.
	Fresh bool
	// Page routes are of the dashboard: open, since they lead strangers to where they sign
	// in, and of no use to programs, so that the API's description is silent of them.
	Page bool
	// SignsIn routes are open and hand over a session, so no foreign page may use them.
	SignsIn bool
	// Bodiless routes refuse a body in which there is anything.
	Bodiless bool
	// Streams leaves the body to the handler, which answers for its size and type.
	Streams bool
	// Form is a form that is taken beside JSON.
	Form *Form
	// KeyedBy names the fields of the body, or of the path, that stand for an account
	// where an open route is asked with an Idempotency-Key.
	KeyedBy []string
	// Unkeyed says why an Idempotency-Key means nothing to a POST.
	Unkeyed string
}

// Why an Idempotency-Key means nothing to a route.
const (
	UnkeyedSession = "it only makes a session, beside which others may stand, and its tokens are kept nowhere"
	UnkeyedCode    = "it only mails a code, beside which others count; how many are mailed is limited"
	UnkeyedNothing = "it does nothing"
	UnkeyedPage    = "it is the form of a page, which no program sends"
)

// keyed reports whether a POST of the route is done once for each key. Where nobody
// is known by an account, something else must stand for it.
func (route Route) keyed() bool {
	return route.Unkeyed == "" && !route.Streams && (!route.Open || len(route.KeyedBy) > 0)
}

// Always is for routes whose requests never count.
func Always(*http.Request) bool { return true }

// mount puts a route into the table, behind the gate.
func (rt *Router) mount(route Route, next http.Handler) {
	rt.routes = append(rt.routes, route)
	rt.mux.Handle(route.Method+" "+route.Path, rt.admit(route, next))
}

// adapter lets huma mount its operations on the router, so that they pass the
// same gate as everything else.
type adapter struct{ rt *Router }

// routeKey is where an operation's metadata keep its route.
const routeKey = "route"

// Handle is called by huma for each operation.
func (a adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	route, ok := op.Metadata[routeKey].(Route)
	if !ok {
		route = Route{Method: op.Method, Path: op.Path} // closed
	}
	a.rt.mount(route, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// There is one format, so nothing is to be chosen by this; huma 2.37 panics at
		// some of what clients may send in it, after the act was done.
		r.Header.Del("Accept")
		handler(humago.NewContext(op, r, w))
	}))
}

// ServeHTTP is called by huma's own test tools.
func (a adapter) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.rt.ServeHTTP(w, r) }

// straighten rewrites the paths that clients send into the ones in the table:
// doubled slashes, /api/v1 as the vendor's website has it, and languages.
func straighten(r *http.Request) {
	p := r.URL.Path
	if r.URL.RawPath != "" { // escaped slashes must stay what they are
		r.URL.RawPath = oneSlash(r.URL.RawPath)
		r.URL.Path = oneSlash(p)
	} else if strings.Contains(p, "//") || strings.Contains(p, "/.") {
		r.URL.Path = path.Clean(p)
	}
	if inLanguage.MatchString(r.URL.Path) {
		r.URL.Path, r.URL.RawPath = "/sign-in", ""
	}
	if strings.HasPrefix(r.URL.Path, "/api/v1/") {
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/api")
		r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/api")
	}
}

func oneSlash(p string) string {
	for strings.Contains(p, "//") {
		p = strings.ReplaceAll(p, "//", "/")
	}
	return p
}

// unmatched answers what is in no route: 405 where another method is, else 404.
func (rt *Router) unmatched(w http.ResponseWriter, r *http.Request) {
	allowed := rt.allowed(r)
	if len(allowed) == 0 {
		if forBrowser(r) {
			rt.missing(w, r)
			return
		}
		rt.fail(w, r, grove.Errorf(grove.NotFound, "no_such_path", "there is nothing at %s; /docs lists what there is", r.URL.Path))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	rt.fail(w, r, grove.Errorf(grove.Invalid, cloudapi.ReasonMethodNotAllowed,
		"%s is not possible at %s; possible there: %s", r.Method, r.URL.Path, strings.Join(allowed, ", ")))
}

// forBrowser reports whether somebody looks for a page, where no API is.
func forBrowser(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || strings.HasPrefix(r.URL.Path, "/v1/") || strings.HasPrefix(r.URL.Path, "/api/") {
		return false
	}
	return slices.ContainsFunc(strings.Split(r.Header.Get("Accept"), ","), func(kind string) bool {
		kind, _, _ = strings.Cut(kind, ";")
		return strings.EqualFold(strings.TrimSpace(kind), "text/html")
	})
}

// allowed lists the methods that a path has.
func (rt *Router) allowed(r *http.Request) []string {
	var methods []string
	for _, m := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = m
		if _, pattern := rt.mux.Handler(other); pattern != "/" {
			methods = append(methods, m)
		}
	}
	return methods
}
