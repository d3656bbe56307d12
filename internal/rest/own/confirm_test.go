package own_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// guarded is what would let others in, with a request that is in order.
var guarded = map[string]string{
	"POST " + own + "/keys":                  `{"name":"script","scopes":["printer:read"]}`,
	"POST " + own + "/shares":                `{"device_id":"` + serial + `","role":"viewer"}`,
	"PUT " + own + "/users/{id}/role":        `{"role":"owner"}`,
	"POST " + own + "/users/{id}/lock":       "",
	"POST " + own + "/users/{id}/unlock":     "",
	"GET " + own + "/letters":                "",
	"POST " + own + "/printers/{serial}/pin": "",
	"GET " + own + "/audit/export":           "",
	"POST " + own + "/bridges":               `{"name":"Workshop"}`,
}

const confirming = own + "/users/me/sessions/current/confirm"

// try asks for something guarded, of the next user where it is for another's account.
func try(h *resttest.House, name string, headers ...string) (status int, body string) {
	method, path, _ := strings.Cut(name, " ")
	id := func(n int64) string { return strconv.FormatInt(n, 10) }
	path = strings.NewReplacer("{id}/role", id(h.UserID)+"/role", "{id}", id(h.UserID+1), "{serial}", serial).Replace(path)
	w := h.Ask(method, path, guarded[name], headers...)
	return w.Code, w.Body.String()
}

func TestWhatWouldLetOthersInNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := bound(t)
		if u, err := h.Access.AddUser(t.Context(), "bob@grove.local", "a password of his", "Bob", grove.Operator); err != nil || u.ID != h.UserID+1 {
			t.Fatalf("made %+v, %v", u, err)
		}
		var fresh []string
		for _, r := range h.Routes() {
			if r.Fresh {
				fresh = append(fresh, r.Method+" "+r.Path)
			}
		}
		if len(fresh) != len(guarded) || slices.ContainsFunc(fresh, func(name string) bool { _, ok := guarded[name]; return !ok }) {
			t.Errorf("guarded are %v", fresh)
		}
		all := func(when string, want bool) {
			t.Helper()
			for name := range guarded {
				if status, body := try(h, name); (status/100 == 2) != want || !want && !strings.Contains(body, `"cause":"unconfirmed"`) {
					t.Errorf("%s, %s: %d %s", when, name, status, body)
				}
			}
		}
		all("after the sign-in", true)
		<-time.After(10 * time.Minute)
		all("ten minutes later", false)

		refusal := resttest.Refused(t, h, 403, 403, "GET", own+"/letters", "")
		way := regexp.MustCompile(`POST (/\S+[a-z])`).FindStringSubmatch(refusal.Details.Reason)
		if way == nil {
			t.Fatalf("no way out: %s", refusal.Details.Reason)
		}
		resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", way[1], `{"password":"wrong"}`)
		all("after a wrong password", false)
		until := resttest.Call[cloudapi.Data[cloudapi.SessionConfirmed]](t, h, 200, "POST", way[1], fmt.Sprintf(`{"password":%q}`, resttest.Password)).Data.ConfirmedUntil
		if left := time.Until(until); left > 10*time.Minute || left < 10*time.Minute-time.Second {
			t.Errorf("confirmed for %s", left)
		}
		all("after the right one", true)
		<-time.After(10 * time.Minute)
		all("ten minutes after it", false)

		// What clients of the vendor's cloud do with a token of three months goes on.
		resttest.Call[cloudapi.Envelope](t, h, 200, "DELETE", "/v1/iot-service/api/user/bind?dev_id="+serial, "")
	})
}

// Nobody is asked for their password a minute after they typed it, whatever for.
func TestAProofForAnythingCountsForTenMinutes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := bound(t)
		const letters = "GET " + own + "/letters"
		password := fmt.Sprintf(`"password":%q`, resttest.Password)
		for _, c := range []struct{ name, body string }{
			{"POST /invitations", `"email":"eve@grove.local","role":"viewer",`},
			{"PUT /users/me/security", `"mode":"password",`},
			{"POST /users/me/totp", ""},
		} {
			<-time.After(10 * time.Minute)
			if status, body := try(h, letters); status != http.StatusForbidden {
				t.Fatalf("before %s: %d %s", c.name, status, body)
			}
			method, path, _ := strings.Cut(c.name, " ")
			wrong := "{" + c.body + `"password":"wrong"}`
			resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, method, own+path, wrong)
			if status, body := try(h, letters); status != http.StatusForbidden {
				t.Errorf("after a wrong password for %s: %d %s", c.name, status, body)
			}
			if w := h.Ask(method, own+path, "{"+c.body+password+"}"); w.Code/100 != 2 {
				t.Fatalf("%s: %d %s", c.name, w.Code, w.Body)
			}
			<-time.After(9 * time.Minute)
			if status, body := try(h, letters); status != http.StatusOK {
				t.Errorf("nine minutes after %s: %d %s", c.name, status, body)
			}
		}
	})
}

