package own

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountPrinters(rt *rest.Router) {
	const tag = "printers"
	rest.Handle(rt, get("/printers", tag, "My printers as they are now"), f.printers)
	rest.Handle(rt, get("/printers/{serial}", tag, "One printer as it is now"), f.printer)
	report := get("/printers/{serial}/report", tag, "All that a printer said, in its own words")
	report.About = "Its reports merged into one, with members that Grove has no name for, and how old the newest is. Access codes are never in it; " +
		"where the printer stands is for those who may see its code."
	rest.Handle(rt, report, f.report)
	change := op(http.MethodPatch, "/printers/{serial}", tag, "Give a printer another name, or other tags")
	change.About = "What is absent stays. Tags are words of your own, at most 20 of 1 to 40 characters; whoever sees the printer sees them, and jobs of any printer can ask for them."
	rest.Handle(rt, change, f.changePrinter)
	heat := get("/printers/{serial}/temperatures", tag, "How hot a printer was")
	heat.About = "From `from` to `to`, the last six hours unless said, in up to `points` steps of whole tens of seconds: columns of one length, " +
		"to half a degree, null where nothing is known. Seven days are kept."
	rest.Handle(rt, heat, f.temperatures)
	plate := post("/printers/{serial}/plate-clear", tag, "Confirm that the plate is empty")
	plate.About = "Nothing starts on a printer after a print until a person has looked and said so."
	rest.Handle(rt, plate, f.clearPlate)
	pin := fresh(post("/printers/{serial}/pin", tag, "A PIN that gives a printer of mine away"))
	pin.About = "Whoever signs in and types it within ten minutes, once, has the printer then: with `POST /v1/user-service/my/pincode/{pin}`, as slicers send it, " +
		"or with `grove printers claim PIN`."
	pin.Status = http.StatusCreated
	rest.Handle(rt, pin, f.pin)
	command := post("/printers/{serial}/commands", tag, "Send a command to a printer")
	command.About = "The body is what a client would publish to `device/{serial}/request`, one command. " +
		"The answer says how far it got: accepted and rejected are the printer's own words, timed_out means it may have worked. " +
		"A start becomes a job. Stop and pause are never limited. " +
		"With `expected_print` beside the class, of the `run` that the printer was shown with or the `task_id` of a job, it is for that print alone: " +
		"409 `another_print` or `print_over`, and nothing was sent, once the printer is surely at another or at rest; by `task_id` alone a stop or a pause is sent at rest all the same."
	command.Uncounted = rest.Always // the handler counts, once it knows that it is neither stop nor pause
	rest.Handle(rt, command, f.command)
}

func (f *face) printers(ctx context.Context, in *paged) (cloudapi.Data[[]grove.Live], error) {
	list, err := f.Fleet.Printers(ctx, rest.Actor(ctx), in.Want())
	return cloudapi.ListOf(list, in.Want()), err
}

type bySerial struct {
	Serial string `path:"serial" maxLength:"64"`
}

func (f *face) printer(ctx context.Context, in *bySerial) (cloudapi.Data[grove.Live], error) {
	if err := rest.CountStatus(ctx, in.Serial); err != nil {
		return cloudapi.Data[grove.Live]{}, err
	}
	live, err := f.Fleet.Live(ctx, rest.Actor(ctx), in.Serial)
	return cloudapi.Of(live), err
}

func (f *face) report(ctx context.Context, in *bySerial) (cloudapi.Data[grove.RawReport], error) {
	r, err := f.Fleet.Report(ctx, rest.Actor(ctx), in.Serial)
	return cloudapi.Of(r), err
}

type printerChange struct {
	Serial string `path:"serial" maxLength:"64"`
	Body   cloudapi.PrinterEdit
}

func (f *face) changePrinter(ctx context.Context, in *printerChange) (cloudapi.Data[grove.Printer], error) {
	p, err := f.Fleet.Change(ctx, rest.Actor(ctx), in.Serial, fleet.Change(in.Body))
	return cloudapi.Of(p), err
}

type temperaturesInput struct {
	Serial string `path:"serial" maxLength:"64"`

	From   time.Time `query:"from" doc:"The beginning, as RFC 3339 has it."`
	To     time.Time `query:"to" doc:"The end, as RFC 3339 has it; now unless said."`
	Points int       `query:"points" minimum:"2" maximum:"2000" doc:"How many steps at most; 360 unless said."`
}

func (f *face) temperatures(ctx context.Context, in *temperaturesInput) (cloudapi.Data[grove.Temperatures], error) {
	t, err := f.Fleet.Temperatures(ctx, rest.Actor(ctx), in.Serial, fleet.Span{From: in.From, To: in.To, Points: in.Points})
	return cloudapi.Of(t), err
}

func (f *face) clearPlate(ctx context.Context, in *bySerial) (cloudapi.Data[grove.Printer], error) {
	p, err := f.Queue.ClearPlate(ctx, rest.Actor(ctx), in.Serial)
	return cloudapi.Of(p), err
}

func (f *face) pin(ctx context.Context, in *bySerial) (cloudapi.Data[cloudapi.PrinterPIN], error) {
	p, err := f.Fleet.OfferPIN(ctx, rest.Actor(ctx), in.Serial)
	return cloudapi.Of(cloudapi.PrinterPIN{DeviceID: p.Serial, PIN: p.PIN, ExpiresAt: p.Until}), err
}

type commandInput struct {
	Serial string `path:"serial" maxLength:"64"`
	Body   json.RawMessage
}

func (f *face) command(ctx context.Context, in *commandInput) (cloudapi.Data[grove.CommandResult], error) {
	if !urgent(in.Body) {
		if err := rest.Count(ctx); err != nil {
			return cloudapi.Data[grove.CommandResult]{}, err
		}
	}
	result, err := f.Fleet.Command(ctx, rest.Actor(ctx), in.Serial, in.Body)
	return cloudapi.Of(result), err
}

// urgent reports whether a body is nothing but stop and pause.
func urgent(body []byte) bool {
	requests, err := bambu.ParseRequests(body)
	if err != nil {
		return false
	}
	for _, r := range requests {
		if !r.Urgent() {
			return false
		}
	}
	return len(requests) > 0
}
