package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	grovecloud "github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile/sample"
)

const demoX1 = "00M00D000000001"

// guest makes an account in a role, and shares printers with it.
func (c *caller) guest(name string, role grovecloud.Role, shares map[string]grovecloud.Role) (email string) {
	c.t.Helper()
	email = name + "@grove.local"
	in, err := c.Invite(c.t.Context(), cloudapi.InvitationRequest{Email: email, Role: role, Proof: cloudapi.Proof{Password: demoPassword}})
	if err == nil {
		_, err = c.AcceptInvitation(c.t.Context(), cloudapi.InvitationAccepted{Token: in.Token, Password: password, Name: name})
	}
	for serial, as := range shares {
		if err == nil {
			_, err = c.Share(c.t.Context(), cloudapi.ShareRequest{Serial: serial, Email: email, Role: as})
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return email
}

// later makes a job that no printer begins meanwhile.
func (c *caller) later(file, serial string) int64 {
	c.t.Helper()
	made, err := c.CreateJobs(c.t.Context(), cloudapi.JobRequest{DeviceID: serial, JobWish: cloudapi.JobWish{FileID: file}, NotBefore: time.Now().Add(time.Hour)})
	if err != nil {
		c.t.Fatal(err)
	}
	return made[0].ID
}

// offers fails unless the page offers each of the first, and none of the others.
func (v *visitor) offers(some, none []string) {
	v.t.Helper()
	for _, name := range some {
		v.waits(fmt.Sprintf("%q is offered", name), func(string) bool { return v.offered(name) })
	}
	for _, name := range none {
		if v.offered(name) {
			v.picture("offered-" + v.t.Name())
			v.t.Errorf("%s offers %q", js[string](v, "location.pathname"), name)
		}
	}
}

func (v *visitor) offered(name string) bool {
	return js[bool](v, fmt.Sprintf(`!!%s(%q)`, find, name))
}

// Who gets another role is offered what it allows at once, also on a page that is open.
func TestAnotherRoleReachesAnOpenPage(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	v := visit(t, c.base)
	v.signIn(as.guest("ann", grovecloud.Operator, nil), password)
	v.sees("No printers yet")
	v.click("Library")
	v.offers([]string{"Upload"}, nil)
	ann := js[int64](v, `fetch("/v1/grove-service/users/me").then((r) => r.json()).then((a) => a.data.id)`)
	role := func(now grovecloud.Role) {
		t.Helper()
		if _, err := as.SetRole(t.Context(), ann, now); err != nil {
			t.Fatal(err)
		}
	}
	role(grovecloud.Viewer)
	v.waits("nothing can be uploaded any more", func(string) bool { return !v.offered("Upload") })
	v.picture("role-viewer")
	role(grovecloud.Operator)
	v.offers([]string{"Upload"}, nil)
}

// A guest is offered what the share allows, printer by printer, in cards, rows, the
// queue and the dialog that prints.
func TestAGuestIsOfferedWhatTheShareAllows(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	ann := as.guest("ann", grovecloud.Operator, map[string]grovecloud.Role{
		demoX1: grovecloud.Viewer, demoA1: grovecloud.Viewer, demoP1: grovecloud.Operator,
	})
	waits := as.print(as.file("hook.gcode.3mf", sample.Model("N1")), demoA1)
	theirs := as.later(as.file("theirs.gcode.3mf"), demoP1)

	v := visit(t, c.base)
	v.signIn(ann, password)
	v.sees("Bench P1S", "Desk A1 mini", "Workshop X1 Carbon", "Printing")
	v.offers([]string{"Print on Bench P1S"}, []string{"Print on Desk A1 mini", "Plate is empty", "Stop", "Pause"})
	v.picture("guest-fleet")
	v.key("v")
	v.sees("Nozzle")
	v.offers([]string{"Print on Bench P1S"}, []string{"Print on Desk A1 mini", "Plate is empty", "Stop", "Pause"})
	v.picture("guest-list")
	v.open("/printers/" + demoX1)
	v.sees("Shared with you: you may look.", "benchy")
	v.offers(nil, []string{"Stop", "Pause", "Print on Workshop X1 Carbon", "Chamber light", "Sport", "Sharing", "Storage"})
	v.open("/queue")
	v.sees("hook.gcode.3mf", "Is the plate empty?")
	v.offers([]string{"Print"}, []string{"Plate is empty", "Actions for hook.gcode.3mf", "Move hook.gcode.3mf, 1 of 1: arrow keys, Home for the top, End for the bottom"})
	v.picture("guest-queue")
	v.open(fmt.Sprintf("/jobs/%d", waits.ID))
	v.sees("What happened when")
	v.offers(nil, []string{"Edit", "Reprint", "Cancel the job"})
	v.picture("guest-job")

	cl, err := client.New(client.Config{URL: c.base})
	if err == nil {
		_, err = cl.Login(t.Context(), ann, password)
	}
	if err != nil {
		t.Fatal(err)
	}
	anns := &caller{cl, t}
	anns.file("own.gcode.3mf", sample.Model("N1"))
	own := anns.later(anns.file("ours.gcode.3mf"), demoP1)
	v.open(fmt.Sprintf("/jobs/%d", theirs))
	v.sees("What happened when")
	v.offers([]string{"Cancel the job"}, []string{"Edit", "Reprint"})
	v.open(fmt.Sprintf("/jobs/%d", own))
	v.sees("What happened when")
	v.offers([]string{"Edit", "Reprint", "Cancel the job"}, nil)
	v.open("/history")
	for _, id := range []int64{theirs, own} {
		if _, err := as.CancelJob(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	v.sees("theirs.gcode.3mf", "ours.gcode.3mf")
	v.offers([]string{"Print ours.gcode.3mf again"}, []string{"Print theirs.gcode.3mf again"})
	v.picture("guest-history")
	v.open("/library")
	v.click("own.gcode.3mf")
	v.click("Print")
	v.sees("It is shared with you to look at, not to print on.")
	if free := js[int](v, `document.querySelectorAll("dialog .printers-pick input:not(:disabled)").length`); free > 2 {
		t.Errorf("%d choices are left, not any printer and the one of which it is allowed", free)
	}
	v.picture("guest-print")
}

// Whoever may only look is offered nothing that changes anything, whatever is shared.
func TestAViewerIsOfferedNothing(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	bob := as.guest("bob", grovecloud.Viewer, map[string]grovecloud.Role{demoP1: grovecloud.Operator})
	v := visit(t, c.base)
	v.signIn(bob, password)
	v.sees("Bench P1S", "Ready")
	v.offers([]string{"Accept a share"}, []string{"Print on Bench P1S", "Add a printer"})
	v.open("/account")
	v.sees("Shared with you")
	v.offers([]string{"Accept a share"}, nil)
	v.picture("account-viewer")
	v.open("/printers/" + demoP1)
	v.sees("Shared with you: you may look.")
	v.offers(nil, []string{"Print on Bench P1S", "Cool down", "Chamber light", "Home"})
	v.open("/library")
	v.sees("Library")
	v.sees("Your account may look and keeps no files.")
	v.offers(nil, []string{"Upload", "Upload files"})
	v.open("/queue")
	v.sees("Queue")
	v.offers(nil, []string{"Print", "Print from the library"})
	v.open("/printers/" + demoP1 + "/share")
	v.sees("Bench P1S")
	v.offers([]string{"Bench P1S"}, []string{"Share this printer"})
	v.open("/welcome")
	v.sees("Nobody gets in here who was not let in.")
	v.offers([]string{"Accept a share", "Connect a client"}, []string{"Simulate three printers", "Add printers"})
	v.picture("welcome-viewer")
	v.open("/account/keys")
	v.click("Make a key")
	v.sees("printer:read", "audit:read")
	for _, scope := range []string{"printer:control", "file:write", "webhook:admin", "network:reach"} {
		if strings.Contains(v.text(), scope) {
			t.Errorf("a viewer is offered a key with %s", scope)
		}
	}
	v.picture("key-viewer")
	v.open("/admin/sharing")
	v.sees("You share no printer.", "Bench P1S")
	v.offers([]string{"End"}, []string{"Share a printer"})
	v.offers([]string{"Audit log"}, []string{"People", "Server", "Webhooks", "Bridges"})
	v.key("?")
	v.sees("This list")
	if strings.Contains(v.text(), "Upload") {
		t.Error("a viewer is told of a key that uploads")
	}
}

// Who was invited and has no printer yet finds where a share is taken up.
func TestAViewerWithoutPrintersTakesUpAShare(t *testing.T) {
	t.Parallel()
	c := serve(t, "--demo")
	as := c.calls()
	eve := as.guest("eve", grovecloud.Viewer, nil)
	share, err := as.Share(t.Context(), cloudapi.ShareRequest{Serial: demoP1, Role: grovecloud.Viewer})
	if err != nil {
		t.Fatal(err)
	}
	v := visit(t, c.base)
	v.signIn(eve, password)
	v.sees("No printers yet")
	v.picture("fleet-viewer-none")
	v.open("/history")
	v.sees("Nothing was printed yet")
	v.offers(nil, []string{"Print from the library"})
	v.open("/")
	v.click("Accept a share")
	v.fill("Link", string(share.Token))
	v.click("Accept a share")
	v.sees("Bench P1S", "Ready")
}
