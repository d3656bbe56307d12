package rest_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// fill sends the page's form as a browser does. Fields are pairs.
func fill(h *resttest.House, at string, fields ...string) *httptest.ResponseRecorder {
	form := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return h.Ask("POST", at, form.Encode(), "Authorization", "", "Content-Type", "application/x-www-form-urlencoded",
		"Origin", "http://example.com", "Sec-Fetch-Site", "same-origin")
}

var told = regexp.MustCompile(`data-message="([^"]*)"`)

// slicerMessage is what the page has for the slicer.
func slicerMessage(t *testing.T, w *httptest.ResponseRecorder) (m cloudapi.SlicerMessage) {
	t.Helper()
	found := told.FindStringSubmatch(w.Body.String())
	if w.Code != 200 || found == nil || json.Unmarshal([]byte(html.UnescapeString(found[1])), &m) != nil {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return m
}

func TestThePageHandsItsTokensToTheSlicer(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for _, at := range []string{"/sign-in", "/en/sign-in", "//en/sign-in", "/zh-cn/sign-in", "/zh_CN/sign-in"} {
		if w := h.Ask("GET", at, "", "Authorization", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `name="password"`) {
			t.Errorf("GET %s: %d %s", at, w.Code, w.Body)
		}
		m := slicerMessage(t, fill(h, at, "step", "password", "account", "ann@grove.local", "password", resttest.Password))
		if m.Command != "user_login" || m.Data.ExpiresIn != "7776000" || m.Data.User == nil || m.Data.User.UID != strconv.FormatInt(h.UserID, 10) || m.Data.User.Account != "ann@grove.local" {
			t.Errorf("%s: %+v", at, m)
		}
		resttest.Call[cloudapi.Profile](t, h, 200, "GET", "/v1/user-service/my/profile", "", "Authorization", "Bearer "+string(m.Data.Token))
	}
	m := slicerMessage(t, fill(h, "/sign-in", "step", "password", "account", "ann@grove.local", "password", resttest.Password, "method", "ticket"))
	got := resttest.Call[cloudapi.TicketLogin](t, h, 200, "POST", "/v1/user-service/user/ticket/"+string(m.Data.Ticket), "", "Authorization", "")
	if m.Command != "user_ticket_login" || m.Data.Token != "" || got.AccessToken == "" {
		t.Errorf("ticket: %+v, %+v", m, got)
	}
}

func TestThePageLeadsABrowserBackToTheSlicer(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	page := h.Ask("GET", "/sign-in?redirect_url=http%3A%2F%2Flocalhost%3A13618", "").Body.String()
	if !strings.Contains(page, `name="redirect_url" value="http://localhost:13618"`) {
		t.Errorf("the form forgets the slicer: %s", page)
	}
	w := fill(h, "/sign-in", "step", "password", "account", "ann@grove.local", "password", resttest.Password, "redirect_url", "http://localhost:13618")
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || w.Code != http.StatusSeeOther || to.Host != "localhost:13618" || to.Path != "/" || to.Query().Get("redirect_url") != "http://example.com/sign-in" {
		t.Fatalf("%d %s", w.Code, w.Header())
	}
	resttest.Call[cloudapi.TicketLogin](t, h, 200, "POST", "/v1/user-service/user/ticket/"+to.Query().Get("ticket"), "", "Authorization", "")
	if done := h.Ask("GET", "/sign-in?result=success", "").Body.String(); !strings.Contains(done, "Go back to your slicer") || told.MatchString(done) {
		t.Errorf("afterwards: %s", done)
	}
	for _, evil := range []string{"https://evil.example", "http://localhost", "/docs", "javascript:alert(1)", "http://localhost:1@evil.example"} {
		resttest.Told(t, fill(h, "/sign-in", "step", "password", "account", "ann@grove.local", "password", resttest.Password, "redirect_url", evil), 400, 400)
		resttest.Told(t, h.Ask("GET", "/sign-in?redirect_url="+url.QueryEscape(evil), ""), 400, 400)
	}
}

func TestThePageTakesCodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		w := fill(h, "/sign-in", "step", "mail", "account", "ann@grove.local")
		if w.Code != 200 || !strings.Contains(w.Body.String(), `name="code"`) || !strings.Contains(w.Body.String(), `value="ann@grove.local"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		synctest.Wait()
		code := regexp.MustCompile(`code is (\d{6})`).FindStringSubmatch(h.Log.String())[1]
		if w := fill(h, "/sign-in", "step", "code", "account", "ann@grove.local", "code", "nonsense"); w.Code != 400 || !strings.Contains(w.Body.String(), `role="alert"`) || !strings.Contains(w.Body.String(), `name="code"`) {
			t.Errorf("a wrong code: %d %s", w.Code, w.Body)
		}
		if m := slicerMessage(t, fill(h, "/sign-in", "step", "code", "account", "ann@grove.local", "code", code)); m.Data.Token == "" {
			t.Errorf("got %+v", m)
		}
	})
}

func TestThePageAsksForTheAppsCode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		const me = "/v1/grove-service/users/me"
		made := resttest.Call[cloudapi.Data[cloudapi.Enrolment]](t, h, 201, "POST", me+"/totp", fmt.Sprintf(`{"password":%q}`, resttest.Password))
		code := func() string {
			c, err := totp.GenerateCode(string(made.Data.Secret), time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		h.Ask("POST", me+"/totp/confirm", fmt.Sprintf(`{"code":%q}`, code()))
		<-time.After(time.Minute)
		w := fill(h, "/sign-in", "step", "password", "account", "ann@grove.local", "password", resttest.Password)
		key := regexp.MustCompile(`name="key" value="([^"]+)"`).FindStringSubmatch(w.Body.String())
		if w.Code != 200 || key == nil || told.MatchString(w.Body.String()) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w := fill(h, "/sign-in", "step", "totp", "key", key[1], "code", "000000x"); w.Code != 400 || !strings.Contains(w.Body.String(), key[1]) {
			t.Errorf("a wrong code: %d %s", w.Code, w.Body)
		}
		if m := slicerMessage(t, fill(h, "/sign-in", "step", "totp", "key", key[1], "code", code())); m.Data.Token == "" {
			t.Errorf("got %+v", m)
		}
	})
}

