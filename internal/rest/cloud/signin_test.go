package cloud_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

const refreshing = user + "/user/refreshtoken"

func refreshBody(token string) string { return fmt.Sprintf(`{"refreshToken":%q}`, token) }

func TestARefreshTokenGivesANewPairUntilTheLogout(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	old := h.Token
	got := resttest.Call[cloudapi.Login](t, h, 200, "POST", refreshing, refreshBody(old), "Authorization", "", "Content-Type", "text/plain")
	fresh := string(got.AccessToken)
	if fresh == "" || fresh == old || got.RefreshToken == "" || got.ExpiresIn != 7776000 || got.RefreshExpiresIn != 7776000 {
		t.Fatalf("got %+v", got)
	}
	for _, token := range []string{old, fresh} {
		resttest.Call[cloudapi.Profile](t, h, 200, "GET", user+"/my/profile", "", "Authorization", "Bearer "+token)
	}
	h.Ask("POST", user+"/my/logout", `{"refreshtoken":""}`, "Authorization", "Bearer "+fresh)
	for _, token := range []string{old, fresh} {
		resttest.Refused(t, h, 401, cloudapi.CodeInvalidToken, "GET", user+"/my/profile", "", "Authorization", "Bearer "+token)
		resttest.Refused(t, h, 401, cloudapi.CodeInvalidToken, "POST", refreshing, refreshBody(token), "Authorization", "")
	}
}

func TestWhatIsNoRefreshTokenIs401(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for body, code := range map[string]int{``: 401, `{}`: 401, refreshBody(""): 401, refreshBody("nonsense"): 1001, refreshBody(h.Token + "x"): 1001} {
		resttest.Refused(t, h, 401, code, "POST", refreshing, body, "Authorization", "")
	}
}

const (
	loggingIn = user + "/user/login"
	asking    = user + "/user/sendemail/code"
	ownAPI    = "/v1/grove-service"
	ann       = "ann@grove.local"
)

var sixDigits = regexp.MustCompile(`code is (\d{6})`)

// codes are the codes on the board, newest first.
func codes(t *testing.T, h *resttest.House) []string {
	t.Helper()
	synctest.Wait() // for whoever grants wishes
	var all []string
	for _, l := range resttest.Call[cloudapi.Data[[]cloudapi.Letter]](t, h, 200, "GET", ownAPI+"/letters", "").Data {
		if m := sixDigits.FindStringSubmatch(l.Text); m != nil && l.To == ann {
			all = append(all, m[1])
		}
	}
	return all
}

func byCode(code string) string { return fmt.Sprintf(`{"account":"Ann@Grove.local","code":%q}`, code) }

func byPassword() string {
	return fmt.Sprintf(`{"account":"ann@grove.local","password":%q,"apiError":""}`, resttest.Password)
}

func setMode(t *testing.T, h *resttest.House, mode string) {
	t.Helper()
	body := fmt.Sprintf(`{"mode":%q,"password":%q}`, mode, resttest.Password)
	got := resttest.Call[cloudapi.Data[cloudapi.Security]](t, h, 200, "PUT", ownAPI+"/users/me/security", body)
	if string(got.Data.Mode) != mode || got.Data.TOTP || got.Data.Mail {
		t.Fatalf("security %+v", got.Data)
	}
}

func TestAPasswordAloneIsNotEnoughWhereACodeIsWanted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		setMode(t, h, "code")
		w := h.Ask("POST", loggingIn, byPassword(), "Authorization", "")
		const want = `{"accessToken":"","refreshToken":"","expiresIn":0,"refreshExpiresIn":0,"tfaKey":"","accessMethod":"","loginType":"verifyCode","success":false}`
		if got := strings.TrimSpace(w.Body.String()); w.Code != 200 || got != want {
			t.Fatalf("got %d %s, want %s", w.Code, got, want)
		}
		sent := codes(t, h) // by that very answer
		if len(sent) != 1 {
			t.Fatalf("codes %v", sent)
		}
		e := resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", loggingIn, byCode(other(sent[0])), "Authorization", "")
		if e.Name != "Incorrect code" {
			t.Errorf("a wrong code: %+v", e)
		}
		got := resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byCode(sent[0]), "Authorization", "")
		if got.AccessToken == "" || !got.Success || got.LoginType != "" || got.TFAKey != "" {
			t.Errorf("got %+v", got)
		}
		resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", loggingIn, byCode(sent[0]), "Authorization", "")
		setMode(t, h, "password")
		if got := resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byPassword()); got.AccessToken == "" {
			t.Errorf("back to the password: %+v", got)
		}
	})
}

