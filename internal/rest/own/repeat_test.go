package own_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

const hooks = "/v1/grove-service/webhooks"

func hookBody(n int) string {
	return fmt.Sprintf(`{"url":"http://127.0.0.1:%d/hook","events":["print.completed"]}`, 9000+n)
}

func TestARequestWithAKeyIsDoneOnce(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	first := h.Ask("POST", hooks, hookBody(1), "Idempotency-Key", "a wish")
	again := h.Ask("POST", hooks, hookBody(1), "Idempotency-Key", "a wish")
	if first.Code/100 != 2 || again.Code != first.Code || again.Body.String() != first.Body.String() {
		t.Fatalf("first %d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	if again.Header().Get("Idempotency-Replayed") != "true" || first.Header().Get("Idempotency-Replayed") != "" {
		t.Error("a replay does not say so, or a first answer does")
	}
	if list := h.Ask("GET", hooks, ""); strings.Count(list.Body.String(), "127.0.0.1:9001") != 1 {
		t.Errorf("done twice: %s", list.Body)
	}
	resttest.Refused(t, h, 422, 422, "POST", hooks, hookBody(2), "Idempotency-Key", "a wish")
	resttest.Refused(t, h, 422, 422, "POST", "/v1/iot-service/api/user/bind", hookBody(1), "Idempotency-Key", "a wish")
	if other := h.Ask("POST", hooks, hookBody(3), "Idempotency-Key", "another wish"); other.Code/100 != 2 {
		t.Errorf("another key: %d %s", other.Code, other.Body)
	}
	for _, bad := range []string{strings.Repeat("k", 256), "\x82", "k\xc3\xa4", "k\x00"} {
		for range 2 {
			resttest.Refused(t, h, 400, 400, "POST", hooks, hookBody(4), "Idempotency-Key", bad)
		}
	}
}

func TestARefusedRequestMayBeSentAgainWithItsKey(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	resttest.Refused(t, h, 400, 400, "POST", hooks, `{"url":"http://127.0.0.1:9001/hook","events":[]}`, "Idempotency-Key", "k")
	if w := h.Ask("POST", hooks, hookBody(1), "Idempotency-Key", "k"); w.Code/100 != 2 {
		t.Errorf("the corrected wish: %d %s", w.Code, w.Body)
	}
}

// To remember a key is written down, which strangers would have done without end.
func TestKeysOfStrangersAreCounted(t *testing.T) {
	t.Parallel()
	for path, body := range map[string]string{
		own + "/setup":                        `{"code":"x%[1]d","email":"eve@grove.local","password":"a good long password"}`,
		own + "/password-reset":               `{"email":"eve%[1]d@grove.local","code":"123456","new_password":"a good long password"}`,
		own + "/invitations/accept":           `{"token":"x%[1]d","password":"a good long password"}`,
		"/v1/user-service/user/ticket/x%[1]d": `{}`,
	} {
		h := resttest.New(t, "spec")
		counted := &begun{Repeats: h.Repeats}
		h.Repeats = counted
		for i := range 100 {
			at, what := path, fmt.Sprintf(body, i)
			if strings.Contains(path, "%") {
				at, what = fmt.Sprintf(path, i), body
			}
			h.Ask("POST", at, what, "Authorization", "", "Idempotency-Key", strconv.Itoa(i))
		}
		if counted.times == 0 || counted.times > 20 {
			t.Errorf("%s: %d of 100 keys were written down", path, counted.times)
		}
	}
}

// begun counts the keys that are written down.
type begun struct {
	rest.Repeats
	times int
}

func (b *begun) BeginRepeat(ctx context.Context, r grove.Repeat) (grove.Repeat, bool, error) {
	b.times++
	return b.Repeats.BeginRepeat(ctx, r)
}

func TestAKeyBelongsToItsAccount(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	bob := h.SignIn(t, "bob@grove.local", grove.Operator)
	mine := h.Ask("POST", hooks, hookBody(1), "Idempotency-Key", "k")
	his := h.Ask("POST", hooks, hookBody(2), "Idempotency-Key", "k", "Authorization", "Bearer "+bob)
	if mine.Code/100 != 2 || his.Code/100 != 2 {
		t.Errorf("mine %d, his %d %s", mine.Code, his.Code, his.Body)
	}
}

func TestOfManyAtOnceWithOneKeyOneIsDone(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	codes := make([]int, 8)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() { codes[i] = h.Ask("POST", hooks, hookBody(1), "Idempotency-Key", "k").Code })
	}
	all.Wait()
	for _, c := range codes {
		if c/100 != 2 && c != http.StatusConflict {
			t.Errorf("answers %v", codes)
		}
	}
	if list := h.Ask("GET", hooks, ""); strings.Count(list.Body.String(), "127.0.0.1:9001") != 1 {
		t.Errorf("done more than once: %s", list.Body)
	}
}

// askedTwice asks without an account, with a key, and demands the first answer again.
func askedTwice(t *testing.T, h *resttest.House, path, body, other string) {
	t.Helper()
	headers := []string{"Authorization", "", "Idempotency-Key", "k"}
	first := h.Ask("POST", path, body, headers...)
	again := h.Ask("POST", path, body, headers...)
	if first.Code/100 != 2 || again.Code != first.Code || again.Body.String() != first.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s: first %d %s, again %d %s", path, first.Code, first.Body, again.Code, again.Body)
	}
	resttest.Refused(t, h, 422, 422, "POST", path, other, headers...)
	if without := h.Ask("POST", path, body, "Authorization", ""); without.Code < 400 {
		t.Errorf("%s without a key: %d %s", path, without.Code, without.Body)
	}
}

func TestWhoHasNoAccountYetMayRepeatToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := resttest.Empty(t, "off")
		code, _ := h.Access.SetupCode()
		setup := `{"code":%q,"email":"ann@grove.local","password":%q,"name":"Ann"}`
		askedTwice(t, h, own+"/setup", fmt.Sprintf(setup, code, resttest.Password), fmt.Sprintf(setup, code, "another password"))
		h.Token = string(resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("ann@grove.local", resttest.Password)).AccessToken)

		i := invite(t, h, "bob@grove.local")
		askedTwice(t, h, own+"/invitations/accept", acceptBody(i.Token, "a password of bob"), acceptBody(i.Token, "a password of eve"))
		other := invite(t, h, "carl@grove.local") // whose key is another, though it is called the same
		if w := h.Ask("POST", own+"/invitations/accept", acceptBody(other.Token, "a password of carl"), "Authorization", "", "Idempotency-Key", "k"); w.Code != 201 {
			t.Errorf("another's key: %d %s", w.Code, w.Body)
		}

		h.Ask("POST", own+"/password-reset/code", `{"email":"ann@grove.local"}`, "Authorization", "")
		synctest.Wait()
		mailed := regexp.MustCompile(`code is (\d{6})`).FindStringSubmatch(h.Log.String())[1]
		askedTwice(t, h, own+"/password-reset", resetBody(mailed, "another password"), resetBody(mailed, "a third password"))
		resttest.Call[cloudapi.Login](t, h, 200, "POST", logins, loginBody("ann@grove.local", "another password"))
	})
}
