package own_test

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

const (
	own     = "/v1/grove-service"
	logins  = "/v1/user-service/user/login"
	profile = "/v1/user-service/my/profile"
)

func loginBody(email, password string) string {
	return fmt.Sprintf(`{"account":%q,"password":%q}`, email, password)
}

func bearer(token string) []string { return []string{"Authorization", "Bearer " + token} }

func invite(t *testing.T, h *resttest.House, email string) cloudapi.Invitation {
	t.Helper()
	body := fmt.Sprintf(`{"email":%q,"role":"operator","password":%q}`, email, resttest.Password)
	return resttest.Call[cloudapi.Data[cloudapi.Invitation]](t, h, 201, "POST", own+"/invitations", body).Data
}

func acceptBody(token grove.Secret, password string) string {
	return fmt.Sprintf(`{"token":%q,"password":%q,"name":"Bob"}`, string(token), password)
}

func TestAnInvitationMakesOneAccount(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		i := invite(t, h, " Bob@Grove.local")
		if i.Email != "bob@grove.local" || string(i.Link) != resttest.PublicURL+"/sign-in?invitation="+string(i.Token) || i.Mailed {
			t.Errorf("invitation %+v", i)
		}
		if list := resttest.Call[cloudapi.Data[[]cloudapi.Invitation]](t, h, 200, "GET", own+"/invitations", "").Data; len(list) != 1 || list[0].Token != "" || list[0].Link != "" {
			t.Errorf("list %+v", list)
		}
		e := resttest.Refused(t, h, 400, 400, "POST", own+"/invitations/accept", acceptBody(i.Token, "short"), "Authorization", "")
		if e.Details.Fields["password"] == "" {
			t.Errorf("short password: %+v", e)
		}
		u := resttest.Call[cloudapi.Data[grove.User]](t, h, 201, "POST", own+"/invitations/accept", acceptBody(i.Token, "a password of bob"), "Authorization", "").Data
		if u.Email != "bob@grove.local" || u.Role != grove.Operator || u.Name != "Bob" {
			t.Errorf("user %+v", u)
		}
		resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("bob@grove.local", "a password of bob"))
		resttest.Refused(t, h, 404, 404, "POST", own+"/invitations/accept", acceptBody(i.Token, "a password of eve"))
		resttest.Refused(t, h, 409, 409, "POST", own+"/invitations", fmt.Sprintf(`{"email":"bob@grove.local","role":"operator","password":%q}`, resttest.Password))

		back := invite(t, h, "back@grove.local")
		h.Ask("DELETE", own+"/invitations/"+back.ID, "")
		resttest.Refused(t, h, 404, 404, "POST", own+"/invitations/accept", acceptBody(back.Token, "a password of bob"))
		resttest.Refused(t, h, 404, 404, "DELETE", own+"/invitations/"+back.ID, "")
		if strings.Contains(h.Log.String(), string(back.Token)) {
			t.Error("the log has an invitation")
		}
	})
}

func TestOnlyOwnersWithTheirPasswordInvite(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob := bearer(h.SignIn(t, "bob@grove.local", grove.Operator))
	good := fmt.Sprintf(`{"email":"c@grove.local","role":"operator","password":%q}`, resttest.Password)
	resttest.Refused(t, h, 403, 403, "POST", own+"/invitations", good, bob...)
	resttest.Refused(t, h, 403, 403, "GET", own+"/invitations", "", bob...)
	resttest.Refused(t, h, 403, 403, "GET", own+"/users", "", bob...)
	resttest.Refused(t, h, 403, 403, "POST", own+"/users/1000001/reset", fmt.Sprintf(`{"password":%q}`, resttest.Password), bob...)
	resttest.Refused(t, h, 400, 2, "POST", own+"/invitations", `{"email":"c@grove.local","role":"operator","password":"wrong"}`)
	resttest.Refused(t, h, 400, 400, "POST", own+"/invitations", fmt.Sprintf(`{"email":"c@grove.local","role":"king","password":%q}`, resttest.Password))
	resttest.Refused(t, h, 400, 400, "POST", own+"/invitations", fmt.Sprintf(`{"email":"nobody","role":"operator","password":%q}`, resttest.Password))
	if list := resttest.Call[cloudapi.Data[[]grove.User]](t, h, 200, "GET", own+"/users", ""); len(list.Data) != 2 || list.Data[0].Email != "bob@grove.local" {
		t.Errorf("users %+v", list)
	}
}

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	other := string(resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("ann@grove.local", resttest.Password)).AccessToken)
	resttest.Refused(t, h, 400, 2, "PUT", own+"/users/me/password", `{"password":"wrong","new_password":"another password"}`)
	resttest.Refused(t, h, 400, 400, "PUT", own+"/users/me/password", fmt.Sprintf(`{"password":%q,"new_password":"short"}`, resttest.Password))
	if w := h.Ask("PUT", own+"/users/me/password", fmt.Sprintf(`{"password":%q,"new_password":"another password"}`, resttest.Password)); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	resttest.Call[cloudapi.Profile](t, h, 200, "GET", profile, "")
	resttest.Refused(t, h, 401, 1001, "GET", profile, "", bearer(other)...)
	resttest.Refused(t, h, 400, 2, "POST", logins, loginBody("ann@grove.local", resttest.Password))
	resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("ann@grove.local", "another password"))
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	var tokens []string
	for _, agent := range []string{"phone", "tablet"} {
		got := resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("ann@grove.local", resttest.Password), "User-Agent", agent)
		tokens = append(tokens, string(got.AccessToken))
	}
	list := resttest.Call[cloudapi.Data[[]cloudapi.OpenSession]](t, h, 200, "GET", own+"/users/me/sessions", "").Data
	byAgent := map[string]cloudapi.OpenSession{}
	for _, s := range list {
		byAgent[s.Client] = s
	}
	if len(list) != 3 || byAgent["phone"].Current || !byAgent[""].Current {
		t.Fatalf("sessions %+v", list)
	}
	if here := byAgent[""]; here.UsedAt.IsZero() || here.UsedOver != grove.OverHTTP || here.UsedFrom == "" || !byAgent["phone"].UsedAt.IsZero() {
		t.Errorf("used last: %+v", list)
	}
	bob := bearer(h.SignIn(t, "bob@grove.local", grove.Owner))
	resttest.Refused(t, h, 404, 404, "DELETE", own+"/users/me/sessions/"+byAgent["phone"].ID, "", bob...)
	h.Ask("DELETE", own+"/users/me/sessions/"+byAgent["phone"].ID, "")
	resttest.Refused(t, h, 401, 1001, "GET", profile, "", bearer(tokens[0])...)
	resttest.Call[cloudapi.Profile](t, h, 200, "GET", profile, "", bearer(tokens[1])...)
	h.Ask("POST", own+"/users/me/sessions/end-others", "")
	resttest.Refused(t, h, 401, 1001, "GET", profile, "", bearer(tokens[1])...)
	resttest.Call[cloudapi.Profile](t, h, 200, "GET", profile, "")
	resttest.Call[cloudapi.Profile](t, h, 200, "GET", profile, "", bob...)
	resttest.Refused(t, h, 404, 404, "DELETE", own+"/users/me/sessions/ses_none", "")
}

