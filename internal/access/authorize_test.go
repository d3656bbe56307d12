package access

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/grovecloud/grove"
)

// granting is rights over nothing but these grants.
func granting(g grove.Grants) *Rights {
	r := &Rights{}
	r.known.Store(tabled(g, time.Now()))
	return r
}

// The answers of the gate in a table.
const (
	yes     = "yes"
	hidden  = string(grove.NotFound)
	no      = string(grove.Forbidden)
	unknown = string(grove.Unauthenticated)
)

func check(t *testing.T, r *Rights, who string, actor grove.Actor, action grove.Action, on grove.Resource, want string) {
	t.Helper()
	err := r.Authorize(actor, action, on)
	if want == yes && err != nil || want != yes && !errors.Is(err, grove.Code(want)) {
		t.Errorf("%s, %s: %v, want %s", who, action, err, want)
	}
}

// The people of these tests, and what they were given.
const (
	annID, bobID, cyID, dorisID, evaID = 7, 8, 9, 10, 11
)

func matrix() *Rights {
	soon := time.Now().Add(time.Hour)
	key := func(id string, user int64, all bool, printers []string, scopes ...grove.Action) grove.Key {
		return grove.Key{ID: id, UserID: user, Hash: id, AllPrinters: all, Printers: printers, Scopes: scopes}
	}
	late := key("late", annID, true, nil, grove.Scopes()...)
	late.ExpiresAt = time.Now().Add(-time.Second)
	return granting(grove.Grants{
		Roles: map[int64]grove.Role{annID: grove.Operator, bobID: grove.Owner, cyID: grove.Viewer, dorisID: grove.Admin, evaID: grove.Operator},
		Keys: []grove.Key{
			key("all", annID, true, nil, grove.Scopes()...),
			key("read", annID, true, nil, grove.ReadPrinter),
			key("start", annID, false, []string{"P1"}, grove.StartPrint),
			key("other", annID, false, []string{"P9"}, grove.Scopes()...),
			key("noprinter", annID, false, nil, grove.Scopes()...),
			key("noscope", annID, true, nil),
			key("guest", evaID, true, nil, grove.Scopes()...),
			key("viewer", cyID, true, nil, grove.Scopes()...),
			late,
		},
		Shares: []grove.Share{
			{ID: "s1", Serial: "P1", OwnerID: annID, UserID: evaID, Role: grove.Operator, ExpiresAt: soon},
			{ID: "s2", Serial: "P1", OwnerID: annID, UserID: dorisID, Role: grove.Viewer},
			{ID: "s3", Serial: "P1", OwnerID: annID, UserID: cyID, Role: grove.Operator},
			{ID: "s4", Serial: "P2", OwnerID: annID, UserID: evaID, Role: grove.Operator}, // bob's now
			{ID: "s5", Serial: "P5", OwnerID: annID, UserID: evaID, Role: grove.Operator, ExpiresAt: time.Now().Add(-time.Second)},
		},
	})
}

func user(id int64) grove.Actor { return grove.Actor{Kind: grove.ActorUser, UserID: id} }

