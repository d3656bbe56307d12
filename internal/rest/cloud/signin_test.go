package cloud_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
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
		var answers []string
		for range 8 {
			for _, account := range []string{ann, "nobody@grove.local", "not an address"} {
				w := h.Ask("POST", asking, fmt.Sprintf(`{"email":%q,"type":"codeLogin"}`, account), "Authorization", "")
				answers = append(answers, fmt.Sprint(w.Code, w.Body))
			}
		}
		for _, a := range answers {
			if a != answers[0] || !strings.HasPrefix(a, "200") {
				t.Errorf("answers differ: %q and %q", a, answers[0])
			}
		}
		if sent := codes(t, h); len(sent) != 5 {
			t.Errorf("%d codes were sent", len(sent))
		}
		resttest.Refused(t, h, 400, 400, "POST", asking, `{}`)
	})
}

func TestOnlyOwnersSeeLetters(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob := h.SignIn(t, "bob@grove.local", grove.Member)
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