func TestNoProgramProvesThatItIsAPerson(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	var scopes []string
	for _, s := range grove.Scopes() {
		scopes = append(scopes, fmt.Sprintf("%q", string(s)))
	}
	key := resttest.Call[cloudapi.Data[cloudapi.KeyCreated]](t, h, 201, "POST", own+"/keys",
		fmt.Sprintf(`{"name":"all","all_printers":true,"scopes":[%s]}`, strings.Join(scopes, ","))).Data.Secret
	for name := range guarded {
		if status, body := try(h, name, bearer(string(key))...); status != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	resttest.Refused(t, h, 403, 403, "POST", confirming, fmt.Sprintf(`{"password":%q}`, resttest.Password), bearer(string(key))...)
}

// Who answers at the address of a printer is believed from then on.
func TestAnotherKeyOfAPrinterIsTakenFromAPersonWhoIsThere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		resttest.Call[cloudapi.Data[cloudapi.LANBound]](t, h, 201, "POST", own+"/printers", `{"host":"192.168.1.40","access_code":"12345678"}`)
		const pair, code, key = own + "/printers/" + resttest.Lamp + "/pair", `{"access_code":"abcd1234"}`, `{"new_key":true}`
		bearers := map[bool][]string{}
		for _, reaches := range []bool{false, true} {
			scopes := `"device:bind"`
			if reaches {
				scopes += `,"network:reach"`
			}
			made := resttest.Call[cloudapi.Data[cloudapi.KeyCreated]](t, h, 201, "POST", own+"/keys", `{"name":"x","all_printers":true,"scopes":[`+scopes+`]}`)
			bearers[reaches] = bearer(string(made.Data.Secret))
		}
		resttest.Call[cloudapi.Data[cloudapi.LANBound]](t, h, 200, "POST", pair, code, bearers[false]...)
		resttest.Refused(t, h, 403, 403, "POST", pair, key, bearers[true]...)
		resttest.Refused(t, h, 403, 403, "POST", own+"/printers/discover", `{}`, bearers[false]...)
		resttest.Call[cloudapi.Data[any]](t, h, 200, "POST", own+"/printers/discover", `{}`, bearers[true]...)
		resttest.Call[cloudapi.Data[cloudapi.LANBound]](t, h, 200, "POST", pair, key)
		<-time.After(10 * time.Minute)
		if e := resttest.Refused(t, h, 403, 403, "POST", pair, key); e.Details.Cause != grove.ReasonUnconfirmed {
			t.Errorf("ten minutes later: %+v", e)
		}
		resttest.Call[cloudapi.Data[cloudapi.LANBound]](t, h, 200, "POST", pair, code)
	})
}

// A token that was stolen must not become a fresh session.
func TestNeitherATicketNorARefreshIsAProof(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := bound(t)
		<-time.After(10 * time.Minute)
		ticket := regexp.MustCompile(`"ticket":"([^"]+)"`).FindStringSubmatch(h.Ask("GET", "/v1/user-service/user/ticket", "").Body.String())
		if ticket == nil {
			t.Fatal("no ticket")
		}
		if w := h.Ask("POST", "/v1/user-service/my/ticket/"+ticket[1], "{}"); w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
		handed := resttest.Call[cloudapi.Login](t, h, 200, "POST", "/v1/user-service/user/ticket/"+ticket[1], "{}", "Authorization", "")
		renewed := resttest.Call[cloudapi.Login](t, h, 200, "POST", "/v1/user-service/user/refreshtoken", fmt.Sprintf(`{"refreshToken":%q}`, h.Token))
		for what, token := range map[string]grove.Secret{"ticket": handed.AccessToken, "refresh": renewed.AccessToken} {
			if w := h.Ask("GET", profile, "", bearer(string(token))...); w.Code != 200 {
				t.Fatalf("%s: %d %s", what, w.Code, w.Body)
			}
			for name := range guarded {
				if status, body := try(h, name, bearer(string(token))...); status != http.StatusForbidden {
					t.Errorf("%s, %s: %d %s", what, name, status, body)
				}
			}
		}
	})
}

