package rest_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// browse asks as a browser does: with a cookie, and without a header of its own.
func browse(h *resttest.House, method, at, body string, headers ...string) *httptest.ResponseRecorder {
	return h.Ask(method, at, body, append([]string{"Authorization", "", "Cookie", h.Cookie}, headers...)...)
}

func TestThePagesLeadStrangersToTheirSignIn(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	pages := 0
	for _, route := range h.Routes() {
		if !route.Page || strings.HasPrefix(route.Path, "/app/") || route.Path == "/setup" {
			continue
		}
		pages++
		at := address(route) + "?q=a%20b"
		for name, cookie := range map[string]string{"none": "", "garbage": "grove_session=x.y.z", "an access token": "grove_session=" + h.Token + "; token=" + h.Token} {
			w := h.Ask("GET", at, "", "Authorization", "", "Cookie", cookie)
			if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "/sign-in?to="+url.QueryEscape(at) {
				t.Errorf("%s with cookie %s: %d to %q", at, name, w.Code, to)
			}
		}
		w := browse(h, "GET", at, "")
		csp := w.Header().Get("Content-Security-Policy")
		if w.Code != 200 || !strings.Contains(w.Body.String(), `id="app"`) || strings.Contains(csp, "unsafe") || !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("%s: %d, policy %q", at, w.Code, csp)
		}
		for _, sign := range []string{`src="http`, `href="http`, `<script>`, `onclick`, "style="} {
			if strings.Contains(w.Body.String(), sign) {
				t.Errorf("%s has %q", at, sign)
			}
		}
	}
	if pages < 10 {
		t.Errorf("only %d pages", pages)
	}
	if w := h.Ask("GET", "/setup", "", "Authorization", ""); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/" {
		t.Errorf("the setup of a server that has an owner: %d to %q", w.Code, w.Header().Get("Location"))
	}
	if w := fill(h, "/setup", "code", "X", "email", "b@grove.local", "password", resttest.Password); w.Code != 404 {
		t.Errorf("made a second first owner: %d", w.Code)
	}
}

// How long a password must be is said before one fails, and one that did is at hand.
func TestTheFirstPasswordIsAskedForAsItMustBe(t *testing.T) {
	t.Parallel()
	h := resttest.Empty(t, "off")
	code, _ := h.Access.SetupCode()
	if w := h.Ask("GET", "/setup", "", "Authorization", ""); !strings.Contains(w.Body.String(), ">12 characters or more") {
		t.Errorf("the form: %d %s", w.Code, w.Body)
	}
	w := fill(h, "/setup", "code", code, "email", "b@grove.local", "password", "short")
	focus := regexp.MustCompile(`<input[^>]* id="(\w+)"[^>]* autofocus`).FindAllStringSubmatch(w.Body.String(), -1)
	if w.Code != 400 || len(focus) != 1 || focus[0][1] != "password" || !strings.Contains(w.Body.String(), "too few characters") {
		t.Errorf("after a short one %d, the focus is on %q: %s", w.Code, focus, w.Body)
	}
}

func TestWhoSignsInForAPageGetsThere(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for to, want := range map[string]string{"/queue?state=done": "/queue?state=done", "https://evil.example": "/", "//evil.example/": "/", "javascript:alert(1)": "/"} {
		page := h.Ask("GET", "/sign-in?to="+url.QueryEscape(to), "", "Authorization", "")
		if !strings.Contains(page.Body.String(), `name="to"`) {
			t.Fatalf("the form does not remember %q", to)
		}
		w := fill(h, "/sign-in", "step", "password", "account", "ann@grove.local", "password", resttest.Password, "to", to)
		cookies := w.Result().Cookies()
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != want || len(cookies) != 1 || !cookies[0].HttpOnly {
			t.Fatalf("to %q: %d to %q with %v", to, w.Code, w.Header().Get("Location"), cookies)
		}
		if cookies[0].Name != rest.DashboardCookie || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].MaxAge != 30*24*3600 {
			t.Errorf("the cookie is %v", cookies[0])
		}
		if got := h.Ask("GET", "/", "", "Authorization", "", "Cookie", cookies[0].Name+"="+cookies[0].Value); got.Code != 200 {
			t.Errorf("the session does not count: %d", got.Code)
		}
	}
}