func resetBody(code, password string) string {
	return fmt.Sprintf(`{"email":"ann@grove.local","code":%q,"new_password":%q}`, code, password)
}

func TestAForgottenPasswordIsSetAnewByCode(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		for _, email := range []string{"ann@grove.local", "nobody@grove.local"} {
			if w := h.Ask("POST", own+"/password-reset/code", fmt.Sprintf(`{"email":%q}`, email), "Authorization", ""); w.Code != 200 {
				t.Errorf("%s: %d %s", email, w.Code, w.Body)
			}
		}
		synctest.Wait()
		code := regexp.MustCompile(`code is (\d{6})`).FindStringSubmatch(h.Log.String())[1]
		// A code for a new password signs nobody in.
		resttest.Refused(t, h, 400, 2, "POST", logins, fmt.Sprintf(`{"account":"ann@grove.local","code":%q}`, code))
		resttest.Refused(t, h, 400, 400, "POST", own+"/password-reset", resetBody(code, "short"), "Authorization", "")
		resttest.Refused(t, h, 400, 2, "POST", own+"/password-reset", resetBody("1234567", "another password"), "Authorization", "")
		if w := h.Ask("POST", own+"/password-reset", resetBody(code, "another password"), "Authorization", ""); w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		resttest.Refused(t, h, 401, 1001, "GET", profile, "")
		resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("ann@grove.local", "another password"))
		resttest.Refused(t, h, 400, 2, "POST", own+"/password-reset", resetBody(code, "a third password"))
	})
}

func TestAnOwnerHelpsWhoLostEverything(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	h.SignIn(t, "bob@grove.local", grove.Operator)
	bob, err := h.DB.UserByEmail(t.Context(), "bob@grove.local")
	if err != nil {
		t.Fatal(err)
	}
	lost := func(s *grove.SignIn) error { s.TOTPSecret, s.TOTPSince = "JBSWY3DPEHPK3PXP", time.Now(); return nil }
	if _, err := h.DB.UpdateSignIn(t.Context(), bob.ID, lost); err != nil {
		t.Fatal(err)
	}
	at := fmt.Sprintf("%s/users/%d/reset", own, bob.ID)
	resttest.Refused(t, h, 400, 2, "POST", at, `{"password":"wrong"}`)
	resttest.Refused(t, h, 404, 404, "POST", own+"/users/5/reset", fmt.Sprintf(`{"password":%q}`, resttest.Password))
	got := resttest.Call[cloudapi.Data[cloudapi.ResetCode]](t, h, 200, "POST", at, fmt.Sprintf(`{"password":%q,"totp":true}`, resttest.Password)).Data
	body := fmt.Sprintf(`{"email":"bob@grove.local","code":%q,"new_password":"another password"}`, string(got.Code))
	if w := h.Ask("POST", own+"/password-reset", body, "Authorization", ""); w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if in := resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("bob@grove.local", "another password")); in.AccessToken == "" {
		t.Errorf("got %+v", in)
	}
}
