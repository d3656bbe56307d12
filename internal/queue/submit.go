package queue

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Submission is a wish to print. The file is found by its id, else the newest
// of that name, else by its profile number. Plate 0 means the file's first.
type Submission struct {
	Serial    string
	Any       *grove.Criteria // instead of a serial: whichever printer fits
	FileID    string
	FileName  string
	ProfileID int64
	Plate     int
	Title     string     // what people call the print; empty: as the file
	ProjectOf grove.File // whose plate the file prints; zero: the file's own project
	Options   grove.Options
	NotBefore time.Time // zero, or past: at once
	Mode      string    // cloud_file unless given; lan_file is for [Queue.Note]
}

// Submit makes a job. A printer that is not connected is refused at once and no
// job is made, unless it is for later; one that is busy lets the job wait.
func (q *Queue) Submit(ctx context.Context, actor grove.Actor, s Submission) (grove.Job, error) {
	made, err := q.SubmitCopies(ctx, actor, s, 1)
	if err != nil {
		return grove.Job{}, err
	}
	return made[0], nil
}

// maxCopies is how many jobs one submission makes at most.
const maxCopies = 100

// SubmitCopies makes so many jobs alike, all or none, each a print of its own.
func (q *Queue) SubmitCopies(ctx context.Context, actor grove.Actor, s Submission, copies int) ([]grove.Job, error) {
	if copies < 1 || copies > maxCopies {
		return nil, grove.Errorf(grove.Invalid, "bad_copies", "copies is %d; it must be 1 to %d", copies, maxCopies)
	}
	job, err := q.plan(ctx, actor, s, q.shelf(ctx, s))
	if err != nil {
		return nil, err
	}
	return q.create(ctx, actor, job, copies)
}

// create makes the jobs of a draft.
func (q *Queue) create(ctx context.Context, actor grove.Actor, job grove.Job, copies int) ([]grove.Job, error) {
	live, err := q.Printers.Now(job.Serial)
	if job.Any == nil && job.NotBefore.IsZero() && (err != nil || !live.Connected) {
		return nil, grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline,
			"printer %s is not connected, so no job was made; switch it on or check its network, then print again", job.Serial)
	}
	made, err := q.Records.CreateJobs(ctx, job, copies, []grove.Event{q.event(grove.JobQueued, &job, "queued", job.Why)},
		func(made grove.Job) grove.AuditEntry { return jobAct(actor, &made, "job.create") })
	if err != nil {
		return nil, err
	}
	q.metrics.submitted.Add(float64(copies))
	q.Kick()
	for i, j := range made {
		made[i] = q.shown(j)
	}
	return made, nil
}

// finder finds the file of a job on somebody's shelf.
type finder func(userID int64) (grove.File, error)

// shelf finds the file that a submission names.
func (q *Queue) shelf(ctx context.Context, s Submission) finder {
	return func(userID int64) (grove.File, error) {
		return q.Files.Find(ctx, userID, s.FileID, s.FileName, s.ProfileID)
	}
}

// plan holds a submission against what there is, and drafts its job.
func (q *Queue) plan(ctx context.Context, actor grove.Actor, s Submission, find finder) (grove.Job, error) {
	var err error
	if s.NotBefore, err = startTime(s.NotBefore); err != nil {
		return grove.Job{}, err
	}
	if s.Any != nil {
		return q.planAny(actor, s, find)
	}
	live, err := q.target(ctx, actor, s.Serial)
	if err != nil {
		return grove.Job{}, err
	}
	w, err := q.read(shelfOf(actor, live), s, find)
	if err != nil {
		return grove.Job{}, err
	}
	if err := w.suits(live); err != nil {
		return grove.Job{}, err
	}
	return q.draft(s, w.file, w.plate, live.OwnerID), nil
}

// target is a printer on which the actor may start prints.
func (q *Queue) target(ctx context.Context, actor grove.Actor, serial string) (grove.Live, error) {
	live, err := q.Printers.Live(ctx, actor, serial)
	if err != nil {
		return live, err
	}
	return live, q.Gate.Authorize(actor, grove.StartPrint, grove.Resource{Serial: serial, OwnerID: live.OwnerID})
}

