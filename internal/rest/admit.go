package rest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/limit"
)

// maxBody is how large a JSON body may be.
const maxBody = 1 << 20

// reasonUnread is given for a body that broke off.
const reasonUnread = "body_unread"

// ConfirmPath is where a person proves again that it is them.
const ConfirmPath = "/v1/grove-service/users/me/sessions/current/confirm"

// bodyWithin is how long a client may take to send a JSON body.
const bodyWithin = 30 * time.Second

// answerWithin is how long the answer of a route that does not stream may take to
// be read by whoever asked.
const answerWithin = 2 * time.Minute

// answerSoon sets until when the answer must be taken; 0 is for ever. A writer that
// is no connection has no deadlines.
func answerSoon(w http.ResponseWriter, within time.Duration) {
	until := time.Time{}
	if within > 0 {
		until = time.Now().Add(within)
	}
	_ = http.NewResponseController(w).SetWriteDeadline(until)
}

// admit is the gate before every route: who is asking, how often, and whether the
// body is one to read.
func (rt *Router) admit(route Route, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		callOf(r.Context()).route = route.Method + " " + route.Path
		form := route.Form != nil && isForm(r)
		if route.Streams || form { // a form is answered only once its file is here
			answerSoon(w, 0)
		} else {
			answerSoon(w, answerWithin)
		}
		if err := rt.enter(route, r); err != nil {
			rt.fail(w, r, err)
			return
		}
		take := next
		switch {
		case form:
			take = rt.takesForm(route.Form)
		case !route.Streams:
			if err := takeBody(w, r, route); err != nil {
				rt.fail(w, r, err)
				return
			}
		}
		if isKeyed(route, r) {
			rt.once(w, r, route, take)
			return
		}
		take.ServeHTTP(w, r)
	})
}

// enter finds out who is asking and counts the request.
func (rt *Router) enter(route Route, r *http.Request) error {
	if route.SignsIn {
		if err := rt.sameSite(r); err != nil {
			return err
		}
	}
	if route.Open || route.Loopback && fromHere(r) {
		return nil
	}
	said, err := rt.bearer(r)
	if err != nil {
		return err
	}
	c := callOf(r.Context())
	c.browser = said.browser
	if route.Bridge {
		c.actor, err = rt.Access.EnterBridge(r.Context(), said.token)
		return err
	}
	c.actor, err = rt.whose(r.Context(), said, r)
	if err == nil {
		err = rt.mayAsk(c.actor, route)
	}
	if err == nil && route.Fresh {
		err = AskAgain(r.Context(), rt.Access)
	}
	if err != nil || route.Uncounted != nil && route.Uncounted(r) {
		return err
	}
	return Count(r.Context())
}

// visit is who comes with the request.
func visit(r *http.Request) access.Visit {
	return access.Visit{Remote: Remote(r.Context()), Client: r.UserAgent(), Over: grove.OverHTTP}
}

// AskAgain refuses whoever has not proved of late that it is them, and says how to.
// The gate does it on routes that are [Route.Fresh]; only handlers call it of which
// some wishes alone would let others in.
func AskAgain(ctx context.Context, a *access.Access) error {
	fresh, err := a.Fresh(ctx, Actor(ctx))
	if err != nil || fresh {
		return err
	}
	return grove.Errorf(grove.Forbidden, grove.ReasonUnconfirmed, "this would let others in, and it is more than ten minutes since you proved that it is you: "+
		"send your password to POST %s, or sign in anew, and then this once more", ConfirmPath)
}

// credential is what a request brings to say who is asking.
type credential struct {
	token   string
	browser bool // it is the dashboard's cookie
}

// whose is the actor of a credential.
func (rt *Router) whose(ctx context.Context, said credential, r *http.Request) (grove.Actor, error) {
	if said.browser {
		return rt.Access.AuthenticateBrowser(ctx, said.token, visit(r))
	}
	return rt.Access.AuthenticateFrom(ctx, said.token, visit(r))
}

// bearer is the one credential of the request. The dashboard's cookie does for
// reading, and for whatever else a page of this very server asks; foreign pages and
// everything that is no browser need the header, which no page can be made to forge.
// An access token as a cookie does for reading, as one client does it, and is a
// program's. A key is no cookie.
func (rt *Router) bearer(r *http.Request) (credential, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		if c, err := r.Cookie(DashboardCookie); err == nil && c.Value != "" && (reads(r) || rt.fromOwnPage(r)) {
			return credential{c.Value, true}, nil
		}
		if c, err := r.Cookie(TokenCookie); err == nil && c.Value != "" && !access.IsKey(c.Value) && reads(r) {
			return credential{token: c.Value}, nil
		}
		return credential{}, grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential,
			"the request has no access token; sign in and send it as Authorization: Bearer …")
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	token = strings.TrimSpace(token)
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || token == "" {
		return credential{}, grove.Errorf(grove.Unauthenticated, grove.ReasonTokenInvalid,
			"the Authorization header must be there once and say Bearer and the access token")
	}
	return credential{token: token}, nil
}

// reads reports whether a request only reads, and that no page of another site
// made a browser send it.
func reads(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	}
	return false
}

// fromHere reports whether the request comes from this machine and was not
// passed on by a proxy, which would make a stranger look like one.
func fromHere(r *http.Request) bool {
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return Remote(r.Context()).IsLoopback() && byAddress(r.Host)
}