// other is six digits that are not these.
func other(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestSeveralCodesCountForTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		for _, c := range [][2]string{
			{asking, `{"email":"ann@grove.local","type":"codeLogin"}`},
			{"/api" + user + "/user/sendsmscode", `{"phone":"ann@grove.local","type":"codeLogin"}`},
			{user + "/user/sendsms/code", `{"phone":"ann@grove.local"}`},
		} {
			if got := resttest.Call[cloudapi.CodeSent](t, h, 200, "POST", c[0], c[1], "Authorization", ""); !got.Success {
				t.Errorf("%s: %+v", c[0], got)
			}
		}
		sent := codes(t, h)
		if len(sent) != 3 {
			t.Fatalf("codes %v", sent)
		}
		<-time.After(10*time.Minute - time.Second)
		resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byCode(sent[2]))
		resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byCode(sent[0][:3]+" "+sent[0][3:]))
		<-time.After(time.Second)
		e := resttest.Refused(t, h, 400, cloudapi.CodeExpiredCode, "POST", loggingIn, byCode(sent[1]))
		if e.Name != "Code expired" {
			t.Errorf("too old: %+v", e)
		}
		resttest.Call[cloudapi.Data[any]](t, h, 200, "POST", rest.ConfirmPath, fmt.Sprintf(`{"password":%q}`, resttest.Password))
		if left := codes(t, h); len(left) != 0 {
			t.Errorf("still shown: %v", left)
		}
	})
}

func TestACodeDiesOfFiveGuesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		h.Ask("POST", asking, `{"email":"ann@grove.local"}`)
		sent := codes(t, h)[0]
		for range 5 {
			resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", loggingIn, byCode(other(sent)))
		}
		resttest.Refused(t, h, 429, 429, "POST", loggingIn, byCode(sent)) // guessing slows down as well
		<-time.After(time.Minute)
		resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", loggingIn, byCode(sent))
	})
}

func TestAskingForCodesTellsNothingAndHasAnEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		if _, err := h.Access.AddUser(t.Context(), "bob@grove.local", resttest.Password, "Bob", grove.Operator); err != nil {
			t.Fatal(err)
		}
		var answers []string
		for range 6 {
			for _, account := range []string{"bob@grove.local", "nobody@grove.local", "not an address"} {
				w := h.Ask("POST", asking, fmt.Sprintf(`{"email":%q,"type":"codeLogin"}`, account), "Authorization", "")
				answers = append(answers, fmt.Sprint(w.Code, w.Body))
			}
		}
		for _, a := range answers {
			if a != answers[0] || !strings.HasPrefix(a, "200") {
				t.Errorf("answers differ: %q and %q", a, answers[0])
			}
		}
		// Strangers at the same address do not touch ann, who is known there, and has an end too.
		setMode(t, h, "code")
		for range 30 {
			h.Ask("POST", asking, `{"email":"ann@grove.local"}`)
			synctest.Wait()
		}
		if sent := codes(t, h); len(sent) != 30 {
			t.Errorf("%d codes were sent to ann", len(sent))
		}
		if n := strings.Count(h.Log.String(), "account=bob@grove.local"); n != 5 {
			t.Errorf("%d codes were sent to bob", n)
		}
		resttest.Refused(t, h, 429, 429, "POST", loggingIn, byPassword())
		<-time.After(5 * time.Minute)
		if got := resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byPassword()); got.LoginType != "verifyCode" {
			t.Errorf("after the wait: %+v", got)
		}
		resttest.Refused(t, h, 400, 400, "POST", asking, `{}`)
	})
}

func TestOnlyOwnersSeeLetters(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob := h.SignIn(t, "bob@grove.local", grove.Operator)
	resttest.Refused(t, h, 403, 403, "GET", ownAPI+"/letters", "", "Authorization", "Bearer "+bob)
}

func TestTheCodeIsInTheLogWhereNoMailIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		h.Ask("POST", asking, `{"email":"ann@grove.local"}`)
		if sent := codes(t, h)[0]; !strings.Contains(h.Log.String(), "code is "+sent) {
			t.Errorf("the log has no code %s", sent)
		}
	})
}