// planAny drafts a job of whichever of the actor's own printers fits. One that none
// could ever take is refused, and why.
func (q *Queue) planAny(actor grove.Actor, s Submission, find finder) (grove.Job, error) {
	if err := q.Gate.Authorize(actor, grove.StartPrint, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.Job{}, err
	}
	if len(s.Options.AMSMapping) > 0 {
		return grove.Job{}, grove.Errorf(grove.Invalid, "bad_ams_mapping",
			"ams_mapping names the trays of one printer; leave it out where any printer may print, or name the printer")
	}
	w, err := q.read(actor.UserID, s, find)
	if err != nil {
		return grove.Job{}, err
	}
	reach := q.Gate.Reach(actor)
	if reach.Some { // a key for some printers makes no job for others, whatever is bound later
		if len(w.any.Printers) == 0 { // what is named counts as asked for
			w.any.Printers = tangible(reach.Only, w.toys)
		}
		if w.any.Printers = both(w.any.Printers, reach.Only); len(w.any.Printers) == 0 {
			return grove.Job{}, refuse("this API key is for none of the printers that are asked for")
		}
	}
	s.Serial, s.Any = "", w.any
	var why []string
	for _, live := range q.Printers.Owned(actor.UserID) {
		if !reach.Has(live.Serial, live.OwnerID) {
			continue
		}
		l := w.unsuited(live)
		if len(l) == 0 {
			return q.draft(s, w.file, w.plate, actor.UserID), nil
		}
		why = append(why, l[0].Message)
	}
	if len(why) == 0 {
		return grove.Job{}, refuse("there is no printer in this account that could print %s; bind one first", w.file.Name)
	}
	return grove.Job{}, refuse("none of your printers could print this: %s", strings.Join(some(why), ". "))
}

// tangible are the serials that are no toys', and all where there are no others.
func tangible(serials, toys []string) []string {
	there := slices.DeleteFunc(slices.Clone(serials), func(s string) bool { return slices.Contains(toys, s) })
	if len(there) == 0 {
		return serials
	}
	return there
}

// both are the printers asked for that are among some; all of those when none was asked
// for.
func both(asked, among []string) []string {
	if len(asked) == 0 {
		return slices.Clone(among)
	}
	return slices.DeleteFunc(slices.Clone(asked), func(s string) bool { return !slices.Contains(among, s) })
}

// some cuts a list of reasons that is long for a sentence.
func some(words []string) []string {
	const enough = 3
	if len(words) > enough {
		words = append(slices.Clone(words[:enough]), fmt.Sprintf("and %d more", len(words)-enough))
	}
	return words
}

// farAhead is how late a start may be asked for.
const farAhead = 30 * 24 * time.Hour

// startTime is when a job may start at the earliest; zero: at once.
func startTime(at time.Time) (time.Time, error) {
	now := time.Now()
	if at.After(now.Add(farAhead)) {
		return at, grove.Errorf(grove.Invalid, "bad_not_before", "not_before is %s; it may be 30 days ahead at most", stamp(at))
	}
	if !at.After(now) {
		return time.Time{}, nil
	}
	return at.UTC(), nil
}

// Note keeps a print that a client starts itself, over the LAN, as the vendor's
// cloud does: it is listed, and neither started nor followed. What became of it
// nobody told, so that it is no success.
func (q *Queue) Note(ctx context.Context, actor grove.Actor, s Submission) (grove.Job, error) {
	live, err := q.target(ctx, actor, s.Serial)
	if err != nil {
		return grove.Job{}, err
	}
	plate, _ := s.ProjectOf.Plate(s.Plate)
	plate.Index = s.Plate
	job := q.draft(s, s.ProjectOf, plate, live.OwnerID)
	job.State, job.FinishedAt = grove.Cancelled, job.CreatedAt
	job.Why = "the client starts this print over the LAN itself, so that nothing is started or followed here"
	made, err := q.Records.CreateJobs(ctx, job, 1, nil, func(made grove.Job) grove.AuditEntry { return jobAct(actor, &made, "job.note") })
	if err != nil {
		return grove.Job{}, err
	}
	return made[0], nil
}

// shelfOf is whose files an actor prints: a guest their own, and whoever holds the
// access code the owner's. The job is the owner's in any case.
func shelfOf(actor grove.Actor, live grove.Live) int64 {
	if actor.UserID > 0 {
		return actor.UserID
	}
	return live.OwnerID
}

