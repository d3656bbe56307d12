package access

import (
	"errors"
	"testing"

	"github.com/grovecloud/grove"
)

func TestAuthorize(t *testing.T) {
	t.Parallel()
	const (
		yes     = "yes"
		hidden  = string(grove.NotFound)
		no      = string(grove.Forbidden)
		unknown = string(grove.Unauthenticated)
	)
	user := grove.Actor{Kind: grove.ActorUser, UserID: 7, SessionID: "ses_1"}
	code := grove.Actor{Kind: grove.ActorCode, Serial: "P1"}
	printer := grove.Actor{Kind: grove.ActorPrinter, Serial: "P1"}
	mine := grove.Resource{Serial: "P1", OwnerID: 7}
	foreign := grove.Resource{Serial: "P2", OwnerID: 8}
	unbound := grove.Resource{Serial: "P3"}

	// read, control, heat, start, gcode, bind, report
	actions := []grove.Action{
		grove.ReadPrinter, grove.ControlPrinter, grove.HeatPrinter, grove.StartPrint, grove.SendGcode, grove.BindPrinter, grove.ReportState,
	}
	all := func(s string) [7]string { return [7]string{s, s, s, s, s, s, s} }
	a := &Access{}
	for _, tc := range []struct {
		name  string
		actor grove.Actor
		r     grove.Resource
		want  [7]string
	}{
		{"user, own", user, mine, [7]string{yes, yes, yes, yes, yes, yes, no}},
		{"user, foreign", user, foreign, all(hidden)},
		{"user, unbound", user, unbound, [7]string{hidden, hidden, hidden, hidden, hidden, yes, hidden}},
		{"code, its own", code, mine, [7]string{yes, yes, yes, yes, yes, no, no}},
		{"code, other", code, foreign, all(hidden)},
		{"printer, itself", printer, mine, [7]string{no, no, no, no, no, no, yes}},
		{"printer, other", printer, foreign, all(hidden)},
		{"system", grove.Actor{Kind: grove.ActorSystem}, foreign, all(yes)},
		{"nobody", grove.Actor{}, mine, all(unknown)},
		{"nobody, unbound", grove.Actor{}, grove.Resource{}, all(unknown)},
		{"a user without number", grove.Actor{Kind: grove.ActorUser}, unbound, all(unknown)},
		{"a user below zero", grove.Actor{Kind: grove.ActorUser, UserID: -7}, grove.Resource{OwnerID: -7}, all(unknown)},
		{"a code without printer", grove.Actor{Kind: grove.ActorCode}, grove.Resource{}, all(unknown)},
		{"a printer without serial", grove.Actor{Kind: grove.ActorPrinter}, grove.Resource{}, all(unknown)},
		{"an unknown kind", grove.Actor{Kind: "root", UserID: 7, Serial: "P1"}, mine, all(unknown)},
	} {
		for i, action := range actions {
			err := a.Authorize(tc.actor, action, tc.r)
			if want := tc.want[i]; want == yes && err != nil || want != yes && !errors.Is(err, grove.Code(want)) {
				t.Errorf("%s, %s: %v, want %s", tc.name, action, err, want)
			}
		}
	}
	for _, actor := range []grove.Actor{user, code, printer} {
		if err := a.Authorize(actor, "printer:explode", mine); !errors.Is(err, grove.Forbidden) {
			t.Errorf("an unknown action as %s: %v, want forbidden", actor.Kind, err)
		}
	}
}

func TestAForeignPrinterLooksLikeNone(t *testing.T) {
	t.Parallel()
	a, user := &Access{}, grove.Actor{Kind: grove.ActorUser, UserID: 7}
	foreign := a.Authorize(user, grove.ReadPrinter, grove.Resource{Serial: "P2", OwnerID: 8})
	absent := a.Authorize(user, grove.ReadPrinter, grove.Resource{Serial: "P2"})
	if foreign.Error() != absent.Error() || !grove.HasReason(foreign, grove.ReasonPrinterNotFound) {
		t.Errorf("foreign %q, absent %q", foreign, absent)
	}
}