// byAddress reports whether a host is an address or this machine's own name. A page of
// another site can have its own name lead here, and then ask as if it were at home;
// these it can't.
func byAddress(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// Count counts the request in the hourly class of whoever is asking, a program or the
// dashboard. The gate does it; only handlers of uncounted routes call it, once they know what is asked.
func Count(ctx context.Context) error {
	class := limit.Requests
	if callOf(ctx).browser {
		class = limit.Dashboard
	}
	return Take(ctx, class, userKey(Actor(ctx)))
}

// CountAs counts the request of somebody whom an open route got to know by
// itself, and names them in the log.
func CountAs(ctx context.Context, actor grove.Actor) error {
	callOf(ctx).actor = actor
	return Count(ctx)
}

// CountStatus counts a question about one printer. The dashboard's are counted with
// all else that it asks.
func CountStatus(ctx context.Context, serial string) error {
	if callOf(ctx).browser {
		return nil
	}
	return Take(ctx, limit.DeviceStatus, userKey(Actor(ctx))+"/"+serial)
}

// CountUpload counts an upload that is about to be made, by a program or at the
// dashboard, where a person drops many at once.
func CountUpload(ctx context.Context) error {
	class := limit.Uploads
	if callOf(ctx).browser {
		class = limit.DashboardUploads
	}
	return Take(ctx, class, userKey(Actor(ctx)))
}

// countSource counts, once a request, what strangers from one address do. It leaves
// this machine out: behind a proxy that nobody has named, everybody comes from here.
func countSource(ctx context.Context) error {
	c := callOf(ctx)
	if c.source || c.remote.IsLoopback() {
		return nil
	}
	c.source = true
	return Take(ctx, limit.LoginSource, household(c.remote))
}

// household is the address of an IPv4 client, and the network of an IPv6 one.
func household(remote netip.Addr) string {
	if p, err := remote.Prefix(64); err == nil && remote.Is6() {
		remote = p.Addr()
	}
	return remote.String()
}

// CountLogin counts an attempt to sign in.
func CountLogin(ctx context.Context, account string) error {
	if len(account) > 254 { // no address is longer, and keys are kept
		account = account[:254]
	}
	if err := countSource(ctx); err != nil {
		return err
	}
	return Take(ctx, limit.Login, strings.ToLower(account)+" "+household(Remote(ctx)))
}

func userKey(a grove.Actor) string { return strconv.FormatInt(a.UserID, 10) }

// Take counts one act and tells how many are left in the answer's headers. Where
// several classes are counted, the last one is told.
func Take(ctx context.Context, class limit.Class, key string) error {
	c := callOf(ctx)
	d := c.limits.Take(class, key)
	if !d.Unlimited {
		c.header.Set("X-Ratelimit-Limit", strconv.Itoa(d.Limit))
		c.header.Set("X-Ratelimit-Remaining", strconv.Itoa(d.Remaining))
		c.header.Set("X-Ratelimit-Reset", strconv.FormatInt(d.Reset.Unix(), 10))
	}
	return d.Err()
}

// takeBody reads a JSON body whole, within bounds of size and time, so that no
// handler waits on a client's line.
func takeBody(w http.ResponseWriter, r *http.Request, route Route) error {
	if r.Body == nil || r.ContentLength == 0 || r.Method == http.MethodGet || r.Method == http.MethodHead {
		return nil
	}
	if r.ContentLength > maxBody {
		return tooLarge()
	}
	// Writers that are not a connection's have no deadlines; then there is none.
	line := http.NewResponseController(w)
	timed := line.SetReadDeadline(time.Now().Add(bodyWithin)) == nil
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if timed {
		err = errors.Join(err, line.SetReadDeadline(time.Time{}))
	}
	if err != nil {
		return &grove.Error{Code: grove.Invalid, Reason: reasonUnread, Message: "the body did not arrive whole; send it again", Err: err}
	}
	if len(body) > maxBody {
		return tooLarge()
	}
	if len(bytes.TrimSpace(body)) == 0 {
		body = nil
	} else if err := checkBody(r, route, body); err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Body = io.NopCloser(bytes.NewReader(body))
	return nil
}

// checkBody accepts JSON as it should be, and of a bodiless route nothing in it.
func checkBody(r *http.Request, route Route, body []byte) error {
	if err := checkMedia(r, route.Lenient); err != nil {
		return err
	}
	if err := checkJSON(body); err != nil {
		return err
	}
	if !route.Bodiless {
		return nil
	}
	return checkNothing(body)
}

func tooLarge() error {
	return grove.Errorf(grove.TooLarge, "body_too_large", "a JSON body may have at most %d bytes; files go to their upload_url", maxBody)
}

// checkMedia accepts JSON, and on lenient routes what older clients call JSON.
func checkMedia(r *http.Request, lenient bool) error {
	header := r.Header.Get("Content-Type")
	media, _, err := mime.ParseMediaType(header)
	if header == "" || err != nil {
		media = header
	}
	switch {
	case media == "application/json", strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json"):
		return nil
	case lenient && (media == "" || media == "text/plain"):
		return nil
	}
	return grove.Errorf(grove.Invalid, cloudapi.ReasonUnsupportedMedia,
		"the body is %q; send JSON and say Content-Type: application/json", header)
}
