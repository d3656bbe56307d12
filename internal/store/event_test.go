package store_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

func subscribe(t *testing.T, db *store.DB, id string, types ...grove.EventType) grove.Endpoint {
	t.Helper()
	e := grove.Endpoint{
		ID: id, UserID: 1, URL: "https://example.org/" + id, Events: types, Description: "d",
		Enabled: true, Secret: "whsec_" + grove.Secret(id) + "secret", CreatedAt: noon,
	}
	ok(t, db.CreateEndpoint(t.Context(), e))
	e.Version = 1
	return e
}

func completed() grove.Event {
	return grove.Event{
		UserID: 1, Type: grove.PrintCompleted, At: noon.Add(time.Microsecond),
		Data: grove.EventData{DeviceID: "S1", DeviceName: "Bench", JobID: "7", FileName: "cube.3mf", Status: "finished"},
	}
}

func TestAnEventBringsItsNotificationAndItsDeliveries(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		subscribe(t, db, "wh_all", grove.PrintCompleted, grove.NotificationCreated)
		subscribe(t, db, "wh_other", grove.PrintFailed)
		subscribe(t, db, "wh_off", grove.PrintCompleted)
		ok(t, db.DisableEndpoint(ctx, "wh_off", "410 Gone"))
		stranger := completed()
		stranger.UserID = 2
		ok(t, db.AddEvents(ctx, []grove.Event{completed(), stranger}))

		notes := must(db.Notifications(ctx, 1, true, grove.Page{Limit: 20}))(t)
		note := notes.Items[0]
		same(t, notes.Total, 1)
		same(t, note, grove.Notification{
			ID: note.ID, Number: 500_000_001, UserID: 1, Type: grove.PrintCompleted, Message: "Bench finished cube.3mf.", Data: completed().Data, DeviceID: "S1", JobID: "7", CreatedAt: noon,
		})
		if !strings.HasPrefix(note.ID, "ntf_") {
			t.Errorf("the id is %s", note.ID)
		}
		events := must(db.Events(ctx, 1, 0, 0))(t)
		first, second := completed(), completed()
		first.ID, first.At = 1, noon
		second.ID, second.At, second.Type = 2, noon, grove.NotificationCreated
		second.Data.NotificationID, second.Data.Message = note.ID, note.Message
		same(t, events, []grove.Event{first, second})
		same(t, must(db.Events(ctx, 1, 1, 10))(t), []grove.Event{second})
		same(t, len(must(db.Events(ctx, 1, 0, 1))(t)), 1)
		same(t, must(db.LatestEvents(ctx, 1, 0, 1))(t), []grove.Event{second})
		same(t, must(db.LatestEvents(ctx, 1, second.ID, 10))(t), events[:1])
		same(t, must(db.LatestEvents(ctx, 1, events[0].ID, 10))(t), []grove.Event(nil))

		sent := must(db.Deliveries(ctx, 1, "", grove.Page{}))(t)
		same(t, sent.Total, 2)
		d := sent.Items[1]
		same(t, string(d.Body), `{"type":"print.completed","timestamp":"2026-11-22T12:00:00.123Z","data":`+
			`{"device_id":"S1","device_name":"Bench","job_id":"7","file_name":"cube.3mf","status":"finished"}}`)
		same(t, d, grove.Delivery{
			ID: d.ID, EndpointID: "wh_all", EventID: 1, Type: grove.PrintCompleted, Body: d.Body,
			State: grove.DeliveryPending, NextAt: d.NextAt, CreatedAt: d.CreatedAt,
		})
		if time.Since(d.NextAt).Abs() > time.Minute {
			t.Errorf("due at %v, want now", d.NextAt)
		}
		same(t, sent.Items[0].Type, grove.NotificationCreated)
	})
}

func TestNotificationsAreReadAndUnread(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for range 3 {
			ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		}
		page := must(db.Notifications(ctx, 1, false, grove.Page{Limit: 2}))(t)
		same(t, page.More, true)
		rest := must(db.Notifications(ctx, 1, false, grove.Page{Limit: 2, After: page.Items[1].ID}))(t)
		same(t, len(rest.Items), 1)
		id := rest.Items[0].ID
		ok(t, db.MarkNotification(ctx, 1, id, true))
		same(t, must(db.Notifications(ctx, 1, true, grove.Page{}))(t).Total, 2)
		ok(t, db.MarkNotification(ctx, 1, id, false))
		same(t, must(db.Notifications(ctx, 1, true, grove.Page{}))(t).Total, 3)
		refused(t, db.MarkNotification(ctx, 2, id, true), grove.NotFound, "notification_not_found")
	})
}

