package queue

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// wish is what a job asks of a printer.
type wish struct {
	file    grove.File
	plate   grove.Plate
	options grove.Options
	any     *grove.Criteria // nil for a job of one printer
	toys    []string        // printers that any leaves out unless it names them
}

// wishOf is what a job asks, whose file this is.
func wishOf(j *grove.Job, f grove.File) wish {
	plate, _ := f.Plate(j.Plate)
	return wish{file: f, plate: plate, options: j.Options, any: j.Any}
}

// sparing lets a wish for any of an owner's printers leave out those that are simulated.
func (q *Queue) sparing(w wish, owner int64) wish {
	if w.any != nil {
		w.toys = q.toys(q.Printers.Owned(owner))
	}
	return w
}

// toys are the simulated ones among an owner's printers; none where all are, since
// then nobody waits for a part.
func (q *Queue) toys(owned []grove.Live) []string {
	var serials []string
	for _, live := range owned {
		if q.Simulated(live.Serial) {
			serials = append(serials, live.Serial)
		}
	}
	if len(serials) == len(owned) {
		return nil
	}
	return serials
}

// values are what a message is made of.
type values = map[string]any

// faults gather misfits.
type faults []grove.Misfit

// lasting adds one that time alone does not mend.
func (l *faults) lasting(reason string, of values, format string, args ...any) {
	*l = append(*l, grove.Misfit{Reason: reason, Message: fmt.Sprintf(format, args...), Lasting: true, Values: of})
}

// add adds what an error says, if there is one.
func (l *faults) add(err error) {
	if err != nil {
		*l = append(*l, misfitOf(err))
	}
}

func misfitOf(err error) grove.Misfit {
	e := grove.AsError(err)
	return grove.Misfit{Reason: e.Reason, Message: e.Message, Values: e.Values}
}

// unsuited holds the wish against the printer as it is built and named: its model, its
// nozzle, what it bears and what is wanted of it.
func (w wish) unsuited(live grove.Live) faults {
	var l faults
	name := w.file.Name
	if w.file.Model != "" && live.Model != "" && w.file.Model != live.Model {
		l.lasting(grove.MisfitModel, values{"of": "file", "wanted": []string{w.file.Model}, "has": live.Model},
			"%s was sliced for %s, and %s is %s; slice it for that model", name, modelName(w.file.Model), live.Name, modelName(live.Model))
	}
	if want, have := w.plate.NozzleDiameter, live.Shadow.NozzleDiameter; want > 0 && have > 0 && want != have {
		l.lasting(grove.MisfitNozzle, values{"of": "file", "wanted": want, "has": have},
			"%s was sliced for a nozzle of %g mm, and %s has one of %g mm; slice it for that nozzle, or change the nozzle", name, want, live.Name, have)
	}
	w.tooHot(live, &l)
	if w.any != nil {
		unwanted(*w.any, live, &l)
		if slices.Contains(w.toys, live.Serial) && !slices.Contains(w.any.Printers, live.Serial) {
			l.lasting(grove.MisfitSimulated, nil, "%s is simulated, so that nothing would be printed; name it if that is what you want", live.Name)
		}
	}
	return l
}

// tooHot adds that the plate's G-code asks for more than the model bears.
func (w wish) tooHot(live grove.Live, l *faults) {
	m, ok := bambu.LookupModel(live.Model)
	if !ok {
		m = bambu.Fallback()
	}
	for _, h := range []struct {
		part      string
		want, max int
	}{{"nozzle", w.plate.MaxNozzle, m.NozzleMax}, {"bed", w.plate.MaxBed, m.BedMax}, {"chamber", w.plate.MaxChamber, max(m.ChamberMax, 60)}} {
		if h.want > h.max {
			l.lasting(grove.MisfitHeat, values{"part": h.part, "wanted": h.want, "bears": h.max},
				"%s heats the %s to %d °C, and %s bears %d °C", w.file.Name, h.part, h.want, modelName(live.Model), h.max)
		}
	}
}

