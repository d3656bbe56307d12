package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestEndpointsBelongToTheirUser(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		want := subscribe(t, db, "wh_1", grove.PrintFailed)
		newer := subscribe(t, db, "wh_2", grove.PrintStarted)
		same(t, must(db.Endpoint(ctx, 1, "wh_1"))(t), want)
		same(t, must(db.AnyEndpoint(ctx, "wh_1"))(t), want)
		same(t, must(db.Endpoints(ctx, 1, grove.Page{Limit: 20}))(t), grove.List[grove.Endpoint]{Items: []grove.Endpoint{newer, want}, Total: 2})
		same(t, must(db.Endpoints(ctx, 2, grove.Page{}))(t).Total, 0)
		_, err := db.Endpoint(ctx, 2, "wh_1")
		refused(t, err, grove.NotFound, "webhook_not_found")
		_, err = db.UpdateEndpoint(ctx, 2, "wh_1", func(*grove.Endpoint) error { return nil })
		refused(t, err, grove.NotFound, "webhook_not_found")
		refused(t, db.DeleteEndpoint(ctx, 2, "wh_1"), grove.NotFound, "webhook_not_found")
		refused(t, db.DisableEndpoint(ctx, "wh_9", ""), grove.NotFound, "webhook_not_found")
		refused(t, db.CreateEndpoint(ctx, want), grove.Conflict, "exists_already")

		changed := must(db.UpdateEndpoint(ctx, 1, "wh_1", func(e *grove.Endpoint) error {
			e.URL, e.Secret, e.Events, e.UserID = "https://example.org/new", "whsec_new", nil, 9
			return nil
		}))(t)
		want.URL, want.Secret, want.Events, want.Version = "https://example.org/new", "whsec_new", nil, 2
		same(t, changed, want)
		ok(t, db.DisableEndpoint(ctx, "wh_1", "410 Gone"))
		want.Enabled, want.Disabled, want.Version = false, "410 Gone", 3
		same(t, must(db.AnyEndpoint(ctx, "wh_1"))(t), want)
	})
}

func delivery(id, endpoint string, next time.Time) grove.Delivery {
	return grove.Delivery{
		ID: id, EndpointID: endpoint, Type: grove.WebhookTest, Body: []byte(`{}`), State: grove.DeliveryPending,
		NextAt: next, CreatedAt: noon,
	}
}

func TestDueDeliveriesAreTheOldestOfEachEnabledEndpoint(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		_, waiting, err := db.NextDelivery(ctx)
		ok(t, err)
		same(t, waiting, false)
		for _, id := range []string{"wh_1", "wh_2", "wh_off"} {
			subscribe(t, db, id)
		}
		ok(t, db.DisableEndpoint(ctx, "wh_off", "gone"))
		due := []grove.Delivery{
			delivery("dlv_1", "wh_1", noon.Add(time.Hour)), // waits for its next try
			delivery("dlv_2", "wh_1", noon),
			delivery("dlv_3", "wh_1", noon.Add(-time.Hour)),
			delivery("dlv_4", "wh_2", noon.Add(-time.Second)),
			delivery("dlv_5", "wh_off", noon.Add(-time.Hour)),
		}
		for _, d := range due {
			ok(t, db.AddDelivery(ctx, d))
		}
		same(t, must(db.DueDeliveries(ctx, noon, 10))(t), []grove.Delivery{due[3], due[1]})
		same(t, must(db.DueDeliveries(ctx, noon, 1))(t), []grove.Delivery{due[3]})
		at, waiting, err := db.NextDelivery(ctx)
		ok(t, err)
		same(t, at, noon.Add(-time.Hour))
		same(t, waiting, true)
		refused(t, db.AddDelivery(ctx, delivery("dlv_6", "wh_9", noon)), grove.NotFound, "not_found")
	})
}

func TestWhoWasServedLongestAgoComesFirst(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for i, id := range []string{"wh_1", "wh_2", "wh_3"} { // the last is another user's
			ok(t, db.CreateEndpoint(ctx, grove.Endpoint{ID: id, UserID: int64(1 + i/2), Enabled: true, CreatedAt: noon}))
			for n := range 2 {
				ok(t, db.AddDelivery(ctx, delivery(fmt.Sprintf("dlv_%d%d", i+1, n), id, noon.Add(time.Duration(i)*time.Minute))))
			}
		}
		order := func() (ids []string) {
			for _, d := range must(db.DueDeliveries(ctx, noon.Add(time.Hour), 10))(t) {
				ids = append(ids, d.EndpointID)
			}
			return ids
		}
		same(t, order(), []string{"wh_1", "wh_2", "wh_3"})
		ok(t, db.BeginDelivery(ctx, "dlv_10", 1, noon.Add(2*time.Hour)))
		same(t, order(), []string{"wh_3", "wh_2", "wh_1"})
	})
}

