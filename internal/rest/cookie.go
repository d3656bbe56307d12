package rest

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
)

// TokenCookie is where clients of the vendor's website look for the access token
// after a sign-in.
const TokenCookie = "token"

// DashboardCookie is the credential of the dashboard. What is in it is no access token,
// and an access token in it is no credential: see [access.Access.ForBrowser].
const DashboardCookie = "grove_session"

// What clients of the website fetch before they sign in, and send back with it.
// Nothing here rests on it: [Router.sameSite] looks at what browsers cannot be made
// to forge, and other programs need no such guard.
const (
	csrfCookie = "bbl_csrf_token"
	csrfHeader = "X-Bbl-Csrf-Token"
)

func (rt *Router) mountCSRF() {
	o := Op{Route: Route{Method: http.MethodGet, Path: "/api/csrf", Open: true}, Tag: tagServer, Summary: "The cookie that clients of the website want"}
	Plain(rt, o, Raw{Also: map[int]string{http.StatusNoContent: "The cookie bbl_csrf_token"}}, func(w http.ResponseWriter, r *http.Request) {
		setCookie(r.Context(), &http.Cookie{ //nolint:gosec // G124: scripts must read this one, and without TLS it must be sent too
			Name: csrfCookie, Value: rand.Text(), Path: "/", Secure: callOf(r.Context()).secure, SameSite: http.SameSiteLaxMode,
		})
		w.WriteHeader(http.StatusNoContent)
	})
}

// SetToken puts the access token of a sign-in into the answer's cookie.
func SetToken(ctx context.Context, t access.Tokens) {
	setHidden(ctx, TokenCookie, t.Access, int(t.ExpiresIn/time.Second))
}

// SignInBrowser lets a browser in to the dashboard, and says for how long.
func (rt *Router) SignInBrowser(ctx context.Context, t access.Tokens) (time.Duration, error) {
	b, err := rt.Access.ForBrowser(ctx, t)
	if err == nil {
		setHidden(ctx, DashboardCookie, b.Cookie, int(b.ExpiresIn/time.Second))
	}
	return b.ExpiresIn, err
}

// SignOutBrowser has a browser forget whom it was signed in as.
func SignOutBrowser(ctx context.Context) {
	setHidden(ctx, TokenCookie, "", -1)
	setHidden(ctx, DashboardCookie, "", -1)
}

// setHidden sets a cookie that no script can read. It names no domain, since a client
// drops a cookie whose domain is not the host it asked.
func setHidden(ctx context.Context, name string, value grove.Secret, maxAge int) {
	setCookie(ctx, &http.Cookie{ //nolint:gosec // G124: it is secure wherever clients come over TLS
		Name: name, Value: string(value), Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: callOf(ctx).secure, SameSite: http.SameSiteLaxMode,
	})
}

func setCookie(ctx context.Context, c *http.Cookie) {
	callOf(ctx).header.Add("Set-Cookie", c.String())
}

// sameSite refuses what a page of somebody else makes a browser send. Programs
// that are no browsers send no Origin and pass.
func (rt *Router) sameSite(r *http.Request) error {
	if c, err := r.Cookie(csrfCookie); err == nil {
		if said := r.Header.Get(csrfHeader); said != "" && said != c.Value {
			return grove.Errorf(grove.Forbidden, "csrf", "the header %s is not what the cookie %s says; get /api/csrf again", csrfHeader, csrfCookie)
		}
	}
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	if site == "none" || site == "" && origin == "" || rt.fromOwnPage(r) {
		return nil
	}
	return grove.Errorf(grove.Forbidden, "cross_site", "a page of another site may not sign anybody in here; open this server's own page")
}

// fromOwnPage reports whether a browser says that a page of this server sent the
// request. Browsers say it in a header that pages can't set; older ones, and all where
// there is no TLS, name the page's origin alone. Over TLS a page that came in clear is
// not our own: anybody on its way may have written it. A page over TLS may be where the
// request seems to be in clear, behind a proxy that does not say.
func (rt *Router) fromOwnPage(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin := r.Header.Get("Origin")
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false
	}
	return origin == rt.PublicURL || u.Host == r.Host && (u.Scheme == "https" || u.Scheme == "http" && !proxies(rt.Proxies).secure(r))
}

// Target is where a browser may be sent with a session: a path of this server, or a
// program that listens on the visitor's own machine. A foreign page must not be able
// to have somebody sent to itself.
func (rt *Router) Target(r *http.Request, to string) (string, error) {
	if to == "" {
		return "/", nil
	}
	u, err := url.Parse(to)
	odd := err != nil || strings.ContainsFunc(to, func(c rune) bool { return c == '\\' || unicode.IsControl(c) || unicode.IsSpace(c) })
	switch {
	case odd, u.User != nil, u.Opaque != "":
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(u.Path, "//"):
		return to, nil
	case onVisitorsMachine(u):
		return to, nil
	case u.Scheme+"://"+u.Host == rt.address(r):
		return to, nil
	}
	return "", grove.Errorf(grove.Invalid, "target_refused", "browsers are sent on to a path of this server or to http://localhost:PORT only")
}

// onVisitorsMachine is true for the address of a program that listens there.
func onVisitorsMachine(u *url.URL) bool {
	return u.Scheme == "http" && u.User == nil && u.Opaque == "" && u.Port() != "" && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1")
}
