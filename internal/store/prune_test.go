package store_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestTheAuditLogIsOnlyAddedTo(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		now := time.Now().UTC().Truncate(time.Millisecond)
		young, old := now.AddDate(0, 0, -398), now.AddDate(0, 0, -401)
		ok(t, db.AddAudit(ctx, grove.AuditEntry{At: old, Action: "old"}, grove.AuditEntry{At: young, Action: "young"}))
		for _, change := range []string{
			"UPDATE audit SET actor = 'nobody'", "UPDATE audit SET at = 0 WHERE action = 'old'", "DELETE FROM audit WHERE action = 'young'", "DELETE FROM audit",
		} {
			if _, err := db.Raw(ctx, change); err == nil || !strings.Contains(err.Error(), "the audit log is") {
				t.Errorf("%s: %v", change, err)
			}
		}
		same(t, must(db.Audit(ctx, 0, grove.Page{}))(t).Total, 2)
		if _, err := db.Prune(ctx, time.Time{}, now, time.Time{}); err == nil {
			t.Error("pruned what is not 400 days old")
		}
		same(t, must(db.Audit(ctx, 0, grove.Page{}))(t).Total, 2)
		same(t, must(db.Prune(ctx, time.Time{}, now.AddDate(0, 0, -400), time.Time{}))(t), false)
		left := must(db.Audit(ctx, 0, grove.Page{}))(t).Items
		same(t, left, []grove.AuditEntry{{ID: 2, At: young, Action: "young"}})
	})
}

// made is an id of that time.
func made(prefix string, at time.Time) string {
	return prefix + strings.ToLower(ulid.MustNew(ulid.Timestamp(at), ulid.DefaultEntropy()).String())
}

func TestOldFactsArePrunedAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		subscribe(t, db, "wh_1")
		limit := noon
		before, after := noon.Add(-time.Hour), noon.Add(time.Hour)
		for i, at := range []time.Time{before, before, after, before} { // the last by a clock that went back
			e := completed()
			e.At, e.Type = at, grove.JobQueued
			ok(t, db.AddEvents(ctx, []grove.Event{e}))
			must(db.Raw(ctx, `INSERT INTO notifications (id, number, user_id, type, message, device_id, job_id, created_at, is_read)
				VALUES ($1, $2, 1, 't', 'm', '', '', $3, FALSE)`, made("ntf_", at), i, at.UnixMilli()))(t)
		}
		deliveries := map[string]grove.Delivery{
			"settled":       {State: grove.DeliveryDelivered, CreatedAt: before, DeliveredAt: before},
			"given up":      {State: grove.DeliveryFailed, CreatedAt: before},
			"waiting":       {State: grove.DeliveryPending, CreatedAt: before, NextAt: before},
			"came late":     {State: grove.DeliveryDelivered, CreatedAt: before, DeliveredAt: after},
			"settled later": {State: grove.DeliveryDelivered, CreatedAt: after, DeliveredAt: after},
		}
		for name, d := range deliveries {
			d.ID, d.EndpointID, d.LastError, d.Body = made("dlv_", d.CreatedAt), "wh_1", name, []byte("{}")
			ok(t, db.AddDelivery(ctx, d))
		}
		same(t, must(db.Prune(ctx, limit, time.Time{}, time.Time{}))(t), false)
		left := map[string]bool{}
		for _, d := range must(db.Deliveries(ctx, 1, "", grove.Page{}))(t).Items {
			left[d.LastError] = true
		}
		same(t, left, map[string]bool{"waiting": true, "came late": true, "settled later": true})
		same(t, must(db.Notifications(ctx, 1, false, grove.Page{}))(t).Total, 1)
		first, last, err := db.EventRange(ctx)
		ok(t, err)
		same(t, []int64{first, last}, []int64{3, 4})

		same(t, must(db.Prune(ctx, after.Add(time.Hour), time.Time{}, time.Time{}))(t), false)
		first, last, err = db.EventRange(ctx)
		ok(t, err)
		same(t, []int64{first, last}, []int64{4, 4}) // the newest tells where the others were
	})
}

func TestOldPicturesOfJobsAreForgottenAndTheJobsAreNot(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var ids []int64
		for _, at := range []time.Time{noon.Add(-time.Hour), noon.Add(time.Hour), {}} {
			j := must(db.CreateJob(ctx, queued("S1"), nil))(t)
			must(db.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
				j.PicturedAt = at
				return nil, nil
			}))(t)
			ids = append(ids, j.ID)
		}
		same(t, must(db.Prune(ctx, noon, time.Time{}, time.Time{}))(t), false)
		var left []time.Time
		for _, id := range ids {
			left = append(left, must(db.Job(ctx, id))(t).PicturedAt)
		}
		same(t, left, []time.Time{{}, noon.Add(time.Hour), {}})
	})
}

func TestMuchIsPrunedInSteps(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		events := make([]grove.Event, 2500)
		for i := range events {
			events[i] = grove.Event{UserID: 1, Type: grove.JobQueued, At: noon, Data: grove.EventData{DeviceID: strconv.Itoa(i)}}
		}
		ok(t, db.AddEvents(ctx, events))
		for _, want := range []int64{1001, 2001, 2500, 2500} {
			must(db.Prune(ctx, noon.Add(time.Hour), time.Time{}, time.Time{}))(t)
			first, last, err := db.EventRange(ctx)
			ok(t, err)
			same(t, []int64{first, last}, []int64{want, 2500})
		}
	})
}