func TestADeliveryIsBegunOnceSettledAndReplayed(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		subscribe(t, db, "wh_1")
		want := delivery("dlv_1", "wh_1", noon)
		ok(t, db.AddDelivery(ctx, want))
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { errs[i] = db.BeginDelivery(ctx, "dlv_1", 1, noon.Add(time.Minute)) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			refused(t, err, grove.Conflict, "delivery_taken")
		}
		same(t, won, 1)
		want.Attempts, want.NextAt = 1, noon.Add(time.Minute)
		same(t, must(db.Delivery(ctx, 1, "dlv_1"))(t), want)
		same(t, len(must(db.DueDeliveries(ctx, noon, 10))(t)), 0)
		refused(t, db.BeginDelivery(ctx, "dlv_9", 1, noon), grove.NotFound, "delivery_not_found")

		want.State, want.LastStatus, want.LastError, want.LastResponse, want.LastSeconds = grove.DeliveryDelivered, 200, "", "ok \x00", 1.25
		want.NextAt, want.DeliveredAt = time.Time{}, noon.Add(time.Second)
		ok(t, db.SettleDelivery(ctx, want))
		want.LastResponse = "ok \uFFFD"
		same(t, must(db.Delivery(ctx, 1, "dlv_1"))(t), want)
		refused(t, db.BeginDelivery(ctx, "dlv_1", 2, noon), grove.Conflict, "delivery_taken")

		_, err := db.ReplayDelivery(ctx, 2, "dlv_1", noon)
		refused(t, err, grove.NotFound, "delivery_not_found")
		_, err = db.Delivery(ctx, 2, "dlv_1")
		refused(t, err, grove.NotFound, "delivery_not_found")
		want.State, want.Attempts, want.NextAt, want.DeliveredAt = grove.DeliveryPending, 0, noon.Add(time.Hour), time.Time{}
		same(t, must(db.ReplayDelivery(ctx, 1, "dlv_1", noon.Add(time.Hour)))(t), want)
		same(t, must(db.DueDeliveries(ctx, noon.Add(time.Hour), 10))(t), []grove.Delivery{want})

		late := want
		late.Attempts, late.State = 1, grove.DeliveryFailed
		refused(t, db.SettleDelivery(ctx, late), grove.Conflict, "delivery_taken")
		same(t, must(db.Delivery(ctx, 1, "dlv_1"))(t), want)

		ok(t, db.DeleteEndpoint(ctx, 1, "wh_1"))
		refused(t, db.SettleDelivery(ctx, want), grove.NotFound, "delivery_not_found")
		same(t, must(db.Deliveries(ctx, 1, "", grove.Page{}))(t).Total, 0)
	})
}

func TestAnEventIsDeliveredToAnEndpointOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		subscribe(t, db, "wh_1", grove.PrintCompleted)
		ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		again := delivery("dlv_x", "wh_1", noon)
		again.EventID = 1
		refused(t, db.AddDelivery(ctx, again), grove.Conflict, "exists_already")
		again.EventID = 0 // a test belongs to no event
		ok(t, db.AddDelivery(ctx, again))
		again.ID = "dlv_y"
		ok(t, db.AddDelivery(ctx, again))
	})
}

func TestEventsPassWhileEndpointsComeAndGo(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		var wg sync.WaitGroup
		errs := make([]error, 2)
		wg.Go(func() {
			for range 20 {
				e := grove.Endpoint{ID: "wh_1", UserID: 1, Events: []grove.EventType{grove.PrintCompleted}, Enabled: true, Secret: "s"}
				errs[0] = errors.Join(errs[0], db.CreateEndpoint(t.Context(), e), db.DeleteEndpoint(t.Context(), 1, "wh_1"))
			}
		})
		wg.Go(func() {
			for range 40 {
				errs[1] = errors.Join(errs[1], db.AddEvents(t.Context(), []grove.Event{completed()}))
			}
		})
		wg.Wait()
		ok(t, errors.Join(errs...))
	})
}