func TestAForeignPageSignsNobodyIn(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	for name, c := range map[string]struct {
		status  int
		headers []string
	}{
		"a program":          {200, nil},
		"this server's page": {200, []string{"Origin", "http://example.com", "Sec-Fetch-Site", "same-origin"}},
		"an older browser":   {200, []string{"Origin", "http://example.com"}},
		"another page":       {403, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}},
		"a page in a frame":  {403, []string{"Origin", "null"}},
	} {
		if w := h.Ask("POST", loggingIn, byPassword(), c.headers...); w.Code != c.status {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

// app is an authenticator app.
type app struct{ secret string }

// code is what the app shows at a time.
func (a app) code(t *testing.T, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(a.secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func proof() string { return fmt.Sprintf(`{"password":%q}`, resttest.Password) }

func proofWith(code string) string {
	return fmt.Sprintf(`{"password":%q,"code":%q}`, resttest.Password, code)
}

// withApp switches an authenticator app on.
func withApp(t *testing.T, h *resttest.House) (a app, recovery []string) {
	t.Helper()
	made := resttest.Call[cloudapi.Data[cloudapi.Enrolment]](t, h, 201, "POST", ownAPI+"/users/me/totp", proof())
	a = app{string(made.Data.Secret)}
	if u, err := url.Parse(string(made.Data.URL)); err != nil || u.Scheme != "otpauth" || u.Query().Get("secret") != a.secret || u.Query().Get("issuer") == "" {
		t.Errorf("URL %q, %v", string(made.Data.URL), err)
	}
	if got := resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byPassword()); got.AccessToken == "" {
		t.Errorf("asked for a code before the app was seen to work: %+v", got)
	}
	e := resttest.Refused(t, h, 400, 400, "POST", ownAPI+"/users/me/totp/confirm", `{"code":"000000"}`)
	if e.Details.Fields["code"] == "" {
		t.Errorf("a wrong code: %+v", e)
	}
	body := fmt.Sprintf(`{"code":%q}`, a.code(t, time.Now()))
	got := resttest.Call[cloudapi.Data[cloudapi.RecoveryCodes]](t, h, 200, "POST", ownAPI+"/users/me/totp/confirm", body)
	for _, c := range got.Data.Codes {
		recovery = append(recovery, string(c))
	}
	<-time.After(time.Minute) // the code of now was used
	return a, recovery
}

// first is the first step of a login with an app; it gives the key.
func first(t *testing.T, h *resttest.House) string {
	t.Helper()
	got := resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byPassword(), "Authorization", "")
	if got.LoginType != "tfa" || got.TFAKey == "" || got.AccessToken != "" || got.Success {
		t.Fatalf("first step: %+v", got)
	}
	return string(got.TFAKey)
}

func second(key, code string) string { return fmt.Sprintf(`{"tfaKey":%q,"tfaCode":%q}`, key, code) }

func TestTheSecondStepAnswersAtThreePathsInCookieAndJSON(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		a, _ := withApp(t, h)
		for _, path := range []string{"/api/sign-in/tfa", user + "/user/tfa", user + "/user/tfa/login"} {
			key := first(t, h)
			w := h.Ask("POST", path, second(key, a.code(t, time.Now())), "Authorization", "", "Content-Type", "")
			var got cloudapi.Login
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || got.AccessToken == "" || got.RefreshToken == "" || got.ExpiresIn != 7776000 {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
			cookies := w.Result().Cookies()
			if len(cookies) != 1 || cookies[0].Name != "token" || cookies[0].Value != string(got.AccessToken) ||
				cookies[0].Path != "/" || cookies[0].Domain != "" || !cookies[0].HttpOnly {
				t.Errorf("%s: cookies %v", path, cookies)
			}
			resttest.Call[cloudapi.Profile](t, h, 200, "GET", user+"/my/profile", "", "Authorization", "Bearer "+string(got.AccessToken))
			<-time.After(30 * time.Second)
			resttest.Refused(t, h, 400, cloudapi.CodeLoginFailed, "POST", path, second(key, a.code(t, time.Now()))) // the key was used
			<-time.After(30 * time.Second)
		}
	})
}

func TestASecondStepFailsWhateverIsWrong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		a, _ := withApp(t, h)
		refused := func(what, body string) {
			t.Helper()
			e := resttest.Refused(t, h, 400, 5, "POST", "/api/sign-in/tfa", body, "Authorization", "")
			if e.Name != "Login failed" {
				t.Errorf("%s: %+v", what, e)
			}
		}
		key := first(t, h)
		refused("no key", second("", a.code(t, time.Now())))
		refused("no code", second(key, ""))
		refused("made-up key", second("made-up", a.code(t, time.Now())))
		refused("wrong code", second(key, other(a.code(t, time.Now()))))
		refused("old code", second(key, a.code(t, time.Now().Add(-2*time.Minute))))
		resttest.Call[cloudapi.Login](t, h, 200, "POST", "/api/sign-in/tfa", second(key, a.code(t, time.Now().Add(-30*time.Second))))
		key = first(t, h)
		refused("code used before", second(key, a.code(t, time.Now().Add(-30*time.Second))))
		<-time.After(5 * time.Minute)
		refused("old key", second(key, a.code(t, time.Now())))
		key = first(t, h)
		for range 5 {
			refused("guesses", second(key, "12345-67890"))
			<-time.After(15 * time.Second) // longer than guessing slows down
		}
		refused("key that was guessed with", second(key, a.code(t, time.Now())))
	})
}

