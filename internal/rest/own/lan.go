package own

import (
	"context"
	"net/http"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountLAN(rt *rest.Router) {
	const tag = "printers"
	add := post("/printers", tag, "Add a printer by its address")
	add.About = "The server connects to the printer and tries it step by step; it is kept when it is there, speaks TLS with a certificate of its serial, and takes the access code, or with `force`. " +
		"For owners and admins of the server, unless one's own `bridge` reaches it. Addresses are those of private networks unless the server, or the bridge, was told of more."
	add.Status = http.StatusCreated
	rest.Handle(rt, add, f.addPrinter)
	pair := post("/printers/{serial}/pair", tag, "Pair a printer anew")
	pair.About = "After its access code or its key changed. It must show the key that it is known by, unless `new_key` says that whatever key it shows now is its own, which ends a quarantine: make sure that it is your printer that answers there. " +
		"`new_key` is for people alone, within ten minutes of a sign-in or of `POST " + rest.ConfirmPath + "`: else 403 with the cause `unconfirmed`."
	rest.Handle(rt, pair, f.pair)
	move := op(http.MethodPut, "/printers/{serial}/address", tag, "Say where a printer stands now")
	move.About = "Whole: without a `bridge` the server itself reaches it."
	rest.Handle(rt, move, f.address)
	test := post("/printers/{serial}/test", tag, "Try a printer step by step, and say what to do")
	test.About = "A link that is up is asked, not ended."
	rest.Handle(rt, test, f.testPrinter)
	discover := post("/printers/discover", tag, "Look for printers on the server's networks")
	discover.About = "Printers announce themselves in their own network only; elsewhere, and in a container, name a `subnet`. For owners and admins of the server, unless one's own `bridge` looks in its network."
	rest.Handle(rt, discover, f.discover)
}

type addInput struct {
	Body cloudapi.LANRequest
}

func (f *face) addPrinter(ctx context.Context, in *addInput) (cloudapi.Data[cloudapi.LANBound], error) {
	b := in.Body
	bound, err := f.Fleet.Add(ctx, rest.Actor(ctx), fleet.LANBinding{
		Binding: fleet.Binding{Serial: b.Serial, Name: b.Name, Code: string(b.AccessCode), Model: b.Model, PlateClear: b.PlateClear},
		LAN:     standing(b.Host, b.Bridge, b.LANPorts), Force: b.Force,
	})
	return cloudapi.Of(cloudapi.LANBound(bound)), err
}

func standing(host, bridge string, p cloudapi.LANPorts) grove.LAN {
	return grove.LAN{Host: host, Bridge: bridge, MQTTS: p.MQTTS, FTPS: p.FTPS, Camera: p.Camera, RTSPS: p.RTSPS}
}

type pairInput struct {
	Serial string `path:"serial" maxLength:"64"`
	Body   cloudapi.LANPair
}

func (f *face) pair(ctx context.Context, in *pairInput) (cloudapi.Data[cloudapi.LANBound], error) {
	if in.Body.NewKey { // who answers there gets the access code, and is believed from then on
		if err := rest.AskAgain(ctx, f.Access); err != nil {
			return cloudapi.Data[cloudapi.LANBound]{}, err
		}
	}
	bound, err := f.Fleet.Pair(ctx, rest.Actor(ctx), in.Serial, fleet.Pairing{Code: string(in.Body.AccessCode), NewKey: in.Body.NewKey})
	return cloudapi.Of(cloudapi.LANBound(bound)), err
}

type addressInput struct {
	Serial string `path:"serial" maxLength:"64"`
	Body   cloudapi.LANAddress
}

func (f *face) address(ctx context.Context, in *addressInput) (cloudapi.Data[cloudapi.LANBound], error) {
	if err := rest.Need("host", in.Body.Host); err != nil {
		return cloudapi.Data[cloudapi.LANBound]{}, err
	}
	bound, err := f.Fleet.Pair(ctx, rest.Actor(ctx), in.Serial, fleet.Pairing{LAN: standing(in.Body.Host, in.Body.Bridge, in.Body.LANPorts)})
	return cloudapi.Of(cloudapi.LANBound(bound)), err
}

func (f *face) testPrinter(ctx context.Context, in *bySerial) (cloudapi.Data[grove.LANTest], error) {
	test, err := f.Fleet.Test(ctx, rest.Actor(ctx), in.Serial)
	return cloudapi.Of(test), err
}

type discoverInput struct {
	Body cloudapi.LANSearch
}

func (f *face) discover(ctx context.Context, in *discoverInput) (cloudapi.Data[[]grove.FoundPrinter], error) {
	found, err := f.Fleet.Search(ctx, rest.Actor(ctx), grove.LANSearch{
		Bridge: in.Body.Bridge, Subnet: in.Body.Subnet, Wait: time.Duration(in.Body.WaitSeconds) * time.Second,
	})
	return cloudapi.Of(found), err
}
