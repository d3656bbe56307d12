package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	api "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/web"
)

func TestSomebodyIsInvitedAndGivenAnotherRole(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	owner := visit(t, c.base)
	owner.signIn(demoEmail, demoPassword)
	owner.sees("Printers")
	owner.open("/admin")
	owner.sees("Administration", "None waits.")
	owner.click("Invite somebody")
	owner.sees("Your current password")
	owner.fill("E-mail address", "ann@example.org")
	owner.fill("Your current password", demoPassword)
	owner.dressed("invite")
	owner.click("Invite somebody")
	owner.sees("ann@example.org is invited", "Hand this link over")
	owner.dressed("invited")
	link := owner.taken("Link")
	owner.click("Close")
	owner.sees("Take back")

	guest := visit(t, c.base)
	guest.open(strings.TrimPrefix(link, c.base))
	guest.fill("Name", "Ann")
	guest.fill("Password", password)
	guest.click("Make my account")
	guest.sees("Your account is made")
	guest.fill("Password", password)
	guest.click("Sign in")
	guest.sees("No printers yet")

	owner.open("/admin")
	owner.sees("Ann", "ann@example.org", "None waits.")
	owner.dressed("people")
	owner.fill("Role of Ann", "viewer")
	owner.sees("Make Ann: Viewer?")
	owner.click("Change the role")
	owner.sees("Ann is now: Viewer")
	guest.open("/account")
	guest.sees("Sees what is shared with them, and changes nothing.")

	owner.click("Lock out")
	owner.sees("Lock Ann out?", "finish what they print")
	owner.dressed("lock")
	owner.click("Lock out")
	owner.sees("Ann is locked out", "locked since")
	owner.dressed("locked")
	guest.excuse("401")
	guest.excuse("403")
	guest.open("/sign-in?to=/")
	guest.fill("E-mail address", "ann@example.org")
	guest.fill("Password", password)
	guest.click("Sign in")
	guest.sees("This account is locked", "Ask an owner")
	owner.click("Let in again")
	owner.sees("Let Ann in again?")
	owner.click("Let in again")
	owner.sees("Ann is let in again")

	owner.click("Reset code")
	owner.sees("Reset code for Ann")
	owner.fill("Your current password", demoPassword)
	owner.click("Reset code")
	owner.sees("Hand this code over to ann@example.org")
	owner.dressed("reset")
	reset := owner.taken("Code")
	owner.click("Close")
	guest.excuse("401")
	guest.open("/sign-in?to=/")
	guest.fill("E-mail address", "ann@example.org")
	guest.click("I forgot my password")
	guest.fill("Code", reset)
	guest.fill("New password", "another good password")
	guest.click("Set the new password")
	guest.sees("The new password is set")

	owner.open("/admin/audit")
	owner.sees("user.invite", "user.role", "ann@example.org as operator")
	owner.dressed("audit")
	owner.fill("Kind of act", "printer.")
	owner.waits("only printers are left", func(text string) bool {
		return !strings.Contains(text, "user.role") && strings.Contains(text, "printer.bind")
	})
	owner.fill("Kind of act", "key.")
	owner.sees("Nothing found")
	owner.click("CSV")
	owner.open("/admin/audit?act=user.role")
	owner.sees("user.role", "1 to 1 of 1")
}

// receiver is a program that is told of events.
type receiver struct {
	*httptest.Server
	refuses atomic.Bool // answers 500
	mu      sync.Mutex
	bodies  []string
}

func receive(t *testing.T) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		body, _ := io.ReadAll(in.Body)
		r.mu.Lock()
		r.bodies = append(r.bodies, string(body))
		n := len(r.bodies)
		r.mu.Unlock()
		if r.refuses.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
		fmt.Fprintf(w, `{"taken": %d}`, n)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bodies)
}

func TestAWebhookIsTriedLookedIntoAndSentOnceMore(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	told := receive(t)
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.open("/admin/webhooks")
	v.sees("No webhooks yet")
	v.click("Make a webhook")
	v.fill("Address", told.URL+"/hook")
	v.fill("What is it for?", "Board in the hall")
	v.dressed("webhook-make")
	v.click("Make a webhook")
	v.sees("Secret of the webhook")
	if secret := v.taken("Secret of the webhook"); !strings.HasPrefix(secret, "whsec_") {
		t.Errorf("the secret is %q", secret)
	}
	v.click("I have kept it")
	v.sees("Board in the hall")
	v.click("Test")
	v.sees("The test arrived", "answered 200", `"taken": 1`, "webhook.test")
	v.dressed("webhook-tested")
	v.click("Close")
	told.refuses.Store(true)
	v.click("Test")
	v.sees("The test did not arrive yet", "answered 500", "The receiver did not take it.")
	v.dressed("webhook-tested-refused")
	if strings.Contains(v.text(), "Done") {
		t.Error("a test that did not arrive is told as done")
	}
	told.refuses.Store(false)
	v.sees("The test arrived", "answered 200", "2 tries")
	v.click("Close")
	v.click("Deliveries")
	v.sees("delivered")
	js[bool](v, `(document.querySelector(".delivery details").open = true)`)
	v.sees("webhook.test", `"taken": 3`)
	v.dressed("webhook-deliveries")
	told.refuses.Store(true)
	v.click("Send once more")
	until(t, "it is sent once more, and refused", func() bool { return told.count() == 4 })
	told.refuses.Store(false) // it is tried again soon, and nobody looks again by hand
	v.sees("It is sent once more")
	v.sees("answered 200", `"taken": 5`)
	v.click("More for Board in the hall")
	v.click("Pause")
	v.sees("The webhook is paused")
	v.click("More for Board in the hall")
	v.picture("webhook-menu")
	v.click("New secret")
	v.sees("Another secret for this webhook?")
	v.click("New secret")
	v.sees("Secret of the webhook")
	v.click("I have kept it")
	v.click("More for Board in the hall")
	v.click("Delete")
	v.sees("Delete this webhook?")
	v.click("Delete")
	v.sees("No webhooks yet")
}