func byKey(id string, userID int64) grove.Actor {
	return grove.Actor{Kind: grove.ActorKey, UserID: userID, SessionID: id}
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	code := grove.Actor{Kind: grove.ActorCode, Serial: "P1"}
	printer := grove.Actor{Kind: grove.ActorPrinter, Serial: "P1"}
	ann := user(annID)
	mine := grove.Resource{Serial: "P1", OwnerID: annID}
	foreign := grove.Resource{Serial: "P2", OwnerID: bobID}
	unbound := grove.Resource{Serial: "P3"}
	cys := grove.Resource{Serial: "P4", OwnerID: cyID}
	over := grove.Resource{Serial: "P5", OwnerID: annID}

	// read, control, heat, start, gcode, bind, unbind, share, code, report
	actions := []grove.Action{
		grove.ReadPrinter, grove.ControlPrinter, grove.HeatPrinter, grove.StartPrint, grove.SendGcode, grove.BindPrinter,
		grove.UnbindPrinter, grove.SharePrinter, grove.SeeCode, grove.ReportState,
	}
	all := func(s string) [10]string { return [10]string{s, s, s, s, s, s, s, s, s, s} }
	looks := [10]string{yes, no, no, no, no, no, no, no, no, no}
	prints := [10]string{yes, yes, yes, yes, no, no, no, no, no, no}
	owns := [10]string{yes, yes, yes, yes, yes, yes, yes, yes, yes, no}
	r := matrix()
	for _, tc := range []struct {
		name  string
		actor grove.Actor
		r     grove.Resource
		want  [10]string
	}{
		{"operator, own", ann, mine, owns},
		{"operator, foreign", ann, foreign, all(hidden)},
		{"operator, unbound", ann, unbound, [10]string{hidden, hidden, hidden, hidden, hidden, yes, hidden, hidden, hidden, hidden}},
		{"owner, own", user(bobID), foreign, owns},
		{"owner of the server, foreign", user(bobID), mine, all(hidden)},
		{"viewer, own", user(cyID), cys, looks},
		{"viewer, unbound", user(cyID), unbound, [10]string{hidden, hidden, hidden, hidden, hidden, no, hidden, hidden, hidden, hidden}},
		{"viewer with an operator's share", user(cyID), mine, looks},
		{"guest who may print", user(evaID), mine, prints},
		{"guest who may look", user(dorisID), mine, looks},
		{"guest of the former owner", user(evaID), foreign, all(hidden)},
		{"guest whose time is over", user(evaID), over, all(hidden)},
		{"account that is not known", user(99), grove.Resource{Serial: "P6", OwnerID: 99}, all(hidden)},

		{"key for all, own", byKey("all", annID), mine, [10]string{yes, yes, yes, yes, yes, yes, no, no, yes, no}},
		{"key for all, foreign", byKey("all", annID), foreign, all(hidden)},
		{"key that reads", byKey("read", annID), mine, looks},
		{"key that starts", byKey("start", annID), mine, [10]string{yes, yes, no, yes, no, no, no, no, no, no}},
		{"key that starts, another printer", byKey("start", annID), grove.Resource{Serial: "P7", OwnerID: annID}, [10]string{hidden, hidden, hidden, hidden, hidden, hidden, hidden, hidden, hidden, no}},
		{"key for another printer", byKey("other", annID), mine, [10]string{hidden, hidden, hidden, hidden, hidden, hidden, hidden, hidden, hidden, no}},
		{"key for no printer", byKey("noprinter", annID), mine, [10]string{hidden, hidden, hidden, hidden, hidden, hidden, hidden, hidden, hidden, no}},
		{"key without scope", byKey("noscope", annID), mine, all(no)},
		{"key of a guest", byKey("guest", evaID), mine, prints},
		{"key of a viewer", byKey("viewer", cyID), cys, looks},
		{"key that is over", byKey("late", annID), mine, all(unknown)},
		{"key that is none", byKey("gone", annID), mine, all(unknown)},
		{"key of somebody else", byKey("all", bobID), foreign, all(unknown)},

		{"code, its own", code, mine, [10]string{yes, yes, yes, yes, yes, no, no, no, no, no}},
		{"code, other", code, foreign, all(hidden)},
		{"printer, itself", printer, mine, [10]string{no, no, no, no, no, no, no, no, no, yes}},
		{"printer, other", printer, foreign, all(hidden)},
		{"system", grove.Actor{Kind: grove.ActorSystem}, foreign, all(yes)},
		{"nobody", grove.Actor{}, mine, all(unknown)},
		{"nobody, unbound", grove.Actor{}, grove.Resource{}, all(unknown)},
		{"a user without number", user(0), unbound, all(unknown)},
		{"a user below zero", user(-7), grove.Resource{OwnerID: -7}, all(unknown)},
		{"a key without id", byKey("", annID), mine, all(unknown)},
		{"a code without printer", grove.Actor{Kind: grove.ActorCode}, grove.Resource{}, all(unknown)},
		{"a printer without serial", grove.Actor{Kind: grove.ActorPrinter}, grove.Resource{}, all(unknown)},
		{"an unknown kind", grove.Actor{Kind: "root", UserID: 7, Serial: "P1"}, mine, all(unknown)},
	} {
		for i, action := range actions {
			check(t, r, tc.name, tc.actor, action, tc.r, tc.want[i])
		}
	}
	for _, actor := range []grove.Actor{ann, code, printer, byKey("all", annID)} {
		check(t, r, string(actor.Kind), actor, "printer:explode", mine, no)
	}
}

