package server

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// within fails unless something holds within a second, which is what a lock promises.
func within(t *testing.T, what string, began time.Time, holds func() bool) {
	t.Helper()
	until(t, what, holds)
	if took := time.Since(began); took > time.Second {
		t.Errorf("%s after %s", what, took)
	}
}

func TestWhoIsLockedOutIsCutWithinASecond(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c)
		ctx := t.Context()
		h.bound()
		guest := h.guest()
		h.share(grove.Operator)
		key := must(guest.CreateKey(ctx, cloudapi.KeyRequest{Name: "script", Scopes: []grove.Action{grove.ReadPrinter}, AllPrinters: true}))(t)
		script := h.newClient(key.Secret)
		bySession, byKey := h.spy(guest), h.spy(script)
		_, ended := follow(ctx, h.newClient(guest.Token()), -1)
		_, keyEnded := follow(ctx, h.newClient(key.Secret), -1)
		until(t, "the streams are up", func() bool { return h.server.feed.Followers() == 2 })

		began := time.Now()
		u := must(h.client.LockUser(ctx, h.userID(guest)))(t)
		for what, s := range map[string]spied{"the session": bySession, "the key": byKey} {
			select {
			case <-s.lost:
			case <-time.After(10 * time.Second):
				t.Fatalf("MQTT by %s is not cut", what)
			}
		}
		within(t, "the streams are cut", began, func() bool { return h.server.feed.Followers() == 0 })
		if err := <-ended; !errors.Is(err, grove.Unauthenticated) {
			t.Errorf("the stream of the session ended with %v", err)
		}
		if err := <-keyEnded; !grove.HasReason(err, grove.ReasonAccountLocked) {
			t.Errorf("the stream of the key ended with %v", err)
		}
		if _, err := guest.Devices(ctx); !errors.Is(err, grove.Unauthenticated) {
			t.Errorf("the session: %v", err)
		}
		if _, err := script.Devices(ctx); !grove.HasReason(err, grove.ReasonAccountLocked) || !errors.Is(err, grove.Unauthenticated) {
			t.Errorf("the key: %v", err)
		}
		_, err := h.newClient("").Login(ctx, guestEmail, guestPassword)
		if !errors.Is(err, grove.Forbidden) || !strings.Contains(err.Error(), "ask an owner") {
			t.Errorf("the password: %v", err)
		}
		if _, err := h.newClient("").Login(ctx, guestEmail, "another"); !grove.HasReason(err, grove.ReasonWrongPassword) {
			t.Errorf("a wrong password: %v", err)
		}
		must(h.client.UnlockUser(ctx, u.ID))(t)
		must(script.Devices(ctx))(t)
		must(guest.Login(ctx, guestEmail, guestPassword))(t)
		if devices := must(guest.Devices(ctx))(t); len(devices) != 1 {
			t.Errorf("let in again, the guest sees %+v", devices)
		}
	})
}

func TestABridgeOfALockedAccountWaitsUntilItIsLetInAgain(t *testing.T) {
	t.Parallel()
	h := owned(t, distant(t))
	ctx := t.Context()
	p := h.onLAN()
	guest := h.guest()
	made := must(guest.CreateBridge(ctx, "Workshop"))(t)
	ended, _ := h.carries(made.Secret, p)
	connected := func() bool {
		_, is := h.server.bridge.BridgeNow(made.ID)
		return is
	}
	until(t, "the bridge is there", connected)
	must(guest.AddPrinter(ctx, behind(made.ID, p)))(t)
	h.connected(bench)

	began := time.Now()
	who := h.userID(guest)
	must(h.client.LockUser(ctx, who))(t)
	within(t, "the bridge is cut", began, func() bool { return !connected() && h.links() == 0 })
	must(h.client.UnlockUser(ctx, who))(t)
	until(t, "the bridge is back", connected)
	h.connected(bench)
	select {
	case err := <-ended:
		t.Errorf("the bridge gave up: %v", err)
	default:
	}
}

func TestALockedOwnersPrinterGoesOnPrinting(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	ctx := t.Context()
	guest := h.guest()
	mine := h.client
	h.client = guest // whose printer it becomes
	h.printer()
	h.connected(bench)
	file := h.upload()
	first := h.print(file.FileID)
	until(t, "it prints", func() bool { return must(guest.Job(ctx, first))(t).State == grove.Running })
	who := h.userID(guest)
	h.client = mine
	must(mine.LockUser(ctx, who))(t)
	until(t, "the print ends by itself", func() bool {
		j, err := h.server.db.Job(ctx, first)
		return err == nil && j.State == grove.Finished
	})
	if live, err := h.server.fleet.Now(bench); err != nil || live.OwnerID != who || !live.Connected {
		t.Errorf("the printer is %+v, %v", live, err)
	}
}