func TestTheServerAndItsBridgesAreLookedAfter(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	v := visit(t, c.base)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.open("/admin/server")
	v.sees("SQLite", "Download the CA certificate", "No mail server is set up", "Limits in force", "10 GiB")
	v.dressed("server")
	v.open("/admin/bridges")
	v.sees("No bridges")
	v.click("Make a bridge")
	v.fill("Name", "Workshop")
	v.click("Make a bridge")
	v.sees("The bridge “Workshop” is made", "GROVE_KEY=")
	v.dressed("bridge-made")
	v.click("I have kept it")
	v.sees("Workshop", "away")
	v.dressed("bridges")
	v.click("Remove")
	v.sees("Remove the bridge “Workshop”?")
	v.click("Remove")
	v.sees("No bridges")

	v.open("/admin/sharing")
	v.sees("You share no printer.")
	v.click("Share a printer")
	v.dressed("share-make")
	v.click("Share")
	v.sees("The printer waits for its guest")
	v.click("I have kept it")
	v.sees("waits to be accepted")
	v.dressed("sharing")
	v.click("End")
	v.sees("End the share of")
	v.click("End")
	v.sees("You share no printer.")
}

// All is well only where the disk has room, too.
func TestADiskThatRunsFullIsNotWell(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	status, err := c.calls().Server(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, f.URL)
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	status.Files.TotalBytes, status.Limits.MinFreeBytes = 100<<30, 1<<30
	for _, one := range []struct {
		free       int64
		says, hint string
	}{
		{50 << 30, "all is well", ""},
		{5 << 30, "the disk is nearly full", "With less than 1 GiB free no file is taken any more."},
		{1 << 29, "the disk is full", "Less than 1 GiB is free"},
	} {
		status.Files.FreeBytes = one.free
		body, err := json.Marshal(cloudapi.Of(status))
		if err != nil {
			t.Fatal(err)
		}
		f.answer("/grove-service/server", says(string(body)))
		v.open("/admin/server")
		v.sees(one.says, one.hint)
		if well := strings.Contains(v.text(), "all is well"); well != (one.hint == "") {
			t.Errorf("with %d bytes free all is well: %t", one.free, well)
		}
		v.picture("server: " + one.says)
	}
}

// Where a proof is asked for, the form that asks for it gives way, and comes back with
// all that was filled in.
func TestAFormAsksForTheProofInItsPlace(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	f := before(t, c)
	v := visit(t, f.URL)
	v.excuse("403 (Forbidden)")
	v.signIn(demoEmail, demoPassword)
	v.sees("Printers")
	v.open("/admin/sharing")
	v.click("Share a printer")
	v.click("May print, stop and heat")
	var once sync.Once
	f.answer("/grove-service/shares", func(w http.ResponseWriter, r *http.Request) {
		old := false
		if r.Method == http.MethodPost {
			once.Do(func() { old = true })
		}
		if !old {
			f.pass(w, r)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		says(`{"code": 403, "message": "no", "details": {"cause": "unconfirmed", "reason": "prove that it is you"}}`)(w, r)
	})
	v.click("Share")
	v.sees("your password is asked for once more")
	v.dressed("share-proof")
	if n := js[int](v, `document.querySelectorAll("dialog[open]").length`); n != 1 {
		t.Errorf("%d dialogs lie on each other", n)
	}
	if v.offered("Share") {
		t.Error("what waits for the proof can be sent without it")
	}
	v.fill("Password", demoPassword)
	v.click("It is me")
	v.sees("The printer waits for its guest")
	v.click("I have kept it")
	v.sees("May print, stop and heat", "waits to be accepted")
}

func TestAllThatKeysAndWebhooksMayBeToldOfHasWords(t *testing.T) {
	t.Parallel()
	read := func(name string) []byte {
		content, err := web.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	words, keys, events := read("words/en.json"), read("app/pages/account/keys.js"), read("app/pages/admin/events.js")
	for _, s := range api.Scopes() {
		if !bytes.Contains(keys, []byte(`"`+s+`"`)) || !bytes.Contains(words, []byte(`"scope.`+s+`"`)) {
			t.Errorf("a key can't be given %s on the page, or it has no words", s)
		}
	}
	for _, e := range api.EventTypes() {
		if bytes.Count(events, []byte(`"`+e+`"`)) != 1 || !bytes.Contains(words, []byte(`"event.`+e+`"`)) {
			t.Errorf("a webhook can't be told of %s on the page, or twice, or it has no words", e)
		}
	}
}