func TestAnAppIsAskedForAsWell(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h, _ := bound(t)
		password := fmt.Sprintf(`{"password":%q}`, resttest.Password)
		secret := string(resttest.Call[cloudapi.Data[cloudapi.Enrolment]](t, h, 201, "POST", own+"/users/me/totp", password).Data.Secret)
		code := func() string {
			c, err := totp.GenerateCode(secret, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			return c
		}
		confirm := func(code string) string { return fmt.Sprintf(`{"password":%q,"code":%q}`, resttest.Password, code) }
		spare := resttest.Call[cloudapi.Data[cloudapi.RecoveryCodes]](t, h, 200, "POST", own+"/users/me/totp/confirm", `{"code":"`+code()+`"}`).Data.Codes[0]
		<-time.After(10 * time.Minute)
		if e := resttest.Refused(t, h, 400, 400, "POST", confirming, password); e.Details.Cause != grove.ReasonCodeWanted {
			t.Errorf("without a code: %+v", e)
		}
		now := code()
		resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", confirming, strings.Replace(confirm(now), resttest.Password, "wrong", 1))
		resttest.Call[cloudapi.Data[any]](t, h, 200, "POST", confirming, confirm(now)) // it was not used up
		resttest.Refused(t, h, 400, cloudapi.CodeLoginFailed, "POST", confirming, confirm(now))
		resttest.Call[cloudapi.Data[any]](t, h, 200, "POST", confirming, confirm(string(spare)))
		for range 5 {
			resttest.Refused(t, h, 400, cloudapi.CodeLoginFailed, "POST", confirming, confirm("aaaaa-aaaaa"))
		}
		resttest.Refused(t, h, 429, 429, "POST", confirming, confirm(code()))
	})
}

// Who has a token and the password must not get past the app by another door.
func TestNothingThatWantsThePasswordForgetsTheApp(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	password := fmt.Sprintf(`"password":%q`, resttest.Password)
	secret := string(resttest.Call[cloudapi.Data[cloudapi.Enrolment]](t, h, 201, "POST", own+"/users/me/totp", "{"+password+"}").Data.Secret)
	now, err := totp.GenerateCode(secret, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	spare := resttest.Call[cloudapi.Data[cloudapi.RecoveryCodes]](t, h, 200, "POST", own+"/users/me/totp/confirm", `{"code":"`+now+`"}`).Data.Codes
	for i, c := range []struct{ name, body string }{
		{"POST /users/me/totp/remove", ""},
		{"POST /users/me/recovery-codes", ""},
		{"PUT /users/me/security", `"mode":"password",`},
		{"POST /invitations", `"email":"eve@grove.local","role":"owner",`},
		{fmt.Sprintf("POST /users/%d/reset", h.UserID), `"totp":true,`},
		{"PUT /users/me/password", `"new_password":"quite another password",`},
	} {
		method, path, _ := strings.Cut(c.name, " ")
		body := "{" + c.body + password
		e := resttest.Refused(t, h, 400, 400, method, own+path, body+"}")
		if e.Details.Cause != grove.ReasonCodeWanted || e.Details.Fields["code"] != "is required" {
			t.Errorf("%s without a code: %+v", c.name, e.Details)
		}
		if i == 1 {
			spare = resttest.Call[cloudapi.Data[cloudapi.RecoveryCodes]](t, h, 200, method, own+path, fmt.Sprintf(`%s,"code":%q}`, body, string(spare[0]))).Data.Codes
		}
	}
	if s := resttest.Call[cloudapi.Data[cloudapi.Security]](t, h, 200, "GET", own+"/users/me/security", "").Data; !s.TOTP || s.RecoveryCodes != 10 {
		t.Errorf("after the refusals: %+v", s)
	}
	resttest.Call[cloudapi.Data[any]](t, h, 200, "POST", own+"/users/me/totp/remove", fmt.Sprintf(`{%s,"code":%q}`, password, string(spare[0])))
	if s := resttest.Call[cloudapi.Data[cloudapi.Security]](t, h, 200, "GET", own+"/users/me/security", "").Data; s.TOTP {
		t.Errorf("after the code: %+v", s)
	}
}

// Guesses by somebody who has a token are guesses at the account.
func TestWrongProofsSlowTheAccountDown(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	for range 5 {
		resttest.Refused(t, h, 400, cloudapi.CodeIncorrect, "POST", confirming, `{"password":"wrong"}`)
	}
	resttest.Refused(t, h, 429, 429, "POST", confirming, fmt.Sprintf(`{"password":%q}`, resttest.Password))
	resttest.Refused(t, h, 429, 429, "POST", logins, loginBody("ann@grove.local", resttest.Password))
}