func TestGuessingSecondCodesSlowsDownOverManyKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		a, _ := withApp(t, h)
		for range 6 {
			h.Ask("POST", "/api/sign-in/tfa", second(first(t, h), other(a.code(t, time.Now()))))
		}
		resttest.Refused(t, h, 429, 429, "POST", "/api/sign-in/tfa", second(first(t, h), a.code(t, time.Now())))
	})
}

func TestARecoveryCodeWorksOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		a, recovery := withApp(t, h)
		if len(recovery) != 10 {
			t.Fatalf("%d recovery codes", len(recovery))
		}
		resttest.Call[cloudapi.Login](t, h, 200, "POST", user+"/user/tfa", second(first(t, h), strings.ToUpper(recovery[3])))
		resttest.Refused(t, h, 400, 5, "POST", user+"/user/tfa", second(first(t, h), recovery[3]))
		s := resttest.Call[cloudapi.Data[cloudapi.Security]](t, h, 200, "GET", ownAPI+"/users/me/security", "").Data
		if !s.TOTP || s.RecoveryCodes != 9 {
			t.Errorf("security %+v", s)
		}
		fresh := resttest.Call[cloudapi.Data[cloudapi.RecoveryCodes]](t, h, 200, "POST", ownAPI+"/users/me/recovery-codes", proofWith(recovery[4])).Data.Codes
		resttest.Refused(t, h, 400, 5, "POST", user+"/user/tfa", second(first(t, h), recovery[0]))
		resttest.Call[cloudapi.Login](t, h, 200, "POST", user+"/user/tfa", second(first(t, h), string(fresh[0])))
		resttest.Refused(t, h, 409, 409, "POST", ownAPI+"/users/me/totp", proofWith(string(fresh[1])))
		resttest.Refused(t, h, 400, 2, "POST", ownAPI+"/users/me/totp/remove", `{"password":"wrong"}`)
		h.Ask("POST", ownAPI+"/users/me/totp/remove", proofWith(string(fresh[2])))
		if got := resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byPassword()); got.AccessToken == "" {
			t.Errorf("after the app was removed: %+v", got)
		}
		for _, text := range append(recovery, a.secret, resttest.Password) {
			if strings.Contains(h.Log.String(), text) {
				t.Errorf("the log has %q", text)
			}
		}
	})
}

func TestACodeFromAMailIsNoWayAroundTheApp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		withApp(t, h)
		h.Ask("POST", asking, `{"email":"ann@grove.local"}`)
		got := resttest.Call[cloudapi.Login](t, h, 200, "POST", loggingIn, byCode(codes(t, h)[0]))
		if got.LoginType != "tfa" || got.AccessToken != "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTheWebsitesFormSetsTheCookie(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	w := h.Ask("POST", "/api/sign-in/form", byPassword(), "Authorization", "")
	if c := w.Result().Cookies(); w.Code != 200 || len(c) != 1 || c[0].Name != "token" || !strings.Contains(w.Body.String(), c[0].Value) {
		t.Errorf("got %d %v %s", w.Code, c, w.Body)
	}
	resttest.Refused(t, h, 400, 2, "POST", "/api/sign-in/form", `{"account":"ann@grove.local","password":"wrong"}`)
}

func TestTheCSRFCookieIsThereForThoseWhoWantIt(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	w := h.Ask("GET", "/api/csrf", "", "Authorization", "")
	c := w.Result().Cookies()
	if w.Code != 204 || w.Body.Len() != 0 || len(c) != 1 || c[0].Name != "bbl_csrf_token" || len(c[0].Value) < 20 || c[0].Path != "/" || c[0].Domain != "" {
		t.Fatalf("got %d %v %s", w.Code, c, w.Body)
	}
	ask := func(headers ...string) int { return h.Ask("POST", "/api/sign-in/form", byPassword(), headers...).Code }
	if got := ask("Cookie", "bbl_csrf_token="+c[0].Value, "X-Bbl-Csrf-Token", c[0].Value); got != 200 {
		t.Errorf("with cookie and header: %d", got)
	}
	if got := ask("Cookie", "bbl_csrf_token="+c[0].Value, "X-Bbl-Csrf-Token", "another"); got != 403 {
		t.Errorf("with a header that is not the cookie: %d", got)
	}
}