func TestThePageSaysWhatIsWrongAndRunsNoForeignWord(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	const evil = `"><script>alert(1)</script>`
	w := fill(h, "/sign-in", "step", "password", "account", evil, "password", "hunter2")
	body := w.Body.String()
	if w.Code != 400 || strings.Contains(body, "<script>") || !strings.Contains(body, `role="alert"`) || strings.Contains(body, "hunter2") {
		t.Errorf("%d %s", w.Code, body)
	}
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", w.Header())
	}
	if regexp.MustCompile(`(?i)<script[^>]*>[^<]|\son[a-z]+=|style=`).MatchString(body) {
		t.Errorf("script or style stands in the page: %s", body)
	}
	resttest.Told(t, h.Ask("POST", "/sign-in", "step=password", "Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"), 403, 403)
	resttest.Told(t, h.Ask("POST", "/sign-in", "a="+strings.Repeat("x", 17<<10), "Content-Type", "application/x-www-form-urlencoded"), 400, 400)
	for _, step := range []string{"", "done", "nonsense"} {
		if w := fill(h, "/sign-in", "step", step); w.Code != 400 {
			t.Errorf("step %q: %d", step, w.Code)
		}
	}
	limited := resttest.New(t, "off,login=1/min")
	fill(limited, "/sign-in", "step", "password", "account", "a@b", "password", "x")
	if w := fill(limited, "/sign-in", "step", "password", "account", "a@b", "password", "x"); w.Code != 429 || w.Header().Get("Retry-After") == "" {
		t.Errorf("too fast: %d %s", w.Code, w.Header())
	}
}

