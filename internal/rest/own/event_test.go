package own_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// What happened is listed newest first too, by a key of one printer as far as that goes.
func TestTheNewestEventsAreListedFirstWhereAsked(t *testing.T) {
	t.Parallel()
	h, _ := bound(t)
	tell := func(printer string) {
		e := grove.Event{UserID: h.UserID, Type: grove.DeviceOnline, At: time.Now(), Data: grove.EventData{DeviceID: printer}}
		if err := h.DB.AddEvents(t.Context(), []grove.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		tell(serial)
	}
	all := ask[[]grove.Event](t, h, 200, "GET", "/events", "")
	var seen []grove.Event
	for after := int64(0); ; after = seen[len(seen)-1].ID {
		page := ask[[]grove.Event](t, h, 200, "GET", fmt.Sprintf("/events?order=newest&limit=2&after=%d", after), "")
		if len(page) == 0 {
			break
		}
		seen = append(seen, page...)
	}
	if len(seen) != len(all) || len(all) < 3 {
		t.Fatalf("%d of %d events", len(seen), len(all))
	}
	for i, e := range seen {
		if e.ID != all[len(all)-1-i].ID {
			t.Errorf("event %d is %d", i, e.ID)
		}
	}
	resttest.Refused(t, h, 400, 400, "GET", service+"/events?order=random", "")

	me := grove.Actor{Kind: grove.ActorUser, UserID: h.UserID}
	_, secret, err := h.Access.CreateKey(t.Context(), me, access.KeyWish{Name: "one", Scopes: []grove.Action{grove.ReadPrinter}, Printers: []string{serial}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // more than one page of them
		tell("ANOTHER")
	}
	page := ask[[]grove.Event](t, h, 200, "GET", "/events?order=newest&limit=2", "", "Authorization", "Bearer "+string(secret))
	if len(page) == 0 || page[0].ID != seen[0].ID {
		t.Errorf("by a key: %+v", page)
	}
}