// The cookie is as good as a bearer for a page of this server, and for no other page.
func TestOnlyOwnPagesActByCookie(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const act = own + "/webhooks"
	const body = `{"url":"http://127.0.0.1:9/","events":["print.completed"]}`
	for name, c := range map[string]struct {
		headers []string
		status  int
	}{
		"own page":               {[]string{"Sec-Fetch-Site", "same-origin", "Origin", "http://example.com"}, 201},
		"own page, old browser":  {[]string{"Origin", "http://example.com"}, 201},
		"own page by its name":   {[]string{"Origin", resttest.PublicURL}, 401}, // the house was not told of one for pages
		"page of another host":   {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "http://evil.example"}, 401},
		"page of a sister":       {[]string{"Sec-Fetch-Site", "same-site", "Origin", "http://evil.example.com"}, 401},
		"lies about its origin":  {[]string{"Sec-Fetch-Site", "cross-site", "Origin", "http://example.com"}, 401},
		"typed by hand":          {[]string{"Sec-Fetch-Site", "none"}, 401},
		"no browser":             {nil, 401},
		"sandboxed page":         {[]string{"Origin", "null"}, 401},
		"own page over TLS":      {[]string{"Origin", "https://example.com"}, 201}, // a proxy need not say so
		"another scheme":         {[]string{"Origin", "ftp://example.com"}, 401},
		"another port":           {[]string{"Origin", "http://example.com:8081"}, 401},
		"own page, header wrong": {[]string{"Sec-Fetch-Site", "same-origin", "Authorization", "Bearer x.y.z"}, 401},
		"own page, a plain form": {[]string{"Sec-Fetch-Site", "same-origin", "Content-Type", "text/plain"}, 415},
	} {
		if w := browse(h, "POST", act, body, c.headers...); w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// By the Fetch standard a form of a page without a referrer comes from the origin
// "null", which says nothing of whose page it was where there is no Sec-Fetch-Site.
func TestFormsSayWhosePageTheyAreOn(t *testing.T) {
	t.Parallel()
	settled, fresh := resttest.New(t, "off"), resttest.Empty(t, "off")
	for at, h := range map[string]*resttest.House{"/sign-in": settled, "/sign-in?invitation=none": settled, "/setup": fresh} {
		w := h.Ask("GET", at, "", "Authorization", "")
		meta := strings.Contains(w.Body.String(), `<meta name="referrer" content="same-origin">`)
		if policy := w.Header().Values("Referrer-Policy"); len(policy) != 1 || policy[0] != "same-origin" || !meta || !strings.Contains(w.Body.String(), "<form") {
			t.Errorf("%s: %d, policy %q, in the page: %v", at, w.Code, policy, meta)
		}
	}
	if policy := settled.Ask("GET", "/about", "", "Authorization", "").Header().Get("Referrer-Policy"); policy != "no-referrer" {
		t.Errorf("a page without a form: %q", policy)
	}
}

// A page that came in clear may be anybody's, who has the line.
func TestAPageInClearDoesNotActOverTLS(t *testing.T) {
	t.Parallel()
	h := trusting(resttest.New(t, "off"), "192.0.2.1/32")
	const act = "/v1/user-service/my/logout"
	for _, c := range []struct {
		origin string
		want   int
	}{{"http://example.com", 401}, {"https://example.com", 200}} {
		if w := browse(h, "POST", act, "{}", "X-Forwarded-Proto", "https", "Origin", c.origin); w.Code != c.want {
			t.Errorf("from %s: %d %s", c.origin, w.Code, w.Body)
		}
	}
}

func TestSigningOutTakesTheCookie(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	w := browse(h, "POST", "/v1/user-service/my/logout", "{}", "Sec-Fetch-Site", "same-origin")
	cookies := w.Result().Cookies()
	kept := slices.ContainsFunc(cookies, func(c *http.Cookie) bool { return c.Value != "" || c.MaxAge >= 0 })
	if w.Code >= 300 || len(cookies) != 2 || kept {
		t.Errorf("%d %v", w.Code, cookies)
	}
	if w := browse(h, "GET", "/", ""); w.Code != http.StatusSeeOther {
		t.Errorf("the session still counts: %d", w.Code)
	}
}

// A dashboard asks much more than a program needs to.
func TestTheDashboardHasAClassOfItsOwn(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "requests=2/h,dashboard=4/h")
	const me = "/v1/grove-service/users/me"
	for i := range 4 {
		if w := browse(h, "GET", me, ""); w.Code != 200 || w.Header().Get("X-Ratelimit-Limit") != "4" {
			t.Fatalf("request %d: %d of %s", i+1, w.Code, w.Header().Get("X-Ratelimit-Limit"))
		}
	}
	if w := browse(h, "GET", me, ""); w.Code != 429 {
		t.Errorf("the fifth: %d", w.Code)
	}
	if w := h.Ask("GET", me, "", "Authorization", "", "Cookie", "token="+h.Token); w.Code != 200 || w.Header().Get("X-Ratelimit-Limit") != "2" {
		t.Errorf("a program that sends its token as a cookie: %d of %s", w.Code, w.Header().Get("X-Ratelimit-Limit"))
	}
	if w := h.Ask("GET", me, ""); w.Code != 200 || w.Header().Get("X-Ratelimit-Limit") != "2" {
		t.Errorf("a program pays for the dashboard: %d of %s", w.Code, w.Header().Get("X-Ratelimit-Limit"))
	}
}