func TestAuthorizeAccounts(t *testing.T) {
	t.Parallel()
	// account, files, write files, jobs, write jobs, webhooks, audit, keys, users
	actions := []grove.Action{
		grove.ReadAccount, grove.ReadFiles, grove.WriteFiles, grove.ReadJobs, grove.WriteJobs, grove.AdminWebhooks, grove.ReadAudit, grove.AdminKeys, grove.AdminUsers,
	}
	all := func(s string) [9]string { return [9]string{s, s, s, s, s, s, s, s, s} }
	r := matrix()
	for _, tc := range []struct {
		name  string
		actor grove.Actor
		owner int64
		want  [9]string
	}{
		{"operator, own", user(annID), annID, [9]string{yes, yes, yes, yes, yes, yes, yes, yes, no}},
		{"operator, foreign", user(annID), bobID, [9]string{no, no, no, hidden, hidden, no, no, no, no}},
		{"operator, the server", user(annID), 0, [9]string{no, no, no, hidden, hidden, no, no, no, no}},
		{"viewer, own", user(cyID), cyID, [9]string{yes, yes, no, yes, no, no, yes, yes, no}},
		{"admin, own", user(dorisID), dorisID, all(yes)},
		{"admin, the server", user(dorisID), 0, [9]string{no, no, no, hidden, hidden, no, yes, no, yes}},
		{"owner, the server", user(bobID), 0, [9]string{no, no, no, hidden, hidden, no, yes, no, yes}},
		{"key for all", byKey("all", annID), annID, [9]string{yes, yes, yes, yes, yes, yes, yes, no, no}},
		{"key for one printer", byKey("other", annID), annID, [9]string{yes, yes, yes, yes, yes, no, no, no, no}},
		{"key that reads", byKey("read", annID), annID, [9]string{yes, no, no, no, no, no, no, no, no}},
		{"key that starts", byKey("start", annID), annID, [9]string{yes, no, no, yes, yes, no, no, no, no}},
		{"key without scope", byKey("noscope", annID), annID, all(no)},
		{"key of a viewer", byKey("viewer", cyID), cyID, [9]string{yes, yes, no, yes, no, no, yes, no, no}},
		{"key that is over", byKey("late", annID), annID, all(unknown)},
		{"code", grove.Actor{Kind: grove.ActorCode, Serial: "P1"}, 0, [9]string{no, no, no, hidden, hidden, no, no, no, no}},
		{"printer", grove.Actor{Kind: grove.ActorPrinter, Serial: "P1"}, annID, [9]string{no, no, no, hidden, hidden, no, no, no, no}},
		{"nobody", grove.Actor{}, annID, all(unknown)},
	} {
		for i, action := range actions {
			check(t, r, tc.name, tc.actor, action, grove.Resource{OwnerID: tc.owner}, tc.want[i])
		}
	}
}

func TestAForeignPrinterLooksLikeNone(t *testing.T) {
	t.Parallel()
	r := matrix()
	foreign := r.Authorize(user(annID), grove.ReadPrinter, grove.Resource{Serial: "P2", OwnerID: bobID})
	absent := r.Authorize(user(annID), grove.ReadPrinter, grove.Resource{Serial: "P2"})
	if foreign.Error() != absent.Error() || !grove.HasReason(foreign, grove.ReasonPrinterNotFound) {
		t.Errorf("foreign %q, absent %q", foreign, absent)
	}
}

// Whatever a key is made of: it never may what its user may not, nothing without a
// scope for it, nothing on a printer that is not named, and its lists show exactly
// the printers that it may read.
func TestAKeyGrantsNoMoreThanItSays(t *testing.T) {
	t.Parallel()
	serials := []string{"P1", "P2", "P3"}
	roles := []grove.Role{grove.Owner, grove.Admin, grove.Operator, grove.Viewer}
	every := append(grove.Scopes(), grove.UnbindPrinter, grove.SharePrinter, grove.AdminKeys, grove.AdminUsers, grove.ReadAccount, grove.ReportState)
	rapid.Check(t, func(t *rapid.T) {
		k := grove.Key{
			ID: "k", UserID: annID, Hash: "k", AllPrinters: rapid.Bool().Draw(t, "all"),
			Scopes:   rapid.SliceOfDistinct(rapid.SampledFrom(grove.Scopes()), rapid.ID).Draw(t, "scopes"),
			Printers: rapid.SliceOfDistinct(rapid.SampledFrom(serials), rapid.ID).Draw(t, "printers"),
		}
		share := grove.Share{Serial: "P2", OwnerID: bobID, UserID: annID, Role: rapid.SampledFrom(roles[2:]).Draw(t, "share")}
		r := granting(grove.Grants{
			Roles: map[int64]grove.Role{annID: rapid.SampledFrom(roles).Draw(t, "role"), bobID: grove.Operator},
			Keys:  []grove.Key{k}, Shares: []grove.Share{share},
		})
		on := grove.Resource{Serial: rapid.SampledFrom(serials).Draw(t, "serial"), OwnerID: rapid.SampledFrom([]int64{0, annID, bobID}).Draw(t, "owner")}
		action := rapid.SampledFrom(every).Draw(t, "action")
		allowed := r.Authorize(byKey("k", annID), action, on) == nil
		switch {
		case allowed && len(k.Scopes) == 0:
			t.Fatal("a key without scopes was allowed something")
		case allowed && !k.AllPrinters && !slices.Contains(k.Printers, on.Serial):
			t.Fatal("a key was allowed something on a printer that it does not name")
		case allowed && r.Authorize(user(annID), action, on) != nil:
			t.Fatal("a key was allowed what its user is not")
		case allowed && !k.Allows(action):
			t.Fatal("a key was allowed what no scope of it says")
		}
		reads := r.Authorize(byKey("k", annID), grove.ReadPrinter, on) == nil
		if shows := r.Reach(byKey("k", annID)).Has(on.Serial, on.OwnerID); k.Allows(grove.ReadPrinter) && shows != reads {
			t.Fatalf("it may read: %t, its lists show: %t", reads, shows)
		}
	})
}

func BenchmarkAuthorizeAGuest(b *testing.B) {
	r, on := matrix(), grove.Resource{Serial: "P1", OwnerID: annID}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Authorize(byKey("guest", evaID), grove.ReadPrinter, on); err != nil {
			b.Fatal(err)
		}
	}
}
