package cloud_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// boundTicket is a ticket that was bound as the slicer does it.
func boundTicket(t *testing.T, h *resttest.House) string {
	t.Helper()
	made := resttest.Call[cloudapi.Ticket](t, h, 200, "GET", user+"/user/ticket", "")
	ticket := string(made.Ticket)
	if ticket == "" || made.Pincode != made.Ticket {
		t.Fatalf("got %+v", made)
	}
	if w := h.Ask("POST", user+"/my/ticket/"+ticket, `{"ticket":"`+ticket+`"}`); w.Code != 200 || w.Body.Len() != 0 {
		t.Fatalf("bind: %d %s", w.Code, w.Body)
	}
	return ticket
}

func TestATicketHandsASessionOverOnce(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	ticket := boundTicket(t, h)
	if got := resttest.Call[cloudapi.TicketState](t, h, 200, "GET", user+"/my/ticket/"+ticket, ""); !got.Valid {
		t.Errorf("state %+v", got)
	}
	w := h.Ask("POST", user+"/user/ticket/"+ticket, `{"ticket":"`+ticket+`"}`, "Authorization", "")
	var got map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, key := range []string{"accessToken", "refreshToken", "expiresIn", "refreshExpiresIn", "tfaKey", "accessMethod", "loginType", "firstAppLogin"} {
		if _, there := got[key]; !there {
			t.Errorf("no %s in %s", key, w.Body)
		}
	}
	token, _ := got["accessToken"].(string)
	if got["accessMethod"] != "ticket" || got["tfaKey"] != "" || token == "" || token == h.Token {
		t.Errorf("got %s", w.Body)
	}
	who := resttest.Call[cloudapi.Profile](t, h, 200, "GET", user+"/my/profile", "", "Authorization", "Bearer "+token)
	if who.UID != h.UserID {
		t.Errorf("signed in as %d", who.UID)
	}
	resttest.Refused(t, h, 400, 400, "POST", user+"/user/ticket/"+ticket, "", "Authorization", "")
	if got := resttest.Call[cloudapi.TicketState](t, h, 200, "GET", user+"/my/ticket/"+ticket, ""); got.Valid {
		t.Error("a used ticket is valid")
	}
	if strings.Contains(h.Log.String(), ticket) {
		t.Error("the ticket is in the log")
	}
}

func TestTicketsThatOpenNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
		loose := string(resttest.Call[cloudapi.Ticket](t, h, 200, "GET", user+"/user/ticket", "").Ticket)
		resttest.Refused(t, h, 400, 400, "POST", user+"/user/ticket/"+loose, "")
		resttest.Refused(t, h, 404, 404, "POST", user+"/my/ticket/"+loose, "", bob...)
		resttest.Refused(t, h, 404, 404, "POST", user+"/my/ticket/A1B2C3", "")
		resttest.Refused(t, h, 400, 400, "POST", user+"/user/ticket/A1B2C3", "")
		late := boundTicket(t, h)
		<-time.After(5 * time.Minute)
		resttest.Refused(t, h, 400, 400, "POST", user+"/user/ticket/"+late, "")
		ended := boundTicket(t, h)
		h.Ask("POST", user+"/my/logout", "")
		resttest.Refused(t, h, 400, 400, "POST", user+"/user/ticket/"+ended, "")
		for range 20 {
			h.Ask("POST", user+"/user/ticket/guess", "")
		}
		resttest.Refused(t, h, 429, 429, "POST", user+"/user/ticket/guess", "")
	})
}

func TestATicketSignsABrowserInAndLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	enter := func(to, ticket string) (status int, location, token, browser string) {
		w := h.Ask("GET", "/api/sign-in/ticket?to="+url.QueryEscape(to)+"&ticket="+ticket, "", "Authorization", "")
		for _, c := range w.Result().Cookies() {
			switch {
			case c.Path != "/" || c.Domain != "" || !c.HttpOnly:
			case c.Name == "token":
				token = c.Value
			case c.Name == rest.DashboardCookie:
				browser = c.Value
			}
		}
		return w.Code, w.Header().Get("Location"), token, browser
	}
	for _, to := range []string{"/docs?a=b", "http://localhost:13618/?x=1", "http://127.0.0.1:13618/", "http://example.com/docs"} {
		status, location, token, browser := enter(to, boundTicket(t, h))
		if status != 307 || location != to || token == "" {
			t.Errorf("%s: %d %q %q", to, status, location, token)
		}
		if w := h.Ask("GET", "/", "", "Authorization", "", "Cookie", rest.DashboardCookie+"="+browser); w.Code != 200 {
			t.Errorf("%s: the dashboard answers %d", to, w.Code)
		}
	}
	ticket := boundTicket(t, h)
	for _, to := range []string{
		"https://evil.example/", "//evil.example/", `/\evil.example`, "/\t/evil.example", "http://localhost/", "http://localhost.evil.example:80/",
		"http://localhost:80@evil.example/", "javascript:alert(1)", "evil", "https://localhost:13618/",
	} {
		if status, location, token, browser := enter(to, ticket); status != 400 || location != "" || token+browser != "" {
			t.Errorf("%s: %d %q %q %q", to, status, location, token, browser)
		}
	}
	if status, location, _, _ := enter("", ticket); status != 307 || location != "/" {
		t.Errorf("the ticket was used up by what was refused: %d %q", status, location)
	}
	if strings.Contains(h.Log.String(), ticket) {
		t.Error("the ticket is in the log")
	}
}

