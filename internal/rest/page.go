package rest

import (
	"embed"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"strings"

	"github.com/grovecloud/grove"
)

//go:embed assets docs
var static embed.FS

// The policies of the pages. The documents may style inline, because swagger-ui
// does; nothing may be loaded from elsewhere, and no script stands in a page.
const (
	pagePolicy = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// Hints are what the page tells its reader to type.
type Hints struct {
	Program  string // how grove is called there; empty: grove
	Here     string // flags that lead here, for a shell on this machine; empty: it is not the reader's
	Flags    string // the same for any machine, with the CA's certificate as it is downloaded; empty: the URL alone
	Email    string
	Password string // everybody's, of a demo
	Serial   string
	Demo     bool
	MQTTPort string // of the broker
}

// mountPages mounts the page about this server, what it is dressed in, and the documents.
func (rt *Router) mountPages() {
	page := template.Must(template.ParseFS(static, "assets/index.html"))
	bytes := Raw{Gives: "application/octet-stream"}
	rt.open("/about", "What this server is and how clients reach it", html, rt.page(page))
	rt.open("/assets/{name}", "What the page is dressed in", bytes, rt.files("assets", pagePolicy))
	rt.open("/docs", "This description, to read and to try", html, docsPage)
	rt.open("/docs/{name}", "What the description is shown with", bytes, rt.files("docs", docsPolicy))
	rt.open("/openapi.json", "This description, for programs", Raw{Gives: "application/json", Shape: reflect.TypeFor[map[string]any]()}, rt.openapi)
}

// html is what pages give.
var html = Raw{Gives: "text/html"}

// open mounts a plain GET that anyone may ask.
func (rt *Router) open(at, summary string, raw Raw, h http.HandlerFunc) {
	Plain(rt, Op{Route: Route{Method: http.MethodGet, Path: at, Open: true}, Tag: tagServer, Summary: summary}, raw,
		func(w http.ResponseWriter, r *http.Request) {
			answerSoon(w, answerWithin) // strangers get no line for long
			h(w, r)
		})
}

// page shows what this is and where to go. The address is the one that the
// visitor used, unless the server was told its own.
func (rt *Router) page(t *template.Template) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		first, err := rt.Access.NeedsSetup(r.Context())
		if err != nil { // all else on it holds all the same
			rt.Log.WarnContext(r.Context(), "page shown as of a server with an owner", slog.Any("error", err))
		}
		htmlHeaders(w, pagePolicy)
		shown := struct {
			Hints
			URL, Version     string
			First, Elsewhere bool // nobody owns it yet; the reader has no CA yet
		}{rt.Hints, rt.address(r), rt.Version, first, rt.Hints.Here == ""}
		if shown.Program == "" {
			shown.Program = "grove"
		}
		if shown.Flags == "" {
			shown.Flags = "--url " + shown.URL
		}
		if (first || shown.Demo) && shown.Here != "" { // later whoever asks has no need to know where things lie
			shown.Flags = shown.Here
		}
		if err := t.Execute(w, shown); err != nil {
			panic(err)
		}
	}
}

// missingPage is for people who came to an address where nothing is.
var missingPage = template.Must(template.ParseFS(static, "assets/missing.html", "assets/languages.html"))

func (rt *Router) missing(w http.ResponseWriter, r *http.Request) {
	answerSoon(w, answerWithin)
	remember(w, r)
	htmlHeaders(w, pagePolicy)
	w.Header().Set("Vary", "Accept, Accept-Language, Cookie")
	w.WriteHeader(http.StatusNotFound)
	if err := missingPage.Execute(w, struct {
		speech

		Path string
	}{speak(r), r.URL.Path}); err != nil {
		panic(err)
	}
}

// address is where clients reach this server.
func (rt *Router) address(r *http.Request) string {
	if rt.PublicURL != "" {
		return strings.TrimSuffix(rt.PublicURL, "/")
	}
	if rt.secure(r) {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// secure reports whether clients come over TLS, here or at a proxy in front.
func (rt *Router) secure(r *http.Request) bool {
	return proxies(rt.Proxies).secure(r) || strings.HasPrefix(rt.PublicURL, "https://")
}

func docsPage(w http.ResponseWriter, r *http.Request) {
	htmlHeaders(w, docsPolicy)
	http.ServeFileFS(w, r, static, "docs/index.html")
}

// permissions takes from pages what browsers would let them ask for, but for what the
// dashboard does: it copies text, and keeps the screen of a wall awake. There is no word
// for all of them, and browsers complain of words that they do not know.
var permissions = func() string {
	var policy strings.Builder
	for _, feature := range []string{
		"accelerometer", "autoplay", "browsing-topics", "camera", "display-capture", "encrypted-media", "fullscreen",
		"gamepad", "geolocation", "gyroscope", "hid", "idle-detection", "interest-cohort", "keyboard-map", "local-fonts", "magnetometer", "microphone", "midi",
		"otp-credentials", "payment", "picture-in-picture", "publickey-credentials-get", "serial", "storage-access", "sync-xhr", "usb",
		"window-management", "xr-spatial-tracking",
	} {
		policy.WriteString(feature + "=(), ")
	}
	return policy.String() + "clipboard-write=(self), screen-wake-lock=(self)"
}()

func htmlHeaders(w http.ResponseWriter, policy string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
	w.Header().Set("Permissions-Policy", permissions)
}

// files serves one folder of what is built in, and only what belongs to pages.
func (rt *Router) files(dir, policy string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := path.Join(dir, path.Base(r.PathValue("name")))
		if _, err := fs.Stat(static, name); err != nil || strings.HasSuffix(name, ".html") {
			rt.fail(w, r, grove.Errorf(grove.NotFound, "no_such_path", "there is nothing at %s", r.URL.Path))
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		http.ServeFileFS(w, r, static, name)
	}
}
