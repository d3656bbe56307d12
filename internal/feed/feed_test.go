package feed

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/store"
)

// told opens records in which two users were each told of a finished print.
func told(t *testing.T) (f *Feed, ann, bob grove.Actor) {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	for _, p := range []struct {
		email string
		actor *grove.Actor
	}{{"ann@example.org", &ann}, {"bob@example.org", &bob}} {
		u, err := db.CreateUser(t.Context(), grove.User{Email: p.email, Role: grove.Operator, CreatedAt: time.Now().UTC()})
		if err != nil {
			t.Fatal(err)
		}
		*p.actor = grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
		err = db.AddEvents(t.Context(), []grove.Event{{
			UserID: u.ID, Type: grove.PrintCompleted, At: time.Now().UTC(),
			Data: grove.EventData{DeviceID: "P1", DeviceName: "Printer of " + p.email, Status: "FINISH"},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	rights, err := access.NewRights(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Records: db, Gate: rights}), ann, bob
}

func TestPeopleSeeAndMarkTheirOwnNotifications(t *testing.T) {
	t.Parallel()
	f, ann, bob := told(t)
	list, err := f.Notifications(t.Context(), ann, true, grove.Page{Limit: 20})
	if err != nil || len(list.Items) != 1 || list.Items[0].Message != "Printer of ann@example.org finished a print." {
		t.Fatalf("list = %+v, %v", list, err)
	}
	id := list.Items[0].ID
	if err := f.Mark(t.Context(), bob, id, true); !errors.Is(err, grove.NotFound) {
		t.Errorf("marked by somebody else: %v, want not found", err)
	}
	for _, read := range []bool{true, false, true} {
		if err := f.Mark(t.Context(), ann, id, read); err != nil {
			t.Fatal(err)
		}
		unread, err := f.Notifications(t.Context(), ann, true, grove.Page{Limit: 20})
		if err != nil || (len(unread.Items) == 0) != read {
			t.Errorf("read %t: unread list %+v, %v", read, unread, err)
		}
	}
	all, err := f.Notifications(t.Context(), ann, false, grove.Page{Limit: 20})
	if err != nil || len(all.Items) != 1 || !all.Items[0].Read {
		t.Errorf("all = %+v, %v", all, err)
	}
}

func TestOnlyPeopleHaveNotifications(t *testing.T) {
	t.Parallel()
	f, _, _ := told(t)
	for _, tc := range []struct {
		who  grove.Actor
		want grove.Code
	}{
		{grove.Actor{}, grove.Unauthenticated},
		{grove.Actor{Kind: grove.ActorUser}, grove.Unauthenticated},
		{grove.Actor{Kind: grove.ActorCode, Serial: "P1"}, grove.Forbidden},
		{grove.Actor{Kind: grove.ActorPrinter, Serial: "P1"}, grove.Forbidden},
		{grove.Actor{Kind: grove.ActorSystem}, grove.Forbidden},
	} {
		if _, err := f.Notifications(t.Context(), tc.who, false, grove.Page{Limit: 20}); !errors.Is(err, tc.want) {
			t.Errorf("list as %+v: %v, want %s", tc.who, err, tc.want)
		}
		if err := f.Mark(t.Context(), tc.who, "ntf_1", true); !errors.Is(err, tc.want) {
			t.Errorf("mark as %+v: %v, want %s", tc.who, err, tc.want)
		}
	}
}