// offered is a fresh PIN of the printer 01P00A000000001, which is bound first if need be.
func offered(t *testing.T, h *resttest.House, headers ...string) string {
	t.Helper()
	made := resttest.Call[cloudapi.Data[cloudapi.PrinterPIN]](t, h, 201, "POST", "/v1/grove-service/printers/01P00A000000001/pin", "", headers...)
	if left := time.Until(made.Data.ExpiresAt); len(made.Data.PIN) != 6 || made.Data.DeviceID != "01P00A000000001" || left > 10*time.Minute || left < 9*time.Minute {
		t.Fatalf("got %+v", made.Data)
	}
	return string(made.Data.PIN)
}

func TestAPINBindsAPrinterToWhoeverTypesItOnce(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	vera := []string{"Authorization", "Bearer " + h.SignIn(t, "vera@grove.local", grove.Viewer)}
	resttest.Call[cloudapi.Bound](t, h, 200, "POST", "/v1/iot-service/api/user/bind", `{"device_id":"01P00A000000001","device_name":"Bench"}`)
	resttest.Refused(t, h, 404, 1003, "POST", "/v1/grove-service/printers/01P00A000000001/pin", "", bob...)
	resttest.Refused(t, h, 404, 404, "POST", user+"/my/pincode/A3GK8R", `{"pincode":"A3GK8R"}`, bob...)
	pin := offered(t, h)
	typed := strings.ToLower(pin[:3]) + "-" + pin[3:]
	resttest.Refused(t, h, 403, 403, "POST", user+"/my/pincode/"+pin, "", vera...)
	got := resttest.Call[cloudapi.Paired](t, h, 200, "POST", user+"/my/pincode/"+typed, `{"pincode":"`+typed+`"}`, bob...)
	if got.DeviceID != "01P00A000000001" {
		t.Errorf("got %+v", got)
	}
	if list := resttest.Call[cloudapi.Devices](t, h, 200, "GET", "/v1/iot-service/api/user/bind", "", bob...); len(list.Devices) != 1 || list.Devices[0].Name != "Bench" {
		t.Errorf("bob has %+v", list.Devices)
	}
	resttest.Refused(t, h, 404, 404, "POST", user+"/my/pincode/"+pin, "")
	if strings.Contains(h.Log.String(), pin) {
		t.Error("the PIN is in the log")
	}
}

// The slicer takes what a printer shows for a ticket, too.
func TestAPINIsTheTicketOfADevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.New(t, "off")
		bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
		resttest.Call[cloudapi.Bound](t, h, 200, "POST", "/v1/iot-service/api/user/bind", `{"device_id":"01P00A000000001"}`)
		state := func(pin string) cloudapi.TicketState {
			return resttest.Call[cloudapi.TicketState](t, h, 200, "GET", user+"/my/ticket/"+pin, "", bob...)
		}
		late := offered(t, h)
		if got := state(late); got.Source != "device" || !got.Valid {
			t.Errorf("an open PIN: %+v", got)
		}
		<-time.After(10 * time.Minute)
		if got := state(late); got.Source != "device" || got.Valid {
			t.Errorf("after ten minutes: %+v", got)
		}
		resttest.Call[map[string]any](t, h, 200, "POST", "/v1/grove-service/users/me/sessions/current/confirm", `{"password":"`+resttest.Password+`"}`)
		pin := offered(t, h)
		if w := h.Ask("POST", user+"/my/ticket/"+pin, `{"ticket":"`+pin+`"}`, bob...); w.Code != 200 || w.Body.Len() != 0 {
			t.Errorf("accepted: %d %s", w.Code, w.Body)
		}
		if owner, _ := h.Fleet.Owner("01P00A000000001"); owner == h.UserID {
			t.Error("the printer is its former owner's")
		}
		for range 9 { // with the one that was too old
			h.Ask("GET", user+"/my/ticket/AAAAAA", "", bob...)
		}
		resttest.Refused(t, h, 429, 429, "POST", user+"/my/pincode/AAAAAA", "", bob...)
		resttest.Refused(t, h, 404, 404, "POST", user+"/my/pincode/AAAAAA", "")
	})
}

func TestATicketWithAKeyMayBeRedeemedAgain(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	ticket := boundTicket(t, h)
	ask := func(key string) *httptest.ResponseRecorder {
		return h.Ask("POST", user+"/user/ticket/"+ticket, "", "Authorization", "", "Idempotency-Key", key)
	}
	first := ask("k")
	if again := ask("k"); first.Code != 200 || again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("first %d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	if other := ask("another"); other.Code != 400 {
		t.Errorf("with another key: %d %s", other.Code, other.Body)
	}
}