// What somebody has done is done for everybody who was asked to.
func TestAFactSettlesTheNotificationsThatAskedForIt(t *testing.T) {
	fact := func(kind grove.EventType, serial, job, status string) grove.Event {
		return grove.Event{UserID: 1, Type: kind, At: noon, Data: grove.EventData{DeviceID: serial, JobID: job, Status: status}}
	}
	asked := []grove.Event{
		fact(grove.PlateToClear, "S1", "7", ""), fact(grove.PlateToClear, "S2", "7", ""), fact(grove.JobUnknown, "S1", "7", ""), fact(grove.JobUnknown, "S1", "8", ""),
		fact(grove.DeviceOffline, "S1", "", "printing"), fact(grove.PrintCompleted, "S1", "7", ""),
	}
	for name, c := range map[string]struct {
		done grove.Event
		of   int // which of these it settles
	}{
		"the plate was cleared":    {fact(grove.PlateCleared, "S1", "", ""), 0},
		"a print began after all":  {fact(grove.PrintStarted, "S1", "", ""), 0},
		"another plate":            {fact(grove.PlateCleared, "S2", "", ""), 1},
		"the start was taken":      {fact(grove.JobChanged, "S1", "7", "accepted"), 2},
		"somebody saw it run":      {fact(grove.JobStarted, "S1", "8", ""), 3},
		"somebody saw it done":     {fact(grove.JobFinished, "S1", "7", ""), 2},
		"somebody saw it lost":     {fact(grove.JobFailed, "S1", "7", ""), 2},
		"it was stopped":           {fact(grove.JobCancelled, "S1", "7", ""), 2},
		"another job began":        {fact(grove.JobStarted, "S1", "9", ""), -1},
		"the printer is back":      {fact(grove.DeviceOnline, "S1", "", ""), 4},
		"another printer is back":  {fact(grove.DeviceOnline, "S2", "", ""), -1},
		"nothing that it asks for": {fact(grove.HeatOff, "S1", "", ""), -1},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachConfig(t, os.Getenv, func(t *testing.T, cfg store.Config) {
				cfg.Audience = func(string, int64) []int64 { return []int64{2} }
				db := storetest.Open(t, cfg)
				ctx := t.Context()
				for _, e := range asked {
					ok(t, db.AddEvents(ctx, []grove.Event{e}))
				}
				ok(t, db.AddEvents(ctx, []grove.Event{c.done}))
				for _, user := range []int64{1, 2} {
					all := must(db.Notifications(ctx, user, false, grove.Page{}))(t).Items // newest first
					same(t, len(all), len(asked))
					for i, n := range all {
						same(t, n.Read, len(asked)-1-i == c.of)
					}
					last := must(db.LatestEvents(ctx, user, 0, 1))(t)[0]
					if c.of >= 0 {
						n := all[len(asked)-1-c.of]
						same(t, []string{string(last.Type), last.Data.NotificationID, last.Data.DeviceID}, []string{"notification.settled", n.ID, n.DeviceID})
					} else if last.Type == grove.NotificationSettled {
						t.Errorf("user %d is told that %s is settled", user, last.Data.NotificationID)
					}
				}
			})
		})
	}
}

// Whoever may not look at a printer any more is asked for nothing there, and is not told
// when the next owner prints.
func TestAFactSettlesSilentlyWhatFormerOwnersAndGuestsWereAsked(t *testing.T) {
	for name, c := range map[string]struct{ asked, done grove.EventType }{
		"a plate to clear":   {grove.PlateToClear, grove.PrintStarted},
		"a start in doubt":   {grove.JobUnknown, grove.JobFailed},
		"a printer far away": {grove.DeviceOffline, grove.DeviceOnline},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.EachConfig(t, os.Getenv, func(t *testing.T, cfg store.Config) {
				guests := map[int64][]int64{1: {2, 3}}
				cfg.Audience = func(_ string, owner int64) []int64 { return guests[owner] }
				db := storetest.Open(t, cfg)
				ctx := t.Context()
				asked := grove.Event{UserID: 1, Type: c.asked, At: noon, Data: grove.EventData{DeviceID: "S1", DeviceName: "Bench", JobID: "7", FileName: "cube", Status: "printing"}}
				ok(t, db.AddEvents(ctx, []grove.Event{asked}))
				guests = map[int64][]int64{4: {3}} // 3 is a guest of the next owner's too
				done := grove.Event{UserID: 4, Type: c.done, At: noon, Data: grove.EventData{DeviceID: "S1", DeviceName: "Mine now", JobID: "7", FileName: "secret"}}
				ok(t, db.AddEvents(ctx, []grove.Event{done}))
				for user, heard := range map[int64]grove.EventType{1: grove.NotificationCreated, 2: grove.NotificationCreated, 3: grove.NotificationSettled} {
					for _, n := range must(db.Notifications(ctx, user, false, grove.Page{}))(t).Items {
						if n.Type == c.asked && !n.Read {
							t.Errorf("user %d is asked for good", user)
						}
					}
					all := must(db.Events(ctx, user, 0, 0))(t)
					same(t, slices.ContainsFunc(all, func(e grove.Event) bool { return e.Type == grove.NotificationSettled }), heard == grove.NotificationSettled)
					for _, e := range all {
						same(t, []string{e.Data.DeviceName, e.Data.FileName}, []string{"Bench", "cube"})
					}
				}
			})
		})
	}
}