// unwanted adds what the criteria ask for and the printer has not.
func unwanted(c grove.Criteria, live grove.Live, l *faults) {
	if len(c.Models) > 0 && !slices.Contains(c.Models, live.Model) {
		l.lasting(grove.MisfitModel, values{"of": "job", "wanted": c.Models, "has": live.Model},
			"%s is %s, which is not among the models asked for", live.Name, modelName(live.Model))
	}
	if have := live.Shadow.NozzleDiameter; c.NozzleDiameter > 0 && have == 0 {
		l.lasting(grove.MisfitNozzle, values{"of": "job", "wanted": c.NozzleDiameter, "has": 0},
			"which nozzle %s has is not known, and one of %g mm is asked for", live.Name, c.NozzleDiameter)
	} else if c.NozzleDiameter > 0 && have != c.NozzleDiameter {
		l.lasting(grove.MisfitNozzle, values{"of": "job", "wanted": c.NozzleDiameter, "has": have},
			"%s has a nozzle of %g mm, and one of %g mm is asked for", live.Name, have, c.NozzleDiameter)
	}
	for _, tag := range c.Tags {
		if !slices.ContainsFunc(live.Tags, func(t string) bool { return strings.EqualFold(t, tag) }) {
			l.lasting(grove.MisfitTag, values{"tag": tag}, "%s has no tag %q", live.Name, tag)
		}
	}
	if len(c.Printers) > 0 && !slices.Contains(c.Printers, live.Serial) {
		l.lasting(grove.MisfitListed, nil, "%s is not among the printers asked for", live.Name)
	}
}

// unready is what keeps the printer from taking any print this moment.
func (q *Queue) unready(live grove.Live) faults {
	var l faults
	if held, is := q.clockHeld(); is {
		l = append(l, held)
	}
	if q.Gate.Locked(live.OwnerID) {
		l = append(l, lockedAccount)
	}
	err := q.Printers.Fit(live.Serial)
	if err != nil && live.LAN != nil && live.LAN.Quarantined() {
		err = grove.Errorf(grove.Conflict, grove.MisfitQuarantine, "%s", grove.AsError(err).Message)
	}
	l.add(err)
	if !live.PlateClear {
		l = append(l, plateMisfit(live.Name))
	}
	return l
}

// barred reports whether a file is that of a guest who is locked out, on the printers of
// this owner.
func (q *Queue) barred(f grove.File, owner int64) bool {
	return f.OwnerID != owner && q.Gate.Locked(f.OwnerID)
}

// misfits are all that keeps the printer from taking the wish this moment, and where
// its filaments would come from.
func (q *Queue) misfits(w wish, live grove.Live) (faults, loading) {
	var l faults
	if q.barred(w.file, live.OwnerID) {
		l = append(l, lockedGuest)
	}
	l = append(append(l, q.unready(live)...), w.unsuited(live)...)
	loaded, err := w.load(live)
	l.add(err)
	return l, loaded
}

// traffic is what jobs there are of printers, by serial.
type traffic struct {
	held  map[string]grove.Job // by the job that was claimed or may be printing
	heads map[string]grove.Job // the first in line of the printer's own that a locked guest does not hold
	// passed are those before them, which one holds.
	passed []grove.Job
}

func (q *Queue) traffic(ctx context.Context) (traffic, error) {
	t := traffic{held: map[string]grove.Job{}, heads: map[string]grove.Job{}}
	holding, err := q.Records.Jobs(ctx, grove.JobQuery{States: []grove.JobState{
		grove.Claimed, grove.Uploading, grove.Ready, grove.Sending, grove.Accepted, grove.Running, grove.Unknown,
	}}, grove.Page{})
	if err != nil {
		return t, err
	}
	heads, err := q.Records.Heads(ctx, time.Now())
	for _, j := range holding.Items {
		t.held[j.Serial] = j
	}
	for _, j := range heads {
		if former, is := t.heads[j.Serial]; is {
			t.passed = append(t.passed, former)
		}
		t.heads[j.Serial] = j
	}
	return t, err
}