func TestSomebodyDropsManyFilesAtTheDashboard(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "spec")
	const files, body = "/v1/grove-service/files", `{"name":"a.stl","size_bytes":10}`
	for i := range 14 {
		if w := browse(h, "POST", files, body, "Sec-Fetch-Site", "same-origin"); w.Code/100 != 2 || w.Header().Get("X-Ratelimit-Limit") != "300" {
			t.Fatalf("upload %d: %d of %s: %s", i+1, w.Code, w.Header().Get("X-Ratelimit-Limit"), w.Body)
		}
	}
	for i := range 10 {
		if w := h.Ask("POST", files, body); w.Code/100 != 2 || w.Header().Get("X-Ratelimit-Limit") != "10" {
			t.Fatalf("a program's upload %d: %d of %s", i+1, w.Code, w.Header().Get("X-Ratelimit-Limit"))
		}
	}
	if w := h.Ask("POST", files, body); w.Code != 429 || !strings.Contains(w.Body.String(), "try again in 60 minutes") {
		t.Errorf("a program's eleventh: %d %s", w.Code, w.Body)
	}
}

func TestWhatPagesLoadIsKeptByBrowsers(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	shell := browse(h, "GET", "/", "").Body.String()
	for _, found := range regexp.MustCompile(`(?:src|href)="(/app/[^"]+)"`).FindAllStringSubmatch(shell, -1) {
		w := h.Ask("GET", found[1], "", "Authorization", "", "Accept-Encoding", "gzip")
		if w.Code != 200 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", found[1], w.Code, w.Header())
		}
	}
	if w := h.Ask("GET", "/app/old/app/main.js", "", "Authorization", ""); w.Code != 200 || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("under an old address: %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/app/x/shell.html", "/app/x/web.go", "/app/x/none.js", "/app/x/app"} {
		if w := h.Ask("GET", path, "", "Authorization", ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

// A key is for programs, which are counted as such.
func TestNoKeyIsACookie(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	made := resttest.Call[cloudapi.Data[cloudapi.KeyCreated]](t, h, 201, "POST", own+"/keys", `{"name":"x","scopes":["printer:read"],"all_printers":true}`)
	key := string(made.Data.Secret)
	resttest.Call[cloudapi.Data[[]grove.Live]](t, h, 200, "GET", own+"/printers", "", "Authorization", "Bearer "+key)
	if w := h.Ask("GET", own+"/printers", "", "Authorization", "", "Cookie", "token="+key); w.Code != 401 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// A page of another site can have its own name lead to this machine, and be at home
// there. What anybody may do who is at home is not done for it.
func TestANameThatLeadsHereIsNotHere(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	ask := func(host, path string) int {
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Host, r.RemoteAddr = host, "127.0.0.1:5000"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for host, want := range map[string]int{"127.0.0.1:8080": 200, "localhost:8080": 200, "[::1]:8080": 200, "grove.localhost": 200, "evil.example:8080": 401, "127.0.0.1.evil.example": 401} {
		if got := ask(host, "/metrics"); got != want {
			t.Errorf("/metrics at %s: %d, want %d", host, got, want)
		}
	}
	h.Private = true
	for host, want := range map[string]int{"127.0.0.1:8080": 200, "localhost:8080": 200, "evil.example:8080": 403} {
		if got := ask(host, "/sign-in"); got != want {
			t.Errorf("a demo's page at %s: %d, want %d", host, got, want)
		}
	}
}

func TestAnAddressWhereNothingIsAnswersPeopleWithAPage(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	for at, page := range map[string]bool{"/foo/bar": true, "/printers/a/b/c": true, "/%3Cscript%3E": true, "/v1/foo": false, "/api/foo": false, "/api/v1/foo": false} {
		for _, method := range []string{"GET", "HEAD"} {
			w := h.Ask(method, at, "", "Authorization", "", "Accept", browser)
			if is := strings.HasPrefix(w.Header().Get("Content-Type"), "text/html"); w.Code != http.StatusNotFound || is != page {
				t.Errorf("%s %s: %d %s", method, at, w.Code, w.Header().Get("Content-Type"))
			}
			if page && (!strings.Contains(w.Body.String(), "Nothing is at this address") || strings.Contains(w.Body.String(), "<script")) {
				t.Errorf("%s: %s", at, w.Body)
			}
		}
	}
	for _, accept := range []string{"", "*/*", "application/json"} {
		if w := h.Ask("GET", "/foo/bar", "", "Accept", accept); w.Code != http.StatusNotFound || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("asked for %q: %d %s", accept, w.Code, w.Body)
		}
	}
	if w := h.Ask("POST", "/foo/bar", "{}", "Accept", browser); w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("a POST: %d %s", w.Code, w.Body)
	}
	if w := h.Ask("GET", "/foo/bar?lang=de", "", "Accept", browser); !strings.Contains(w.Body.String(), "Seite nicht gefunden") || !strings.Contains(w.Body.String(), `href="?lang=zh"`) {
		t.Errorf("in German: %s", w.Body)
	}
}

func TestPagesMayAskBrowsersForNothingThatTheyDoNotNeed(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, at := range []string{"/", "/sign-in", "/about", "/docs", "/foo"} {
		head := browse(h, "GET", at, "", "Accept", "text/html").Header()
		if head.Get("Cross-Origin-Resource-Policy") != "same-origin" || head.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s: %v", at, head)
		}
		allowed := regexp.MustCompile(`([a-z-]+)=\((\w*)\)`).FindAllStringSubmatch(head.Get("Permissions-Policy"), -1)
		if len(allowed) < 28 {
			t.Errorf("%s names %d features", at, len(allowed))
		}
		for _, f := range allowed {
			if needed := f[1] == "clipboard-write" || f[1] == "screen-wake-lock"; needed != (f[2] == "self") {
				t.Errorf("%s: %s", at, f[0])
			}
		}
	}
}