func TestMessagesHaveNumbersThatListsGoOnAfter(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		// All in one millisecond, and one of somebody else between them.
		stranger := completed()
		stranger.UserID = 2
		ok(t, db.AddEvents(ctx, []grove.Event{completed(), stranger, completed(), completed()}))
		page := func(after string) (numbers []int64) {
			for _, n := range must(db.Messages(ctx, 1, grove.Page{Limit: 2, After: after}))(t).Items {
				numbers = append(numbers, n.Number)
			}
			return numbers
		}
		same(t, page(""), []int64{500_000_004, 500_000_003})
		same(t, page("500000003"), []int64{500_000_001})
		_, err := db.Messages(ctx, 1, grove.Page{After: "ntf_01arz3ndektsv4rrffq69g5fav"})
		refused(t, err, grove.Invalid, "after")
	})
}

func TestOlderNotificationsGetNumbersInTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for range 3 {
			ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		}
		for _, undo := range []string{
			"DROP INDEX notifications_number", "DROP INDEX files_project", "ALTER TABLE notifications DROP COLUMN number",
			"DELETE FROM counters WHERE name = 'messages'", "DELETE FROM goose_db_version WHERE version_id = 4",
		} {
			must(db.Raw(ctx, undo))(t)
		}
		ok(t, db.Migrate(ctx))
		ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		var numbers []int64
		for _, n := range must(db.Notifications(ctx, 1, false, grove.Page{}))(t).Items {
			numbers = append(numbers, n.Number)
		}
		same(t, numbers, []int64{500_000_004, 500_000_003, 500_000_002, 500_000_001})
	})
}

func TestACursorNeverSkipsALateCommit(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		const writers, rounds = 6, 10
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range rounds {
					// Some transactions are long after their first number, some short.
					events := slices.Repeat([]grove.Event{{UserID: 1, Type: grove.JobQueued, At: noon}}, 1+(w+i)%writers)
					errs[w] = errors.Join(errs[w], db.AddEvents(t.Context(), events))
				}
			})
		}
		done := make(chan struct{})
		go func() { wg.Wait(); close(done) }()
		seen := 0
		var cursor int64
		for writing := true; writing; {
			select {
			case <-done:
				writing = false // once more for what came last
			default:
			}
			for {
				events := must(db.Events(t.Context(), 1, cursor, 7))(t)
				if len(events) == 0 {
					break
				}
				seen += len(events)
				cursor = events[len(events)-1].ID
			}
		}
		ok(t, errors.Join(errs...))
		same(t, seen, len(must(db.Events(t.Context(), 1, 0, 0))(t)))
		same(t, seen, rounds*(1+2+3+4+5+6))
	})
}

func TestTextThatPostgresRefusesIsKeptReadable(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		e := completed()
		e.Data.DeviceName = "a\x00b\xffc"
		ok(t, db.AddEvents(ctx, []grove.Event{e}))
		same(t, must(db.Notifications(ctx, 1, false, grove.Page{}))(t).Items[0].Message, "a\uFFFDb\uFFFDc finished cube.3mf.")
	})
}

// Rules are tested in bubbles of moved time, on a real database.
func TestTheStoreLivesInMovedTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := storetest.SQLite(t)
		ctx := t.Context()
		subscribe(t, db, "wh_1", grove.PrintCompleted)
		<-time.After(72 * time.Hour)
		begun := time.Now().UTC()
		ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		due := must(db.DueDeliveries(ctx, time.Now(), 10))(t)
		same(t, due[0].NextAt, begun)
	})
}