func TestThePageSetsANewPasswordAndMakesAccounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		if w := fill(h, "/sign-in", "step", "forget", "account", "ann@grove.local"); w.Code != 200 || !strings.Contains(w.Body.String(), `value="reset"`) {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		synctest.Wait()
		code := regexp.MustCompile(`code is (\d{6})`).FindStringSubmatch(h.Log.String())[1]
		for password, status := range map[string]int{"short": 400, "another password": 200} {
			if w := fill(h, "/sign-in", "step", "reset", "account", "ann@grove.local", "code", code, "password", password); w.Code != status {
				t.Errorf("%s: %d %s", password, w.Code, w.Body)
			}
			if status == 400 {
				continue
			}
			if m := slicerMessage(t, fill(h, "/sign-in", "step", "password", "account", "ann@grove.local", "password", password)); m.Data.Token == "" {
				t.Errorf("got %+v", m)
			} else {
				h.Token = string(m.Data.Token)
			}
		}
		made := resttest.Call[cloudapi.Data[cloudapi.Invitation]](t, h, 201, "POST", "/v1/grove-service/invitations", `{"email":"bob@grove.local","role":"operator","password":"another password"}`)
		at := strings.TrimPrefix(string(made.Data.Link), resttest.PublicURL)
		if page := h.Ask("GET", at, "", "Authorization", "").Body.String(); !strings.Contains(page, "bob@grove.local") || !strings.Contains(page, string(made.Data.Token)) {
			t.Errorf("invitation: %s", page)
		}
		if w := fill(h, "/sign-in", "step", "accept", "key", string(made.Data.Token), "name", "Bob", "password", "short"); w.Code != 400 || !strings.Contains(w.Body.String(), string(made.Data.Token)) {
			t.Errorf("short password: %d %s", w.Code, w.Body)
		}
		if w := fill(h, "/sign-in", "step", "accept", "key", string(made.Data.Token), "name", "Bob", "password", "a password of bob"); w.Code != 200 || !strings.Contains(w.Body.String(), `value="bob@grove.local"`) {
			t.Errorf("accept: %d %s", w.Code, w.Body)
		}
		slicerMessage(t, fill(h, "/sign-in", "step", "password", "account", "bob@grove.local", "password", "a password of bob"))
		if w := h.Ask("GET", at, ""); w.Code != 404 || !strings.Contains(w.Body.String(), `role="alert"`) {
			t.Errorf("used invitation: %d %s", w.Code, w.Body)
		}
	})
}

func TestTheLanguagesStayAfterAnError(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	w := fill(h, "/sign-in", "step", "password", "account", "ann@grove.local", "password", "wrong", "to", "/queue", "method", "ticket")
	if !strings.Contains(w.Body.String(), `href="?lang=de&amp;method=ticket&amp;to=%2Fqueue"`) {
		t.Errorf("no way to another language: %s", w.Body)
	}
	w = fill(h, "/sign-in", "step", "accept", "key", "abc", "password", "x")
	if !strings.Contains(w.Body.String(), `href="?invitation=abc&amp;lang=zh"`) {
		t.Errorf("nor for who is invited: %s", w.Body)
	}
}

func TestThePageSaysWhereTheCodeIs(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off") // without mail
	for _, step := range []string{"mail", "forget"} {
		body := fill(h, "/sign-in", "step", step, "account", "ann@grove.local").Body.String()
		if strings.Contains(body, "on its way") || !strings.Contains(body, "there is a code of six digits for it now") || !strings.Contains(body, "This server sends no e-mail") {
			t.Errorf("%s: %s", step, body)
		}
	}
}

func TestThePageTellsOfALockInWords(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob, err := h.Access.AddUser(t.Context(), "bob@grove.local", "a password of his", "Bob", "operator")
	if err != nil {
		t.Fatal(err)
	}
	if w := h.Ask("POST", "/v1/grove-service/users/"+strconv.FormatInt(bob.ID, 10)+"/lock", ""); w.Code != 200 {
		t.Fatalf("lock: %d %s", w.Code, w.Body)
	}
	w := fill(h, "/sign-in", "step", "password", "account", "bob@grove.local", "password", "a password of his")
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "This account is locked. Ask an owner") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	refusal := resttest.Refused(t, h, 403, 403, "POST", "/v1/user-service/user/login", `{"account":"bob@grove.local","password":"a password of his"}`, "Authorization", "")
	if refusal.Details.Cause != "account_locked" {
		t.Errorf("programs are told %+v", refusal)
	}
}
