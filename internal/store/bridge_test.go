package store_test

import (
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestBridgesAreKeptAndCounted(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		before := must(db.GrantsVersion(ctx))(t)
		w := grove.Bridge{ID: "bridge_01jd00000000000000000000aa", UserID: a.ID, Name: "workshop", Hash: "00ff", CreatedAt: noon}
		ok(t, db.CreateBridge(ctx, w, did(a.ID, "bridge.create")))
		same(t, must(db.Bridges(ctx, a.ID, grove.Page{}))(t).Items, []grove.Bridge{w})
		same(t, len(must(db.Bridges(ctx, b.ID, grove.Page{}))(t).Items), 0)
		grants := must(db.Grants(ctx))(t)
		same(t, grants.Bridges, []grove.Bridge{w})
		if grants.Version <= before {
			t.Errorf("version %d after %d", grants.Version, before)
		}

		came := grove.BridgeSeen{Since: noon.Add(time.Minute), Version: "1.2", Address: "192.0.2.1"}
		same(t, must(db.BridgeCame(ctx, w.ID, came))(t).Epoch, int64(1))
		same(t, must(db.BridgeCame(ctx, w.ID, came))(t).Epoch, int64(2))
		came.Epoch = 2
		same(t, must(db.Bridges(ctx, a.ID, grove.Page{}))(t).Items[0].BridgeSeen, came)

		refused(t, db.RevokeBridge(ctx, b.ID, w.ID, noon), grove.NotFound, "bridge_not_found")
		ok(t, db.RevokeBridge(ctx, a.ID, w.ID, noon.Add(2*time.Minute), did(a.ID, "bridge.revoke")))
		ok(t, db.RevokeBridge(ctx, a.ID, w.ID, noon.Add(time.Hour)))
		same(t, must(db.Bridges(ctx, a.ID, grove.Page{}))(t).Items[0].RevokedAt, noon.Add(2*time.Minute))
		same(t, len(must(db.Grants(ctx))(t).Bridges), 0)
		_, err := db.BridgeCame(ctx, w.ID, came)
		refused(t, err, grove.NotFound, "bridge_not_found")
		same(t, must(db.Audit(ctx, a.ID, grove.Page{}))(t).Items[0].Action, "bridge.revoke")
	})
}

func TestItIsToldOnceThatABridgeCameOrWent(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, _ := two(t, db)
		const id = "bridge_01jd00000000000000000000aa"
		ok(t, db.CreateBridge(ctx, grove.Bridge{ID: id, UserID: a.ID, Name: "workshop", Hash: "00ff", CreatedAt: noon}))
		tell := func(connected bool, kind grove.EventType) {
			t.Helper()
			ok(t, db.TellBridge(ctx, id, connected, func(b grove.Bridge) []grove.Event {
				return []grove.Event{{UserID: b.UserID, Type: kind, At: noon, Data: grove.EventData{BridgeID: b.ID, BridgeName: b.Name}}}
			}))
		}
		told := func(want ...grove.EventType) {
			t.Helper()
			got := []grove.EventType{}
			for _, e := range must(db.Events(ctx, a.ID, 0, 0))(t) {
				if e.Type != grove.NotificationCreated {
					got = append(got, e.Type)
				}
			}
			same(t, got, append([]grove.EventType{}, want...))
		}
		tell(false, grove.BridgeDisconnected) // nobody knew of it
		told()
		tell(true, grove.BridgeConnected)
		tell(true, grove.BridgeConnected)
		told(grove.BridgeConnected)
		same(t, must(db.ToldBridges(ctx))(t), []string{id})
		tell(false, grove.BridgeDisconnected)
		tell(false, grove.BridgeDisconnected)
		told(grove.BridgeConnected, grove.BridgeDisconnected)
		same(t, must(db.Notifications(ctx, a.ID, false, grove.Page{}))(t).Total, 1)
		tell(true, grove.BridgeConnected)
		ok(t, db.RevokeBridge(ctx, a.ID, id, noon))
		tell(false, grove.BridgeDisconnected)
		told(grove.BridgeConnected, grove.BridgeDisconnected, grove.BridgeConnected)
		same(t, len(must(db.ToldBridges(ctx))(t)), 0)
	})
}