func (q *Queue) draft(s Submission, file grove.File, plate grove.Plate, owner int64) grove.Job {
	now := time.Now().UTC()
	j := grove.Job{
		OwnerID: owner, Serial: s.Serial, Any: s.Any, FileID: file.ID, FileName: file.Name,
		State: grove.Queued, Options: s.Options, Mode: s.Mode, ProfileID: file.ProfileID, ModelID: file.ModelID,
		CreatedAt: now,
	}
	j.Options.AutoMapped = false
	slice(&j, plate)
	q.schedule(&j, s.NotBefore)
	if s.Title != "" {
		j.FileName = s.Title
	}
	if s.ProjectOf.ID != "" {
		j.ProfileID, j.ModelID = s.ProjectOf.ProfileID, s.ProjectOf.ModelID
	}
	if j.Mode == "" {
		j.Mode = "cloud_file"
	}
	return j
}

// slice gives a job its plate.
func slice(j *grove.Job, p grove.Plate) {
	j.Plate, j.EstimateSeconds, j.WeightGrams, j.Filaments, j.LengthMeters = p.Index, p.EstimateSeconds, p.WeightGrams, p.Filaments, 0
	for _, f := range p.Filaments {
		j.LengthMeters += f.Meters
	}
}

// schedule says from when on a job may start, and from then on how long it may wait.
func (q *Queue) schedule(j *grove.Job, notBefore time.Time) {
	j.NotBefore, j.ExpiresAt, j.Why = notBefore, time.Now().UTC().Add(q.Life), ""
	if !notBefore.IsZero() {
		j.ExpiresAt, j.Why = notBefore.Add(q.Life), "waits until "+stamp(notBefore)+", as it was asked to"
	}
}

// read finds the file of a submission, and the plate.
func (q *Queue) read(userID int64, s Submission, find finder) (wish, error) {
	file, err := find(userID)
	if err != nil {
		return wish{}, err
	}
	plate, err := printable(file, s.Plate)
	if err != nil {
		return wish{}, err
	}
	w := wish{file: file, plate: plate, options: s.Options}
	if s.Any != nil {
		w.any, err = tidied(*s.Any)
	}
	return q.sparing(w, userID), err
}

// The bounds of criteria.
const (
	maxNames    = 100
	maxDiameter = 2 // mm
)

// tidied are criteria with codes for the names of models.
func tidied(c grove.Criteria) (*grove.Criteria, error) {
	if len(c.Models) > maxNames || len(c.Tags) > maxNames || len(c.Printers) > maxNames || !(c.NozzleDiameter >= 0 && c.NozzleDiameter <= maxDiameter) {
		return nil, grove.Errorf(grove.Invalid, "bad_criteria", "any takes %d models, tags and printers each at most, and a nozzle of 0 to %d mm", maxNames, maxDiameter)
	}
	models := make([]string, 0, len(c.Models))
	for _, name := range c.Models {
		m, ok := bambu.LookupModel(name)
		if !ok {
			return nil, grove.Errorf(grove.Invalid, "bad_criteria", "any asks for the model %q, which is none; name it as P1S or C12", name)
		}
		models = append(models, m.Code)
	}
	c.Models = models
	return &c, nil
}

// printable finds the plate.
func printable(f grove.File, index int) (grove.Plate, error) {
	if !f.Printable {
		why := f.Problem
		if why == "" {
			why = "it holds no sliced plate; slice it first and upload the .gcode.3mf"
		}
		return grove.Plate{}, refuse("%s can't be printed: %s", f.Name, why)
	}
	if index == 0 {
		return f.Plates[0], nil
	}
	plate, ok := f.Plate(index)
	if !ok {
		return grove.Plate{}, refuse("%s has no sliced plate %d", f.Name, index)
	}
	return plate, nil
}

// suits refuses a wish that the printer could not take as it is built and named.
func (w wish) suits(live grove.Live) error {
	if l := w.unsuited(live); len(l) > 0 {
		return refuse("%s", l[0].Message)
	}
	return nil
}

// Wish makes a job of a start that a client sent as a command. The file must be
// one that was uploaded here: nothing else is started.
func (q *Queue) Wish(ctx context.Context, actor grove.Actor, serial string, w bambu.StartWish) (grove.Job, error) {
	job, err := q.Submit(ctx, actor, Submission{
		Serial: serial, FileName: wishedFile(w), Plate: w.Plate, Options: w.Options, Mode: "command",
	})
	if err != nil {
		return grove.Job{}, fmt.Errorf("make a job of the start: %w", err)
	}
	return job, nil
}

// wishedFile is the uploaded file that a start command names, by its file
// member or the last part of its URL.
func wishedFile(w bambu.StartWish) string {
	if w.File != "" {
		return path.Base(w.File)
	}
	location, _, _ := strings.Cut(w.URL, "?")
	if base := path.Base(location); base != "." && base != "/" {
		return base
	}
	return w.Name
}