// misfits are what other jobs keep the printer from taking the job.
func (t traffic) misfits(j *grove.Job, live grove.Live) (l faults) {
	if other, held := t.held[live.Serial]; held && other.ID != j.ID {
		l.add(grove.Errorf(grove.Conflict, grove.MisfitHeld, "job %d (%s) holds %s", other.ID, other.State, live.Name).
			With(values{"job": strconv.FormatInt(other.ID, 10), "state": other.State}))
	}
	if head, is := t.heads[live.Serial]; is && head.ID != j.ID && (j.ID == 0 || earlier(&head, j)) {
		l.add(grove.Errorf(grove.Conflict, grove.MisfitTurn, "job %d waits for %s and is earlier in the line", head.ID, live.Name).
			With(values{"job": strconv.FormatInt(head.ID, 10)}))
	}
	return l
}

// earlier reports whether a comes before b in their owner's line.
func earlier(a, b *grove.Job) bool {
	return cmp.Or(cmp.Compare(a.Position, b.Position), cmp.Compare(a.ID, b.ID)) < 0
}

// Preview says of each of the actor's printers whether it could take a submission,
// before there is a job. It changes nothing.
func (q *Queue) Preview(ctx context.Context, actor grove.Actor, s Submission) ([]grove.Fit, error) {
	if err := q.Gate.Authorize(actor, grove.ReadPrinter, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return nil, err
	}
	w, err := q.read(actor.UserID, s, q.shelf(ctx, s))
	if err != nil {
		return nil, err
	}
	return q.fits(ctx, actor, w, &grove.Job{OwnerID: actor.UserID})
}

// Fits says of each of the actor's printers whether it could take a job, and if not,
// why.
func (q *Queue) Fits(ctx context.Context, actor grove.Actor, id int64) ([]grove.Fit, error) {
	j, err := q.Job(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	file, err := q.Files.Ready(ctx, j.FileID)
	if err != nil {
		return nil, err
	}
	return q.fits(ctx, actor, q.sparing(wishOf(&j, file), j.OwnerID), &j)
}

// fits holds a wish against the printers that the actor sees; a job of any printer
// takes its owner's alone.
func (q *Queue) fits(ctx context.Context, actor grove.Actor, w wish, j *grove.Job) ([]grove.Fit, error) {
	t, err := q.traffic(ctx)
	if err != nil {
		return nil, err
	}
	out := []grove.Fit{}
	for _, live := range q.seen(ctx, actor) {
		if w.any != nil && live.OwnerID != j.OwnerID {
			continue
		}
		out = append(out, q.fitOf(w, j, live, t))
	}
	return out, nil
}

// seen are the printers that the actor sees, by their names.
func (q *Queue) seen(ctx context.Context, actor grove.Actor) []grove.Live {
	reach := q.Gate.Reach(actor)
	var all []grove.Live
	for _, live := range q.Printers.Owned(reach.OwnerID) {
		if reach.Has(live.Serial, live.OwnerID) {
			all = append(all, live)
		}
	}
	for _, r := range reach.Shared {
		if live, err := q.Printers.Live(ctx, actor, r.Serial); err == nil && reach.Has(r.Serial, live.OwnerID) {
			all = append(all, live)
		}
	}
	slices.SortFunc(all, func(a, b grove.Live) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Serial, b.Serial))
	})
	return all
}

func (q *Queue) fitOf(w wish, j *grove.Job, live grove.Live, t traffic) grove.Fit {
	l, loaded := q.misfits(w, live)
	l = append(l, t.misfits(j, live)...)
	slices.SortStableFunc(l, func(a, b grove.Misfit) int {
		return cmp.Compare(rank(a), rank(b))
	})
	if !w.options.UseAMS { // what it would be with the AMS is told all the same
		w.options.UseAMS = true
		if with, err := w.load(live); err == nil && len(loaded.from) == 0 {
			loaded = with
		}
	}
	return grove.Fit{
		Serial: live.Serial, Name: live.Name, Model: live.Model, Fits: len(l) == 0, Misfits: append([]grove.Misfit{}, l...),
		AMSMapping: loaded.options.AMSMapping, Filaments: loaded.from,
	}
}

// rank puts what lasts first.
func rank(m grove.Misfit) int {
	if m.Lasting {
		return 0
	}
	return 1
}

func refuse(format string, args ...any) error {
	return grove.Errorf(grove.Invalid, grove.ReasonPrintFailed, format, args...)
}

func modelName(code string) string {
	if m, ok := bambu.LookupModel(code); ok {
		return m.Product
	}
	if code == "" {
		return "a printer of unknown model"
	}
	return code
}
